package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// story is what happens to the server, and what the applications ask of it.
type story struct {
	name      string
	clients   int
	every     time.Duration // a client begins an operation
	begin     time.Duration // for how long they do
	failing   float64       // the part of the requests that fail
	sick      time.Duration // for how long they do
	perSecond float64       // what the server can serve
	refusal   float64       // the cost of a refusal, in parts of a served request
	horizon   time.Duration // when it is over, whatever is still open
	seed      uint64
}

// outage is a server that fails every request for two seconds, and could then
// serve in ten what was begun: with an operation every 100 ms, two requests a
// second for each client.
func outage(clients int, every time.Duration, refusal float64, seed uint64) *story {
	s := &story{
		name: "outage", clients: clients, every: every, begin: 2 * time.Second,
		failing: 1, sick: 2 * time.Second, refusal: refusal,
		horizon: 62 * time.Second, seed: seed,
	}
	s.perSecond = float64(s.operations()) / 10
	return s
}

// brownOut is a server that fails three of ten requests for a minute, and could
// serve twice the operations that are begun.
func brownOut(clients int, rate float64, seed uint64) *story {
	return &story{
		name: fmt.Sprintf("brownout-%g", rate), clients: clients, every: time.Duration(float64(time.Second) / rate), begin: time.Minute,
		failing: 0.3, sick: time.Minute, perSecond: 2 * rate * float64(clients),
		horizon: 2 * time.Minute, seed: seed,
	}
}

// perClient is how many operations a client begins.
func (s *story) perClient() int { return int(s.begin / s.every) }

func (s *story) operations() int { return s.clients * s.perClient() }

// best is how long the server needs, after the time that it was sick, for all
// operations that are then open at the latest: the drain of a perfect crowd.
func (s *story) best() time.Duration {
	return time.Duration(float64(s.operations()) / s.perSecond * float64(time.Second))
}

// due is when a perfect crowd's operations are applied.
func (s *story) due() time.Duration {
	if s.failing < 1 {
		return s.sick
	}
	return s.sick + s.best()
}

// The independent lots that are drawn with one seed.
const (
	lotPhase = iota
	lotFault
	lotPause
)

// lot draws a number from 0 to 1 that depends on nothing but its arguments, so
// that it is the same for every peer, whatever the peer has done before.
func (s *story) lot(kind, who, count int) float64 {
	r := rand.NewPCG(s.seed<<2|uint64(kind), uint64(who)<<32|uint64(count))
	r.Uint64() // The first number of a new source is close to its neighbours'.
	return rand.New(r).Float64()
}

// phase is when a client begins its first operation.
func (s *story) phase(client int) time.Duration {
	return time.Duration(s.lot(lotPhase, client, 0) * float64(s.every))
}

// fault says whether the server fails a request: the count-th of an operation.
func (s *story) fault(at time.Duration, op, count int) bool {
	return at < s.sick && s.lot(lotFault, op, count) < s.failing
}

// pause is how long an application waits before it calls an operation again.
func (s *story) pause(op, call int) time.Duration {
	return time.Duration((0.5 + s.lot(lotPause, op, call)) * float64(500*time.Millisecond))
}
