package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func quick(orders int, seed uint64) settings {
	return settings{orders: orders, parallel: 8, seed: seed, timeout: 30 * time.Millisecond, failing: 0.3}
}

// The plain loop is the proof that these faults do bite.
func TestOrdersAreChargedOnceAndTheShopKnowsForTwentySeeds(t *testing.T) {
	const seeds, orders = 20, 200
	var duplicates, unknown atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				s := quick(orders, seed)
				safe, err := charge(t.Context(), s, nil, "", startSafe)
				if err != nil {
					t.Fatal(err)
				}
				unharmed(t, safe)
				plain, err := charge(t.Context(), s, nil, "", startPlain)
				if err != nil {
					t.Fatal(err)
				}
				duplicates.Add(int64(plain.duplicates))
				unknown.Add(int64(safe.unknown))
			})
		}
	})
	t.Logf("plain: %d duplicates, retrysafe: %d unknown, of %d orders", duplicates.Load(), unknown.Load(), seeds*orders)
	if n := duplicates.Load(); n < seeds*orders/50 {
		t.Errorf("the plain loop made %d duplicates of %d orders: the faults do not bite", n, seeds*orders)
	}
	// None on a machine that is not busy: on one that is, attempts time out.
	if n := unknown.Load(); n > seeds*orders/2 {
		t.Errorf("%d of %d orders stayed unknown: nothing is shown", n, seeds*orders)
	}
}

func unharmed(t *testing.T, a account) {
	t.Helper()
	if a.harm() > 0 {
		t.Errorf("%d duplicates, %d lost, %d outcomes wrong, %d told failed though charged, want none",
			a.duplicates, a.lost, a.wrong, a.failed)
	}
}

// Then many orders stay unknown, and that is what the shop has to be told.
func TestTheShopIsToldNothingUntrueWhenMostRequestsFail(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := quick(100, seed)
			s.failing = 0.8
			a, err := charge(t.Context(), s, nil, "", startSafe)
			if err != nil {
				t.Fatal(err)
			}
			unharmed(t, a)
			t.Logf("%d unknown of %d", a.unknown, a.orders)
		})
	}
}

func TestTheProgramPrintsWhatBecameOfTheOrders(t *testing.T) {
	var out, progress strings.Builder
	if err := run(t.Context(), quick(40, 1), &out, &progress); err != nil {
		t.Fatal(err)
	}
	for _, r := range table {
		if !strings.Contains(out.String(), r.name) {
			t.Errorf("no line %q in\n%s", r.name, out.String())
		}
	}
	if !strings.Contains(progress.String(), "retrysafe: 40 of 40 orders") {
		t.Errorf("progress does not reach its end: %q", progress.String())
	}
}

func TestImpossibleSettingsAreRefused(t *testing.T) {
	for _, s := range []settings{
		{orders: 1, parallel: 1, timeout: time.Second, failing: 1.1},
		{orders: 1, parallel: 1, timeout: time.Second, failing: math.NaN()},
		{parallel: 1, timeout: time.Second},
		{orders: 1, timeout: time.Second},
		{orders: 1, parallel: 1},
	} {
		if err := run(t.Context(), s, io.Discard, nil); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
