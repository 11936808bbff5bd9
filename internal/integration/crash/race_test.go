//go:build race && unix

package crash_test

// underRace: everything takes ten times as long.
const underRace = true
