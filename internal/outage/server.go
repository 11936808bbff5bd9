package main

import (
	"net/http"
	"sync"
	"time"
)

// server is the fake server of one story: it answers, and keeps the tape. It
// knows a request's operation besides its key, so that it can tell when an
// operation has had two effects.
type server struct {
	mu       sync.Mutex
	story    *story
	capacity *capacity
	tape     *tape
	ops      []served
}

// served is what a server knows of an operation.
type served struct {
	requests int
	key      string // that it was applied under; empty: not yet
}

func newServer(s *story) *server {
	from := s.sick
	if s.failing < 1 {
		from = 0
	}
	return &server{
		story: s, capacity: newCapacity(s.perSecond, s.refusal, from), tape: newTape(s), ops: make([]served, s.operations()),
	}
}

// answer takes a request and returns the status of its answer.
func (s *server) answer(at time.Duration, op int, key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.ops[op]
	o.requests++
	if s.story.fault(at, op, o.requests) || !s.capacity.serve(at) {
		s.tape.refused(at)
		return http.StatusServiceUnavailable
	}
	s.tape.served(at)
	switch o.key {
	case "":
		o.key = key
		s.tape.applied(at, op)
	case key:
		s.tape.replays++
	default:
		s.tape.duplicates++
	}
	return http.StatusOK
}

// The bodies of all answers: what each of the SDKs needs to see.
const (
	applied = `{"id":"1","object":"charge","MessageId":"1"}`
	refused = `{"error":{"type":"api_error","message":"try again later"}}`
)

func body(status int) string {
	if status == http.StatusOK {
		return applied
	}
	return refused
}
