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
}

func (p ResumePolicy) resolve() (ResumePolicy, error) {
	if p.Parallel < 0 || p.PerSecond < 0 || p.Poll < 0 {
		return p, invalid("resume policy: negative limit")
	}
	return ResumePolicy{
		Parallel:  cmp.Or(p.Parallel, defaultParallel),
		PerSecond: cmp.Or(p.PerSecond, defaultPerSecond),
		Poll:      cmp.Or(p.Poll, defaultPoll),
	}, nil
}
