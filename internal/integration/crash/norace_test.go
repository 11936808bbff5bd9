//go:build !race && unix

package crash_test

const underRace = false
