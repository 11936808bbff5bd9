package retrysafe

import (
	"cmp"
	"sync"
)

// The numbers of a Budget whose fields are zero.
const (
	defaultBudgetCapacity  = 10
	defaultBudgetPerAnswer = 1
)

// A Budget limits what several operations send together to one host, so that a
// server that is down is not kept down by those who wait for it. For every host
// it is a bucket of tokens that starts full: an attempt that fails takes one
// token, an answer that settles something (a success, a refusal: anything but
// "again" and "in flight") puts PerAnswer back.
//
// While the bucket is empty the host is probed: one delivery is on its way at a
// time, and every other operation of the budget waits in line for its turn, in
// the order of coming and within its own deadline, also one that has not sent
// anything yet. A probe of which nothing was heard for 15 s is not waited for any
// longer. The pauses between two probes begin at a quarter of a second and grow
// to 5 s, but never beyond a tenth of the time that the host has been failing.
//
// As answers come back the line moves faster: up to twice as fast five times a
// second. With a failure it goes slower by a third, and below 16 deliveries a
// second back to probing, unless half of the tokens are there, so that clients
// that come back together do not bring the server down again. Once nobody waits
// and half of the tokens are back there is no limit any more.
//
// An answer of 429 or 503 that says when to come back holds the whole host until
// then, at most for RetryPolicy.MaxRetryAfter, whatever tokens there are. From
// then on those who waited go one after another too.
//
// An operation whose turn does not come before its deadline ends with
// ErrBudgetExhausted, at once if that is known beforehand.
//
// The defaults leave ordinary failures alone and stop an outage. When each
// attempt fails by itself with a probability of 30 %, the bucket fills more than
// twice as fast as it drains, and it fills up to a failure rate of 50 %.
//
// The zero value is full and uses the defaults. A Budget may be used by several
// goroutines at once and must be shared by everything that talks to the same
// server, as a budget of one's own protects nobody else; it must not be copied,
// nor its fields be changed, after its first use. NewClient refuses negative
// fields; the error is ErrInvalid.
type Budget struct {
	Capacity  int // The tokens in a full bucket. Defaults to 10.
	PerAnswer int // The tokens that an answer puts back, up to Capacity. Defaults to 1.

	mu    sync.Mutex
	lines map[string]*line // by origin; as many as the clients have
}

// Tokens returns how many more attempts may fail at this moment before those who
// come have to wait: for the host that has the fewest, from zero to Capacity.
func (b *Budget) Tokens() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	fewest := b.capacity()
	for _, l := range b.lines {
		fewest = min(fewest, l.tokens())
	}
	return fewest
}

// Waiting returns how many operations wait for their turn at this moment.
func (b *Budget) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting := 0
	for _, l := range b.lines {
		waiting += l.length()
	}
	return waiting
}

// line returns the line of operations that send to an origin.
func (b *Budget) line(origin string) *line {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lines[origin]
	if l == nil {
		if b.lines == nil {
			b.lines = map[string]*line{}
		}
		l = newLine(b.capacity(), cmp.Or(b.PerAnswer, defaultBudgetPerAnswer))
		b.lines[origin] = l
	}
	return l
}

func (b *Budget) capacity() int { return cmp.Or(b.Capacity, defaultBudgetCapacity) }

// validate returns an error that is ErrInvalid if a field is negative.
func (b *Budget) validate() error {
	if b.Capacity < 0 {
		return invalid("Budget.Capacity is negative: %d", b.Capacity)
	}
	if b.PerAnswer < 0 {
		return invalid("Budget.PerAnswer is negative: %d", b.PerAnswer)
	}
	return nil
}
