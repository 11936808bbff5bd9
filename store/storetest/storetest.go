// Package storetest is the suite that every store passes. Run tries each move
// from each state, the histories in which stores are known to go wrong, and the
// optional interfaces that the store has; Lockstep compares any number of
// random moves with the pure moves of package store.
package storetest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Subject is a store under test.
type Subject struct {
	// Store is new and empty, and nobody else uses it.
	Store store.Store
	// Unit is what the suite counts leases in. Where time is real it must be
	// much longer than a few moves take: 50 ms for a store on a local disk.
	Unit time.Duration
	// Advance returns when at least that much more of the store's time has
	// passed: it sleeps, or moves a clock. The suite asks for a few units.
	Advance func(time.Duration)
	// Leaps: Advance does not sleep, so the suite may ask for ten years.
	Leaps bool
	// Step sets the wall clock that the store reads forward, or if negative
	// back, and leaves its monotonic clock alone. Nil: the suite cannot.
	Step func(time.Duration)
}

// one is a test of the suite.
type one struct {
	name string
	run  func(s *scene)
}

// Run tests stores. Each test asks open for a Subject of its own; t.Cleanup is
// the place to close it. What the store does not have is logged.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range suite() {
		t.Run(test.name, func(t *testing.T) { test.run(newScene(t, open(t))) })
	}
}

// RunVirtual is Run in virtual time: each test opens its store in a bubble of
// testing/synctest, where a minute passes at once. It is for stores that take
// the time from package time and talk to no other process.
func RunVirtual(t *testing.T, open func(t *testing.T) store.Store) {
	for _, test := range suite() {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test.run(newScene(t, virtual(open(t)))) })
		})
	}
}

func virtual(s store.Store) Subject {
	return Subject{Store: s, Unit: time.Minute, Advance: time.Sleep, Leaps: true}
}

func suite() []one {
	var all []one
	for _, part := range [][]one{
		moves(), claims(), holders(), endings(), values(), refusals(), clocks(),
		dues(), lists(), purges(), decisions(), notices(), batches(), watches(), random(),
	} {
		all = append(all, part...)
	}
	return all
}
