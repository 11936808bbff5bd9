package main

import (
	"math"
	"slices"
	"time"
)

// result is what one tape says of a peer.
type result struct {
	peer       string
	story      *story
	tape       *tape
	applied    int     // operations
	inTime     int     // ... by the time that a perfect crowd's would be; in a brown-out: while it lasted, and five seconds more
	during     float64 // requests an operation while the server was sick
	total      float64 // ... and in all
	peakDuring float64 // requests a second, in the busiest tick
	peakAfter  float64
	drain      float64       // the time it took to apply all, in parts of the best possible; infinite: not all were
	calls      float64       // an operation, of the application
	p50, p99   time.Duration // from the begin of an operation to its success
}

// shortly is how long after a brown-out its operations still count.
const shortly = 5 * time.Second

func newResult(p peer, t *tape) *result {
	s := t.story
	r := &result{peer: p.name, story: s, tape: t, drain: math.Inf(1)}
	due := s.sick + shortly
	if s.failing == 1 {
		due = s.sick + s.best()
	}
	var last time.Duration
	for _, at := range t.appliedAt {
		if at == 0 {
			continue
		}
		r.applied++
		last = max(last, at)
		if at <= due {
			r.inTime++
		}
	}
	n := float64(s.operations())
	if r.applied == s.operations() {
		r.drain = max(last-s.sick, 0).Seconds() / s.best().Seconds()
	}
	r.countRequests(n)
	for _, c := range t.calls {
		r.calls += float64(c) / n
	}
	r.p50, r.p99 = quantiles(t.ended)
	return r
}

// countRequests counts a tick in which the server recovered as after.
func (r *result) countRequests(n float64) {
	for i, c := range r.tape.ticks {
		all := float64(c.served + c.refused)
		peak := &r.peakAfter
		if time.Duration(i)*tick < r.story.sick {
			peak = &r.peakDuring
			r.during += all / n
		}
		r.total += all / n
		*peak = max(*peak, all/tick.Seconds())
	}
}

// goodput is the part of the operations that were applied in time.
func (r *result) goodput() float64 { return float64(r.inTime) / float64(r.story.operations()) }

// quantiles of those that ended.
func quantiles(ended []time.Duration) (p50, p99 time.Duration) {
	done := slices.DeleteFunc(slices.Clone(ended), func(d time.Duration) bool { return d == 0 })
	if len(done) == 0 {
		return 0, 0
	}
	slices.Sort(done)
	return done[len(done)/2], done[len(done)*99/100]
}
