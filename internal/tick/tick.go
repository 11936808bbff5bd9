// Package tick is a clock for stores: the machine's time, but it never goes
// back and never stands still.
package tick

import (
	"sync"
	"time"
)

// Source reads the wall clock, and a clock that nobody sets, from any origin.
type Source func() (wall time.Time, monotonic time.Duration)

// Clock gives every caller an instant of its own, each later than those before.
// It follows the wall clock where that is ahead, as after a suspension; where
// the wall clock was set back it goes on at the speed of the monotonic one. It
// is safe for concurrent use.
type Clock struct {
	read Source

	mu   sync.Mutex
	at   time.Time     // the last instant given, before it was cut to microseconds
	mono time.Duration // when it was given
}

// New returns a clock over the machine's time.
func New() *Clock {
	start := time.Now()
	return From(func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(start)
	})
}

// From returns a clock over a source.
func From(source Source) *Clock { return &Clock{read: source} }

// Now returns the time in UTC and whole microseconds. It is later than
// everything that Now returned before.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.read()
	at := latest(wall, c.at.Add(mono-c.mono), c.at.Add(time.Microsecond))
	c.at, c.mono = at, mono
	return at.UTC().Truncate(time.Microsecond)
}

func latest(times ...time.Time) time.Time {
	last := times[0]
	for _, t := range times[1:] {
		if t.After(last) {
			last = t
		}
	}
	return last
}
