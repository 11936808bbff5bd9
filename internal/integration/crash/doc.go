// Package crash kills processes at every point of an operation, and looks at
// what is then known and done.
package crash
