package main

import (
	"io"
	"testing"
	"time"
)

// What the tests use of a command, which exports nothing.
type (
	Capacity = capacity
	Story    = story
	Result   = result
	Options  = options
)

var (
	NewCapacity = newCapacity
	NewServer   = newServer
	Outage      = outage
	BrownOut    = brownOut
	Virtual     = virtual
	Sockets     = sockets
	Parse       = parse
	Peers       = peers
	Choose      = choose
	Picture     = picture
)

// Serve says whether a request is served.
func (c *capacity) Serve(now time.Duration) bool { return c.serve(now) }

// Answer answers a request.
func (s *server) Answer(at time.Duration, op int, key string) int { return s.answer(at, op, key) }

// Result is what the server's tape says.
func (s *server) Result() *result { return newResult(peer{name: "a < b"}, s.tape) }

// Shorten makes the story of an outage one of another length, with as many
// operations begun for as many that are served.
func (s *story) Shorten(to time.Duration) *story {
	s.every = s.every * to / s.sick
	s.perSecond *= s.sick.Seconds() / to.Seconds()
	s.begin, s.sick = to, to
	return s
}

// Operations is how many there are.
func (s *story) Operations() int { return s.operations() }

// Name is the peer's.
func (p peer) Name() string { return p.name }

// Run plays what the options say.
func (o *options) Run(t *testing.T, w io.Writer) error { return o.run(t, w) }

// Play plays a story and reads its tape.
func Play(t *testing.T, world func(*testing.T, *story, peer) (*tape, error), s *story, p peer) *result {
	t.Helper()
	tape, err := world(t, s, p)
	if err != nil {
		t.Fatal(err)
	}
	return newResult(p, tape)
}

// Numbers are those of a result.
type Numbers struct {
	Applied, InTime, Soon, FirstCall, Replays, Duplicates int
	During, Total, PeakDuring, PeakAfter, Drain, Calls    float64
	Mean                                                  time.Duration
}

// Numbers returns them.
func (r *result) Numbers() Numbers {
	return Numbers{
		r.applied, r.inTime, r.soon, r.firstCall, r.tape.replays, r.tape.duplicates,
		r.during, r.total, r.peakDuring, r.peakAfter, r.drain, r.calls, r.mean,
	}
}
