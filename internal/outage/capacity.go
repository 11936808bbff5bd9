package main

import "time"

// capacity is what a server can do: so many units of work a second, of which it
// keeps at most a burst for later. A request that is served is one unit. One
// that is refused, since there is less than a unit left, takes a part of one
// too, and the server can fall behind by that, at most by a burst: what is more
// would be turned away by its listener. Time only moves forward.
type capacity struct {
	perSecond float64
	burst     float64
	refusal   float64
	left      float64
	at        time.Duration
}

// newCapacity returns a capacity that starts empty at a point in time. The
// burst is a tenth of a second's work, and at least a unit.
func newCapacity(perSecond, refusal float64, at time.Duration) *capacity {
	return &capacity{perSecond: perSecond, burst: max(perSecond/10, 1), refusal: refusal, at: at}
}

// serve says whether a request that arrives now is served.
func (c *capacity) serve(now time.Duration) bool {
	if now > c.at {
		c.left = min(c.left+c.perSecond*(now-c.at).Seconds(), c.burst)
		c.at = now
	}
	if c.left >= 1 {
		c.left--
		return true
	}
	c.left = max(c.left-c.refusal, -c.burst)
	return false
}
