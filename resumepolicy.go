package retrysafe

import (
	"cmp"
	"time"
)

// The defaults of a ResumePolicy.
const (
	defaultParallel  = 4
	defaultPerSecond = 20
	defaultPoll      = 5 * time.Second
	defaultPassBase  = 5 * time.Second
	defaultPassCap   = 15 * time.Minute
)

// ResumePolicy says how fast a client's runner carries on what is due. The zero
// value is the defaults. Negative values are refused with ErrInvalid.
type ResumePolicy struct {
	// Parallel is how many operations are carried on at a time. Defaults to 4.
	Parallel int
	// PerSecond is how many are begun a second at most. Defaults to 20.
	PerSecond int
	// Poll is how often Client.Run looks for what is due. Defaults to 5 s.
	Poll time.Duration
	// Backoff is the wait between two passes over one operation that settled
	// nothing. Its Base defaults to 5 s, its Cap to 15 min.
	Backoff Backoff
}

func (p ResumePolicy) resolve() (ResumePolicy, error) {
	if p.Parallel < 0 || p.PerSecond < 0 || p.Poll < 0 {
		return p, invalid("resume policy: negative limit")
	}
	if err := p.Backoff.validate(); err != nil {
		return p, err
	}
	p.Backoff.Base = cmp.Or(p.Backoff.Base, min(defaultPassBase, cmp.Or(p.Backoff.Cap, defaultPassBase)))
	p.Backoff.Cap = cmp.Or(p.Backoff.Cap, max(defaultPassCap, p.Backoff.Base))
	return ResumePolicy{
		Backoff:   p.Backoff,
		Parallel:  cmp.Or(p.Parallel, defaultParallel),
		PerSecond: cmp.Or(p.PerSecond, defaultPerSecond),
		Poll:      cmp.Or(p.Poll, defaultPoll),
	}, nil
}

// after is the wait after so many passes over an operation.
func (p ResumePolicy) after(passes int) time.Duration {
	return p.Backoff.after(min(passes+1, maxPasses), 0, false)
}

// maxPasses is where the wait has long reached its cap.
const maxPasses = 60
