package retrysafe

import (
	"context"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// defaultLease is how long a holder may be silent before others take over.
const defaultLease = time.Minute

// hold is the claim that a run has on its operation.
type hold struct {
	token store.Token
	lease time.Duration

	mu    sync.Mutex
	since time.Time // when the lease was last asked for: before the store granted it
	lost  bool
}

// left is for how long nobody can have taken the operation over.
func (h *hold) left(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost {
		return 0
	}
	return h.lease - elapsed(h.since, now)
}

func (h *hold) renewed(asked time.Time, held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !held {
		h.lost = true
		return
	}
	h.since = asked
}

// leases renews what a client holds, every third of a lease: with one timer,
// and with a goroutine only while it renews.
type leases struct {
	store    store.Store
	interval time.Duration
	observe  func(context.Context, StoreMove)

	mu    sync.Mutex
	held  map[*hold]struct{}
	timer *time.Timer
}

func newLeases(s store.Store, lease time.Duration, observe func(context.Context, StoreMove)) *leases {
	return &leases{store: s, interval: lease / 3, observe: observe, held: map[*hold]struct{}{}}
}

func (l *leases) add(h *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[h] = struct{}{}
	switch {
	case len(l.held) > 1:
	case l.timer == nil:
		l.timer = time.AfterFunc(l.interval, l.renewAll)
	default:
		l.timer.Reset(l.interval)
	}
}

func (l *leases) remove(h *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, h)
	if len(l.held) == 0 && l.timer != nil {
		l.timer.Stop()
	}
}

// renewAll renews what is held, in one call for each length of lease, and sets
// the timer again while something is.
func (l *leases) renewAll() {
	ctx, cancel := context.WithTimeout(context.Background(), l.interval)
	defer cancel()
	for lease, holds := range l.byLease() {
		l.renew(ctx, lease, holds)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) > 0 {
		l.timer.Reset(l.interval)
	}
}

func (l *leases) byLease() map[time.Duration][]*hold {
	l.mu.Lock()
	defer l.mu.Unlock()
	by := map[time.Duration][]*hold{}
	for h := range l.held {
		by[h.lease] = append(by[h.lease], h)
	}
	return by
}

// renew renews holds with one lease. What cannot be renewed now may be the next
// time: its lease runs on.
func (l *leases) renew(ctx context.Context, lease time.Duration, holds []*hold) {
	tokens := make([]store.Token, len(holds))
	for i, h := range holds {
		tokens[i] = h.token
	}
	asked := time.Now()
	held, err := l.store.Renew(ctx, lease, tokens)
	l.observe(ctx, StoreMove{Move: "renew", Count: len(tokens), Duration: time.Since(asked), Err: err})
	if err != nil || len(held) != len(holds) {
		return
	}
	for i, h := range holds {
		h.renewed(asked, held[i])
	}
}

// letGo stops renewing: the call has ended, or is on its way up in a panic.
func (r *run) letGo() { r.client.leases.remove(r.hold) }

// outlasts reports whether the run's lease outlasts an attempt of this length,
// renewing it if it would not.
func (r *run) outlasts(ctx context.Context, length time.Duration) bool {
	h := r.hold
	if h == nil || r.committed {
		return true
	}
	if h.left(time.Now()) >= length {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	r.client.leases.renew(ctx, h.lease, []*hold{h})
	return h.left(time.Now()) >= length
}
