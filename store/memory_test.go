package store_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/storetest"
)

// hands are a machine's clocks that a test moves.
type hands struct {
	mu   sync.Mutex
	wall time.Time
	mono time.Duration
}

func newHands() *hands {
	return &hands{wall: time.Date(2026, 2, 28, 23, 59, 59, 999_999_999, time.UTC)}
}

func (h *hands) read() (time.Time, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wall, h.mono
}

func (h *hands) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall, h.mono = h.wall.Add(d), h.mono+d
}

func (h *hands) step(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall = h.wall.Add(d)
}

func memory(*testing.T) storetest.Subject {
	h := newHands()
	return storetest.Subject{Store: store.NewMemoryFrom(h.read), Unit: time.Minute, Advance: h.advance, Leaps: true, Step: h.step}
}

func TestMemoryPassesTheSuite(t *testing.T) { storetest.Run(t, memory) }

func TestMemoryVouchesForNothing(t *testing.T) {
	c := store.CapabilitiesOf(store.NewMemory())
	if c.Vouches() || c.Shared || c.Durability != store.DurableNothing || c.Clock != store.ClockHost {
		t.Errorf("capabilities %+v", c)
	}
}

func TestALongBatchHoldsNobodyBeyondTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := store.NewMemory()
		inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			left <- m.Batch(t.Context(), func(store.Tx) error {
				close(inside)
				<-leave
				return nil
			})
		}()
		<-inside
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.Begin(ctx, intent()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a begin during a batch returned %v", err)
		}
		close(leave)
		if err := <-left; err != nil {
			t.Errorf("the batch returned %v", err)
		}
		if _, err := m.Get(t.Context(), intent().Name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a begin that gave up was made: %v", err)
		}
	})
}

// TestWhoWaitsIsNotWokenByNothing: a waiter asks again when it is woken, and
// must not wake itself by asking.
func TestWhoWaitsIsNotWokenByNothing(t *testing.T) {
	m := store.NewMemory()
	claim := store.Claim{Intent: intent(), Lease: time.Hour, Nonce: store.Nonce{1}}
	grant, err := m.Claim(t.Context(), claim)
	if err != nil || grant.Status != store.ClaimAcquired {
		t.Fatal(grant.Status, err)
	}
	changed, stop := m.Watch(claim.Name)
	defer stop()
	claim.Nonce = store.Nonce{2}
	if g, err := m.Claim(t.Context(), claim); err != nil || g.Status != store.ClaimHeld {
		t.Fatal(g.Status, err)
	}
	if held, err := m.Renew(t.Context(), 2*time.Hour, []store.Token{grant.Record.Token()}); err != nil || !held[0] {
		t.Fatal(held, err)
	}
	select {
	case <-changed:
		t.Error("a claim that was refused, or a renewal, woke those who wait")
	default:
	}
}

func BenchmarkMemoryDueOf100000(b *testing.B) {
	m := store.NewMemory()
	for n := range 100_000 {
		i := intent()
		i.ID = strconv.Itoa(n)
		if n%100 != 0 {
			i.Delay = time.Hour
		}
		if _, err := m.Begin(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		items, err := m.Due(b.Context(), store.DueFilter{Owner: "acme", Others: true, Limit: 100})
		if err != nil || len(items) != 100 {
			b.Fatal(len(items), err)
		}
	}
}

func BenchmarkMemoryClaimAndComplete(b *testing.B) {
	m := store.NewMemory()
	n := 0
	for b.Loop() {
		n++
		i := intent()
		i.ID = strconv.Itoa(n)
		g, err := m.Claim(b.Context(), store.Claim{Intent: i, Lease: time.Hour, Nonce: store.Nonce{1}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Complete(b.Context(), g.Record.Token(), succeeded); err != nil {
			b.Fatal(err)
		}
	}
}
