package faultstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/faultstore"
	"github.com/retrysafe/retrysafe/store/storetest"
)

func TestAStoreWithoutAFaultPassesTheSuite(t *testing.T) {
	storetest.RunVirtual(t, func(*testing.T) store.Store {
		s, _ := faultstore.New(store.NewMemory(), nil)
		return s
	})
}

func claim(id string) store.Claim {
	name := store.Name{Kind: "charge", ID: id}
	return store.Claim{Intent: store.Intent{Name: name}, Lease: time.Minute, Nonce: store.Nonce([]byte(id + "................")[:16])}
}

func begin(t *testing.T, s store.Tx, id string) error {
	t.Helper()
	_, err := s.Begin(t.Context(), claim(id).Intent)
	return err
}

func TestTheNthCallFails(t *testing.T) {
	for _, after := range []bool{false, true} {
		inner := store.NewMemory()
		s, fault := faultstore.New(inner, &faultstore.Options{Call: 2, After: after})
		for n, id := range []string{"1", "2", "3"} {
			if fault.Reached() != (n == 2) {
				t.Errorf("reached before call %d: %v", n+1, fault.Reached())
			}
			if err := begin(t, s, id); errors.Is(err, faultstore.ErrFault) != (n == 1) {
				t.Errorf("call %d: error %v", n+1, err)
			}
			_, err := inner.Get(t.Context(), claim(id).Name)
			if made := err == nil; made != (n != 1 || after) {
				t.Errorf("after=%v: the move of call %d was made: %v", after, n+1, made)
			}
		}
	}
}

func TestCallsOfOneMethodAreCountedByThemselves(t *testing.T) {
	mine := errors.New("disk full")
	s, fault := faultstore.New(store.NewMemory(), &faultstore.Options{Method: faultstore.Claim, Call: 2, Err: mine})
	for n := range 2 {
		if err := begin(t, s, "a"); err != nil {
			t.Errorf("a begin failed: %v", err)
		}
		if _, err := s.Claim(t.Context(), claim("a")); errors.Is(err, mine) != (n == 1) {
			t.Errorf("claim %d: error %v", n+1, err)
		}
	}
	for method, want := range map[faultstore.Method]int{faultstore.Begin: 2, faultstore.Claim: 2, faultstore.Get: 0, faultstore.AnyMethod: 4} {
		if got := fault.Calls(method); got != want {
			t.Errorf("%d calls of %q, want %d", got, method, want)
		}
	}
}

func TestNothingIsMadeAfterACrash(t *testing.T) {
	inner := store.NewMemory()
	s, _ := faultstore.New(inner, &faultstore.Options{Call: 2, After: true, Crash: true})
	for n, id := range []string{"1", "2", "3", "4"} {
		if err := begin(t, s, id); (err != nil) != (n >= 1) {
			t.Errorf("call %d: error %v", n+1, err)
		}
		_, err := inner.Get(t.Context(), claim(id).Name)
		if made := err == nil; made != (n < 2) {
			t.Errorf("the move of call %d was made: %v", n+1, made)
		}
	}
}

func TestACallBlocksUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := faultstore.New(store.NewMemory(), &faultstore.Options{Call: 1, Block: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := s.Claim(ctx, claim("a"))
		if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != time.Hour {
			t.Errorf("it returned %v after %v", err, waited)
		}
		s, _ = faultstore.New(store.NewMemory(), &faultstore.Options{Call: 1, Block: true})
		if _, err := s.Claim(context.Background(), claim("a")); !errors.Is(err, faultstore.ErrFault) {
			t.Errorf("with a context that never ends it returned %v", err)
		}
	})
}

func TestEveryMethodCanFail(t *testing.T) {
	ctx, name := t.Context(), claim("a").Name
	for method, ask := range map[faultstore.Method]func(s store.Store) error{
		faultstore.Begin: func(s store.Store) error { _, err := s.Begin(ctx, claim("a").Intent); return err },
		faultstore.Claim: func(s store.Store) error { _, err := s.Claim(ctx, claim("a")); return err },
		faultstore.Get:   func(s store.Store) error { _, err := s.Get(ctx, name); return err },
		faultstore.Renew: func(s store.Store) error { _, err := s.Renew(ctx, time.Minute, nil); return err },
		faultstore.Due:   func(s store.Store) error { _, err := s.(store.Admin).Due(ctx, store.DueFilter{Limit: 1}); return err },
		faultstore.List:  func(s store.Store) error { _, err := s.(store.Admin).List(ctx, store.Filter{Limit: 1}); return err },
		faultstore.Purge: func(s store.Store) error {
			_, err := s.(store.Admin).Purge(ctx, store.PurgeLimits{Limit: 1})
			return err
		},
		faultstore.Batch: func(s store.Store) error { return s.(store.Batcher).Batch(ctx, func(store.Tx) error { return nil }) },
		faultstore.Notice: func(s store.Store) error {
			_, _, err := s.(store.Notifier).Notice(ctx, store.Notice{Name: name})
			return err
		},
		faultstore.Complete: func(s store.Store) error {
			_, err := s.Complete(ctx, store.Token{Name: name}, store.Completion{})
			return err
		},
		faultstore.Resolve: func(s store.Store) error {
			_, err := s.(store.Admin).Resolve(ctx, store.Resolution{Name: name})
			return err
		},
		faultstore.Reopen: func(s store.Store) error {
			_, err := s.(store.Admin).Reopen(ctx, store.Reopening{Name: name})
			return err
		},
	} {
		s, fault := faultstore.New(store.NewMemory(), &faultstore.Options{Method: method, Call: 1})
		if err := ask(s); !errors.Is(err, faultstore.ErrFault) || !fault.Reached() {
			t.Errorf("%s: error %v, reached %v", method, err, fault.Reached())
		}
		if err := ask(s); errors.Is(err, faultstore.ErrFault) {
			t.Errorf("%s: the second call failed too", method)
		}
	}
}

func TestAMoveOfABatchCanFail(t *testing.T) {
	inner := store.NewMemory()
	s, fault := faultstore.New(inner, &faultstore.Options{Method: faultstore.Begin, Call: 2, After: true})
	err := s.(store.Batcher).Batch(t.Context(), func(tx store.Tx) error {
		return errors.Join(begin(t, tx, "1"), begin(t, tx, "2"))
	})
	if !errors.Is(err, faultstore.ErrFault) || !fault.Reached() {
		t.Errorf("error %v, reached %v", err, fault.Reached())
	}
	if records, err := inner.List(t.Context(), store.Filter{Limit: 10}); err != nil || len(records) != 0 {
		t.Errorf("%d records (%v) after a batch that failed, want none", len(records), err)
	}
}

func TestOfConcurrentCallsExactlyOneFails(t *testing.T) {
	s, fault := faultstore.New(store.NewMemory(), &faultstore.Options{Call: 20})
	var group sync.WaitGroup
	var failed atomic.Int64
	for range 50 {
		group.Go(func() {
			if _, err := s.Claim(context.Background(), claim("a")); err != nil {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	if failed.Load() != 1 || fault.Calls(faultstore.Claim) != 50 {
		t.Errorf("%d of %d calls failed, want 1 of 50", failed.Load(), fault.Calls(faultstore.Claim))
	}
}

// The combinations of optional interfaces that a store can have.
type (
	bare     struct{ store.Store }
	admin    struct{ store.Admin }
	notifier struct{ store.Notifier }
	batcher  struct{ store.Batcher }
	watcher  struct{ store.Watcher }
)

func combinations(m *store.Memory) []store.Store {
	s, a, n, b, w := bare{m}, admin{m}, notifier{m}, batcher{m}, watcher{m}
	return []store.Store{
		s,
		struct {
			bare
			admin
		}{s, a},
		struct {
			bare
			notifier
		}{s, n},
		struct {
			bare
			batcher
		}{s, b},
		struct {
			bare
			watcher
		}{s, w},
		struct {
			bare
			admin
			notifier
		}{s, a, n},
		struct {
			bare
			admin
			batcher
		}{s, a, b},
		struct {
			bare
			admin
			watcher
		}{s, a, w},
		struct {
			bare
			notifier
			batcher
		}{s, n, b},
		struct {
			bare
			notifier
			watcher
		}{s, n, w},
		struct {
			bare
			batcher
			watcher
		}{s, b, w},
		struct {
			bare
			admin
			notifier
			batcher
		}{s, a, n, b},
		struct {
			bare
			admin
			notifier
			watcher
		}{s, a, n, w},
		struct {
			bare
			admin
			batcher
			watcher
		}{s, a, b, w},
		struct {
			bare
			notifier
			batcher
			watcher
		}{s, n, b, w},
		m,
	}
}

func has(s store.Store) (all [4]bool) {
	_, all[0] = s.(store.Admin)
	_, all[1] = s.(store.Notifier)
	_, all[2] = s.(store.Batcher)
	_, all[3] = s.(store.Watcher)
	return all
}

func TestOptionalInterfacesAreForwardedAsTheyAre(t *testing.T) {
	seen := make(map[[4]bool]bool)
	for _, inner := range combinations(store.NewMemory()) {
		s, _ := faultstore.New(inner, nil)
		if has(s) != has(inner) {
			t.Errorf("a store with %v became one with %v", has(inner), has(s))
		}
		seen[has(inner)] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d combinations were tried, want 16", len(seen))
	}
}

// vouching says of itself that it vouches.
type vouching struct{ *store.Memory }

func (vouching) Capabilities() store.Capabilities {
	return store.Capabilities{Durability: store.DurablePowerLoss, Shared: true}
}

func TestCapabilitiesAreThoseOfTheStore(t *testing.T) {
	for _, inner := range []store.Store{bare{store.NewMemory()}, store.NewMemory(), vouching{store.NewMemory()}} {
		s, _ := faultstore.New(inner, nil)
		if got, want := store.CapabilitiesOf(s), store.CapabilitiesOf(inner); got != want {
			t.Errorf("capabilities %+v, want %+v", got, want)
		}
	}
}
