package retrysafe

import (
	"cmp"
	"math"
	"math/rand/v2"
	"time"
)

// The waits of a Backoff whose fields are zero.
const (
	defaultBackoffBase = 500 * time.Millisecond
	defaultBackoffCap  = 20 * time.Second
)

// longestWait is what every wait too long for a Duration (about 292 years) is
// cut to.
const longestWait time.Duration = math.MaxInt64

// Jitter says how much chance there is in a wait. The zero value is FullJitter.
type Jitter int

const (
	// FullJitter draws every wait uniformly between zero and the ceiling of its
	// attempt, both included, so that clients that failed together do not come
	// back together. On top of the server's advice it adds such a draw.
	FullJitter Jitter = iota
	// NoJitter waits exactly the ceiling of the attempt, or exactly what the
	// server advised. It is for tests and for a client that is alone: many
	// clients without jitter return in waves.
	NoJitter
)

// A Backoff says how long to wait between two attempts: up to Base after the
// first, and up to twice as much after each further one until Cap is reached.
// It is a plain value: the zero value is ready and uses the defaults, copies
// are independent, and its methods may be called by several goroutines at once.
//
// NewClient refuses a Backoff with a negative Base or Cap, with a Base above
// its Cap where both are set, or with an unknown Jitter; the error is
// ErrInvalid.
type Backoff struct {
	Base   time.Duration // The ceiling of the wait after the first attempt. Defaults to 500 ms, or to Cap if that is less.
	Cap    time.Duration // What no ceiling exceeds. Defaults to 20 s, or to Base if that is more.
	Jitter Jitter        // Defaults to FullJitter.
}

// Wait returns how long to wait after the given attempt, the first being 1,
// before the next one; a smaller number counts as 1, and no number is too
// large. The wait is never negative and never above Cap. With FullJitter two
// calls give different answers.
func (b Backoff) Wait(attempt int) time.Duration {
	ceiling := b.ceiling(attempt)
	if b.Jitter == NoJitter {
		return ceiling
	}
	// In uint64, because ceiling+1 may be one more than a Duration holds.
	return time.Duration(rand.Uint64N(uint64(ceiling) + 1))
}

// ceiling is min(Cap, Base * 2^(attempt-1)).
func (b Backoff) ceiling(attempt int) time.Duration {
	base, limit := b.bounds()
	doublings := max(attempt, 1) - 1
	// Halving the limit cannot overflow, where doubling the base could.
	if base > limit>>doublings {
		return limit
	}
	return base << doublings
}

// bounds returns Base and Cap with their defaults. A negative one, which
// validate refuses, counts as zero, so that even an unvalidated Backoff never
// gives a negative wait.
func (b Backoff) bounds() (base, limit time.Duration) {
	base, limit = max(b.Base, 0), max(b.Cap, 0)
	if base == 0 {
		base = min(defaultBackoffBase, cmp.Or(limit, defaultBackoffBase))
	}
	return base, cmp.Or(limit, max(base, defaultBackoffCap))
}

// validate returns an error that is ErrInvalid if the documentation of Backoff
// forbids what b says.
func (b Backoff) validate() error {
	base, limit := b.bounds()
	switch {
	case b.Base < 0:
		return invalid("Backoff.Base is negative: %v", b.Base)
	case b.Cap < 0:
		return invalid("Backoff.Cap is negative: %v", b.Cap)
	case base > limit:
		return invalid("Backoff.Base (%v) is above Backoff.Cap (%v)", base, limit)
	case b.Jitter != FullJitter && b.Jitter != NoJitter:
		return invalid("Backoff.Jitter is unknown: %d", b.Jitter)
	}
	return nil
}
