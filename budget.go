package retrysafe

import (
	"cmp"
	"sync"
)

// The numbers of a Budget whose fields are zero.
const (
	defaultBudgetCapacity  = 100
	defaultBudgetPerAnswer = 1
)

// A Budget limits the retries that several operations make together, so that a
// server that is down is not kept down by those who wait for it. It is a bucket
// of tokens that starts full: a retry takes one token, an answer that settles
// something (a success, a refusal: anything but "again" and "in flight") puts
// PerAnswer back, and a retry that finds the bucket empty is not made. First
// attempts are free, so that a bucket is filled again by the first answers
// after an outage.
//
// The defaults leave ordinary failures alone and stop an outage. When each
// attempt fails by itself with a probability of 30 %, an operation that
// succeeds has needed 0.3/0.7, or about 0.43, retries on average, and puts one
// token back: the bucket fills faster than it drains, and does so up to a
// failure rate of 50 %. While nothing is settled nothing is put back, and at most
// Capacity retries leave the client: with 100, few beside the first attempts of
// a busy client, and in an idle one enough for 25 operations to make all of
// their five attempts.
//
// The zero value is full and uses the defaults. A Budget may be used by several
// goroutines at once and must be shared by everything that talks to the same
// server, as a budget of one's own protects nobody else; it must not be copied,
// nor its fields be changed, after its first use. NewClient refuses negative
// fields; the error is ErrInvalid.
type Budget struct {
	Capacity  int // The tokens in a full bucket. Defaults to 100.
	PerAnswer int // The tokens that an answer puts back, up to Capacity. Defaults to 1.

	mu    sync.Mutex
	spent int // Counted from full, so that the zero value is full.
}

// Tokens returns how many retries the budget would allow at this moment, from
// zero to Capacity.
func (b *Budget) Tokens() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.capacity() - b.spent
}

// take pays for one retry. False means that the budget is empty and the retry
// must not be made.
func (b *Budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent >= b.capacity() {
		return false
	}
	b.spent++
	return true
}

// settled puts back what an answer that settles something is worth.
func (b *Budget) settled() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(b.spent-cmp.Or(b.PerAnswer, defaultBudgetPerAnswer), 0)
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
