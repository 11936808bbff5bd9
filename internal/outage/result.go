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
	inTime     int     // ... by the time that a perfect crowd's would be; in a brown-out: while it lasted
	soon       int     // ... and five seconds more
	firstCall  int     // ... without being called again
	during     float64 // requests an operation while the server was sick
	total      float64 // ... and in all
	peakDuring float64 // requests a second, in the busiest tick
	peakAfter  float64
	drain      float64       // the time it took to apply all, in parts of the best possible; infinite: not all were
	calls      float64       // an operation, of the application
	mean, p99  time.Duration // from the begin of an operation to its success
}

// shortly is how long after a brown-out its operations still count.
const shortly = 5 * time.Second

func newResult(p peer, t *tape) *result {
	r := &result{peer: p.name, story: t.story, tape: t, drain: math.Inf(1)}
	r.countOperations()
	r.countRequests()
	calls := 0
	for _, c := range t.calls {
		calls += c
	}
	r.calls = float64(calls) / float64(len(t.calls))
	r.mean, r.p99 = latencies(t.ended)
	return r
}

func (r *result) countOperations() {
	s, last := r.story, time.Duration(0)
	for op, at := range r.tape.appliedAt {
		if at == 0 {
			continue
		}
		r.applied++
		last = max(last, at)
		if at <= s.due() {
			r.inTime++
		}
		if at <= s.due()+shortly {
			r.soon++
		}
		if r.tape.calls[op] == 1 {
			r.firstCall++
		}
	}
	if r.applied == s.operations() {
		r.drain = max(last-s.sick, 0).Seconds() / s.best().Seconds()
	}
}

// countRequests counts a tick in which the server recovered as after.
func (r *result) countRequests() {
	during, after := 0, 0
	for i, c := range r.tape.ticks {
		all, sum, peak := c.served+c.refused, &after, &r.peakAfter
		if time.Duration(i)*tick < r.story.sick {
			sum, peak = &during, &r.peakDuring
		}
		*sum += all
		*peak = max(*peak, float64(all)/tick.Seconds())
	}
	r.during, r.total = r.part(during), r.part(during+after)
}

// part returns a number as a part of that of the operations.
func (r *result) part(n int) float64 { return float64(n) / float64(r.story.operations()) }

// latencies of the operations that ended.
func latencies(ended []time.Duration) (mean, p99 time.Duration) {
	done := slices.DeleteFunc(slices.Clone(ended), func(d time.Duration) bool { return d == 0 })
	if len(done) == 0 {
		return 0, 0
	}
	slices.Sort(done)
	var sum time.Duration
	for _, d := range done {
		sum += d
	}
	return sum / time.Duration(len(done)), done[len(done)*99/100]
}
