package sqlstore

import (
	"sync/atomic"
	"time"

	"github.com/retrysafe/retrysafe/internal/tick"
)

// clock is the store's time. It is the wall clock, except that it never goes
// back, neither within a process nor, by a high-water mark in the database,
// from one process to the next.
type clock struct {
	*tick.Clock
	mark  atomic.Int64 // microseconds; every time given is later
	saved atomic.Int64 // the mark that is in the database
}

// markEvery is how often the high-water mark is written, at most. A process
// that begins after a crash may be behind the last one by as much, if the wall
// clock was set back in between.
const markEvery = time.Second

func newClock(now func() time.Time) *clock {
	c := &clock{}
	start := time.Now()
	c.Clock = tick.From(func() (time.Time, time.Duration) {
		wall, elapsed := now(), time.Since(start)
		if mark := c.mark.Load(); wall.UnixMicro() <= mark {
			return time.UnixMicro(mark + 1), elapsed
		}
		return wall.Round(0), elapsed
	})
	return c
}

// raise takes over a mark that was read from the database.
func (c *clock) raise(mark int64) {
	for old := c.mark.Load(); mark > old; old = c.mark.Load() {
		if c.mark.CompareAndSwap(old, mark) {
			return
		}
	}
}
