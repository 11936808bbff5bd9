package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// scene is one test with its store.
type scene struct {
	testing.TB
	Subject
	ctx   context.Context
	names int
}

// What the suite's operations have in common.
const (
	scope = "acct"
	kind  = "charge"
	owner = "runners"
	long  = 1000 // units: does not end within a test
	short = 2    // units: ends when lapse is called
)

func newScene(t testing.TB, s Subject) *scene {
	return &scene{TB: t, Subject: s, ctx: t.Context()}
}

func (s *scene) units(n int) time.Duration { return time.Duration(n) * s.Unit }

// lapse lets the short leases end.
func (s *scene) lapse() { s.Advance(s.units(short + 1)) }

func nonce() (n store.Nonce) {
	_, _ = rand.Read(n[:])
	return n
}

func print(b byte) store.Fingerprint { return store.Fingerprint{b} }

// intent returns a new operation, which may be sent again after a lapse.
func (s *scene) intent() store.Intent {
	s.names++
	return store.Intent{
		Name:  store.Name{Scope: scope, Kind: kind, ID: fmt.Sprintf("order-%d", s.names)},
		Owner: owner, Fingerprint: print(1), OnLapse: store.LapseResume, Window: s.units(10 * long),
		Request: []byte("request"),
	}
}

// call returns a claim by a call of the application that does not lapse.
func (s *scene) call(i store.Intent) store.Claim { return s.mode(i, store.ModeCall) }

func (s *scene) mode(i store.Intent, m store.Mode) store.Claim {
	return store.Claim{Intent: i, Mode: m, Lease: s.units(long), Nonce: nonce()}
}

// runner returns a claim by a runner's pass.
func (s *scene) runner(i store.Intent, m store.Mode) store.Claim {
	c := s.mode(i, m)
	c.Runner = true
	return c
}

// brief makes a claim one that lapse ends.
func (s *scene) brief(c store.Claim) store.Claim {
	c.Lease = s.units(short)
	return c
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

func (s *scene) begin(i store.Intent) store.Begun {
	s.Helper()
	b, err := s.Store.Begin(s.ctx, i)
	s.must(err)
	return b
}

func (s *scene) claim(c store.Claim) store.Grant {
	s.Helper()
	g, err := s.Store.Claim(s.ctx, c)
	s.must(err)
	return g
}

// take claims, and fails the test unless the operation is acquired.
func (s *scene) take(c store.Claim) store.Token {
	s.Helper()
	g := s.claim(c)
	if g.Status != store.ClaimAcquired {
		s.Fatalf("a claim (%s) was answered %q, want acquired", c.Mode, g.Status)
	}
	return g.Record.Token()
}

func (s *scene) complete(t store.Token, c store.Completion) store.Completed {
	s.Helper()
	done, err := s.Store.Complete(s.ctx, t, c)
	s.must(err)
	return done
}

func (s *scene) get(n store.Name) store.Record {
	s.Helper()
	r, err := s.Store.Get(s.ctx, n)
	s.must(err)
	return r
}

func (s *scene) renew(t store.Token, lease time.Duration) bool {
	s.Helper()
	held, err := s.Store.Renew(s.ctx, lease, []store.Token{t})
	s.must(err)
	if len(held) != 1 {
		s.Fatalf("one token was renewed, and there are %d answers", len(held))
	}
	return held[0]
}

// now returns the store's time: a sweep of what is not there changes nothing.
func (s *scene) now() time.Time {
	s.Helper()
	absent := store.Name{Scope: scope, Kind: "clock", ID: "nothing"}
	return s.claim(store.Claim{Intent: store.Intent{Name: absent}, Mode: store.ModeSweep}).Now
}

// refused fails the test unless err is of a class.
func (s *scene) refused(what string, err, class error) {
	s.Helper()
	if !errors.Is(err, class) {
		s.Errorf("%s: error %v, want %v", what, err, class)
	}
}

// same fails the test unless got is want.
func same[V comparable](s *scene, what string, got, want V) {
	s.Helper()
	if got != want {
		s.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (s *scene) admin() (store.Admin, bool) {
	a, ok := s.Store.(store.Admin)
	if !ok {
		s.Logf("not tested: the store is no Admin")
	}
	return a, ok
}

var (
	success = store.Completion{State: store.StateSucceeded, Result: []byte("answer")}
	refusal = store.Completion{State: store.StateFailed, Reason: store.ReasonRefused, Result: []byte("no")}
	notRun  = store.Completion{State: store.StateFailed, Reason: store.ReasonNotRun}
	doubt   = store.Completion{State: store.StateUnknown, Resend: true}
	lost    = store.Completion{State: store.StateUnknown}
	release = store.Completion{State: store.StatePending}
)
