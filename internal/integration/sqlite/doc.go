// Package sqlite tests sqlstore with a real SQLite.
package sqlite
