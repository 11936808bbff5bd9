//go:build race

package sqlite_test

// The engine is Go code that the race detector makes some twenty times slower.
const racing = true
