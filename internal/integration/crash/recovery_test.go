//go:build unix

package crash_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// recoverer is the test's own process as one that comes after the crash: its
// store's clock can be put ahead, so nothing need be waited for.
type recoverer struct {
	*worker
	scene *scene
}

func (s *scene) recoverer() *recoverer {
	s.t.Helper()
	p := s.plan
	w, err := p.worker(s.heard, s.clock)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(w.store.close)
	return &recoverer{w, s}
}

func (s *scene) clock() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ahead
}

// later lets time pass for the test's own store.
func (s *scene) later(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += by
}

// leap is longer than any lease, and than any wait between two passes.
const (
	leap      = 20 * time.Minute
	maxPasses = 8
)

// pass is one pass of a runner, later.
func (r *recoverer) pass() retrysafe.ResumeReport {
	r.scene.t.Helper()
	r.scene.later(leap)
	report, err := r.client.Resume(context.Background(), r.handler())
	if err != nil {
		r.scene.t.Errorf("resume: %v", err)
	}
	return report
}

// passes makes passes until nothing is due.
func (r *recoverer) passes() {
	r.scene.t.Helper()
	for range maxPasses {
		if len(r.due()) == 0 {
			return
		}
		r.pass()
	}
	if due := r.due(); len(due) > 0 {
		r.scene.t.Errorf("still due after %d passes: %v", maxPasses, due)
	}
}

// due is what will be due later.
func (r *recoverer) due() []store.DueItem {
	r.scene.t.Helper()
	r.scene.later(leap)
	items, err := r.store.Due(context.Background(), store.DueFilter{Owner: "acme/test", Kinds: []string{createCharge.Name}, Limit: 1000})
	if err != nil {
		r.scene.t.Fatal(err)
	}
	return items
}

// again is the application's call after the crash.
func (r *recoverer) again(id string) told {
	r.scene.later(leap)
	return r.do(context.Background(), id)
}

func (r *recoverer) record(id string) store.Record {
	r.scene.t.Helper()
	rec, err := r.store.Get(context.Background(), name(id))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		r.scene.t.Fatal(err)
	}
	return rec
}

// consistent fails the test unless what is recorded, what took effect and what
// anybody was ever told are the same.
func (r *recoverer) consistent(id string) {
	r.scene.t.Helper()
	for _, wrong := range r.contradictions(id) {
		r.scene.t.Error(wrong)
	}
	if r.scene.t.Failed() {
		rec := r.record(id)
		rec.Request, rec.Result = nil, nil
		key := retrysafe.DeriveKey("acme/test", createCharge.Name, id)
		r.scene.t.Logf("requests:\n%s\nrecord: %+v", r.scene.provider.Timeline(string(key)), rec)
	}
}

// contradictions lists what does not fit together.
func (r *recoverer) contradictions(id string) (wrong []string) {
	rec := r.record(id)
	effects := r.effects(id)
	add := func(text string) { wrong = append(wrong, id+": "+text) }
	switch outcome := rec.Outcome(); {
	case effects > 1:
		add("duplicate: more than one effect")
	case rec.State == store.StateAbsent && effects > 0, outcome == retrysafe.Applied && effects == 0, outcome == retrysafe.NotApplied && effects > 0:
		add("lost: recorded as " + rec.State.String() + " with other effects than that")
	}
	if rec.Conflicts > 0 {
		add("the record has conflicts")
	}
	for _, what := range r.scene.toldOf(id) {
		if what.outcome() == retrysafe.NotApplied && what.Again && r.scene.askedAfter(id, what.From) {
			continue // It did not run, and the application has asked for it anew.
		}
		if said := what.outcome(); said != retrysafe.Unknown && said != rec.Outcome() {
			add("told wrong: " + what.By + " said " + said.String() + ", and it is " + rec.Outcome().String() + ": " + what.Err)
		}
	}
	return wrong
}

func (r *recoverer) effects(id string) int {
	return r.scene.provider.Effects(string(retrysafe.DeriveKey("acme/test", createCharge.Name, id)))
}

func (s *scene) toldOf(id string) (of []told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, what := range s.told {
		if what.ID == id {
			of = append(of, what)
		}
	}
	return of
}

// settled fails the test unless the operation has ended, and asking again gives
// that end without sending anything.
func (r *recoverer) settled(id string) {
	r.scene.t.Helper()
	rec := r.record(id)
	if rec.State != store.StateSucceeded && rec.State != store.StateFailed {
		r.scene.t.Errorf("%s is %v, want it settled", id, rec.State)
	}
	if rec.Reason == store.ReasonNotRun {
		return // The application may ask for it again, and would get it.
	}
	before := len(r.scene.provider.Requests())
	if what := r.again(id); what.outcome() != rec.Outcome() {
		r.scene.t.Errorf("%s: told %v again, want %v: %s", id, what.outcome(), rec.Outcome(), what.Err)
	}
	if n := len(r.scene.provider.Requests()) - before; n != 0 {
		r.scene.t.Errorf("%s: %d requests for what was settled", id, n)
	}
}

func subtest(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		f(t)
	})
}
