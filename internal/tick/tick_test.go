package tick_test

import (
	"sync"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/internal/tick"
)

// hands are clocks that a test moves.
type hands struct {
	wall time.Time
	mono time.Duration
}

func (h *hands) read() (time.Time, time.Duration) { return h.wall, h.mono }

func (h *hands) pass(d time.Duration) { h.wall, h.mono = h.wall.Add(d), h.mono+d }

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.FixedZone("CET", 3600))

func TestTheClockIsTheWallClockInWholeMicroseconds(t *testing.T) {
	h := &hands{wall: noon.Add(1999 * time.Nanosecond)}
	c := tick.From(h.read)
	if got, want := c.Now(), noon.Add(time.Microsecond).UTC(); got != want {
		t.Errorf("now is %v, want %v", got, want)
	}
	h.pass(time.Hour)
	if got, want := c.Now(), noon.Add(time.Hour+time.Microsecond).UTC(); got != want {
		t.Errorf("now is %v, want %v", got, want)
	}
}

func TestEveryInstantIsGivenOnce(t *testing.T) {
	h := &hands{wall: noon.Add(999 * time.Nanosecond)}
	c := tick.From(h.read)
	last := c.Now()
	for range 1000 {
		h.pass(300 * time.Nanosecond)
		now := c.Now()
		if !now.After(last) {
			t.Fatalf("%v after %v", now, last)
		}
		last = now
	}
}

func TestAWallClockThatIsSetBackDoesNotStopTime(t *testing.T) {
	h := &hands{wall: noon}
	c := tick.From(h.read)
	start := c.Now()
	h.wall = h.wall.Add(-time.Hour)
	for range 1000 {
		h.pass(1900 * time.Nanosecond)
		c.Now()
	}
	h.pass(time.Minute)
	want := time.Minute + 1000*1900*time.Nanosecond
	if passed := c.Now().Sub(start); passed != want.Truncate(time.Microsecond) {
		t.Errorf("%v passed, want %v", passed, want)
	}
}

func TestAWallClockThatIsAheadIsFollowed(t *testing.T) {
	h := &hands{wall: noon}
	c := tick.From(h.read)
	start := c.Now()
	h.wall = h.wall.Add(time.Hour) // as after a suspension, in which the monotonic clock stood still
	if passed := c.Now().Sub(start); passed != time.Hour {
		t.Errorf("%v passed, want an hour", passed)
	}
}

func TestTheMachinesClock(t *testing.T) {
	c := tick.New()
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[time.Time]bool)
	for range 8 {
		group.Go(func() {
			for range 100 {
				now := c.Now()
				if off := time.Since(now).Abs(); off > time.Minute {
					t.Errorf("the clock is %v off", off)
				}
				mu.Lock()
				seen[now] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(seen) != 800 {
		t.Errorf("%d instants for 800 callers", len(seen))
	}
}
