package retrysafe

import (
	"cmp"
	"math"
	"time"
)

// Unlimited takes a limit of a RetryPolicy away.
const Unlimited = -1

// The defaults of a RetryPolicy.
const (
	defaultMaxAttempts    = 5
	defaultAttemptTimeout = 30 * time.Second
	defaultMaxElapsed     = 2 * time.Minute
	defaultMaxRetryAfter  = time.Minute
	defaultMaxDeliveries  = 2
)

// RetryPolicy says how often and how long to try. The zero value is the
// defaults. Negative values other than Unlimited, where that is allowed, are
// refused with ErrInvalid.
type RetryPolicy struct {
	// MaxAttempts defaults to 5. May be Unlimited.
	MaxAttempts int
	// AttemptTimeout limits one attempt, the reading of its answer included.
	// Defaults to 30 s. May be Unlimited.
	AttemptTimeout time.Duration
	// MaxElapsed limits a call, its waits included. Defaults to 2 min. May be
	// Unlimited.
	MaxElapsed time.Duration
	// MaxRetryAfter is the longest wait that a server's advice is followed for;
	// above it the call ends with RetryAt. Defaults to 1 min. May be Unlimited.
	MaxRetryAfter time.Duration
	// Backoff is the wait where the server gives no advice.
	Backoff Backoff
	// Budget limits what is sent to a host that fails, first attempts too. Nil means the client's: in Options.Retry one of its
	// own with the default numbers, in Command.Retry that of the client.
	Budget *Budget
	// MaxDeliveries limits how often net/http may put one attempt on the wire.
	// Defaults to 2; without a key on the wire it is 1.
	MaxDeliveries int
}

// resolve puts the defaults in, and refuses what cannot be.
func (p RetryPolicy) resolve(attemptTimeout time.Duration) (RetryPolicy, error) {
	if p.MaxAttempts < Unlimited || p.MaxDeliveries < 0 {
		return p, invalid("retry policy: negative limit")
	}
	for _, d := range []*time.Duration{&p.AttemptTimeout, &p.MaxElapsed, &p.MaxRetryAfter} {
		if *d < Unlimited {
			return p, invalid("retry policy: negative duration")
		}
	}
	if err := p.Backoff.validate(); err != nil {
		return p, err
	}
	if p.Budget != nil {
		if err := p.Budget.validate(); err != nil {
			return p, err
		}
	}
	setLimit(&p.MaxAttempts, defaultMaxAttempts, math.MaxInt32)
	setLimit(&p.AttemptTimeout, cmp.Or(attemptTimeout, defaultAttemptTimeout), math.MaxInt64)
	setLimit(&p.MaxElapsed, defaultMaxElapsed, math.MaxInt64)
	setLimit(&p.MaxRetryAfter, defaultMaxRetryAfter, math.MaxInt64)
	setLimit(&p.MaxDeliveries, defaultMaxDeliveries, defaultMaxDeliveries)
	return p, nil
}

func setLimit[T int | time.Duration](limit *T, zero, unlimited T) {
	switch *limit {
	case 0:
		*limit = zero
	case Unlimited:
		*limit = unlimited
	}
}
