package store_test

import (
	"sync"
	"testing"
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
