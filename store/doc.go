// Package store is the base of retrysafe: the words that every other package
// uses for how an operation ended. It imports the standard library only.
package store
