package storetest

import (
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// place is an operation in some state, with what is needed to move it.
type place struct {
	store.Intent
	token store.Token // of its last holder
	older store.Token // of one before
	claim store.Claim // the last holder's
}

// state is a state an operation can be in, and the way there. What has to
// lapse in between is done by then.
type state struct {
	name string
	make func(s *scene, p *place)
	then func(s *scene, p *place)
}

// hold claims for a place.
func (p *place) hold(s *scene, c store.Claim) {
	s.Helper()
	p.older, p.claim = p.token, c
	p.token = s.take(c)
}

func (p *place) end(s *scene, c store.Completion) {
	s.Helper()
	if done := s.complete(p.token, c); done.Status != store.CompleteDone {
		s.Fatalf("a completion as %s was answered %q", c.State, done.Status)
	}
}

// ended returns a state that a call of the application left.
func ended(name string, c store.Completion) state {
	return state{name: name, make: func(s *scene, p *place) {
		p.hold(s, s.call(p.Intent))
		p.end(s, c)
	}}
}

func states() []state {
	return []state{
		{name: "absent", make: func(*scene, *place) {}},
		{name: "pending", make: func(s *scene, p *place) { s.begin(p.Intent) }},
		{name: "pending, not due", make: func(s *scene, p *place) {
			p.Delay = s.units(long)
			s.begin(p.Intent)
		}},
		{name: "pending, advised", make: func(s *scene, p *place) {
			s.begin(p.Intent)
			p.hold(s, s.runner(p.Intent, store.ModeResume))
			p.end(s, store.Completion{State: store.StatePending, Retry: s.units(long), Advised: true})
		}},
		{name: "held by a call", make: func(s *scene, p *place) { p.hold(s, s.call(p.Intent)) }},
		{name: "held by a runner", make: func(s *scene, p *place) {
			s.begin(p.Intent)
			p.hold(s, s.runner(p.Intent, store.ModeResume))
		}},
		{name: "reconciled", make: func(s *scene, p *place) {
			p.hold(s, s.call(p.Intent))
			p.end(s, lost)
			p.hold(s, s.runner(p.Intent, store.ModeReconcile))
		}},
		lapsed("lapsed, to be resumed", store.LapseResume),
		lapsed("lapsed, to be rerun", store.LapseRerun),
		lapsed("lapsed, not to be sent again", store.LapseUnknown),
		{name: "lapsed, window over", make: func(s *scene, p *place) {
			p.Window = 1
			p.hold(s, s.brief(s.call(p.Intent)))
		}, then: func(*scene, *place) {}},
		takenOver("taken over"),
		{name: "taken over and settled", make: takenOver("").make, then: func(s *scene, p *place) {
			takenOver("").then(s, p)
			p.end(s, refusal)
		}},
		{name: "unknown by lapse", make: lapsed("", store.LapseUnknown).make, then: func(s *scene, p *place) {
			s.claim(store.Claim{Intent: p.Intent, Mode: store.ModeSweep})
		}},
		ended("unknown", doubt), ended("unknown, not to be sent again", lost),
		{name: "unknown, not due", make: func(s *scene, p *place) {
			p.hold(s, s.call(p.Intent))
			p.end(s, store.Completion{State: store.StateUnknown, Resend: true, Retry: s.units(long), Advised: true})
		}},
		ended("succeeded", success), ended("refused", refusal), ended("not run", notRun),
		ended("succeeded in part", store.Completion{State: store.StateSucceeded, Partial: true}),
		ended("to be noticed", store.Completion{State: store.StateSucceeded, Notice: true}),
	}
}

func lapsed(name string, rule store.OnLapse) state {
	return state{name: name, make: func(s *scene, p *place) {
		p.OnLapse = rule
		p.hold(s, s.brief(s.call(p.Intent)))
	}, then: func(*scene, *place) {}}
}

func takenOver(name string) state {
	return state{name: name, make: lapsed("", store.LapseResume).make, then: func(s *scene, p *place) {
		p.hold(s, s.call(p.Intent))
	}}
}

// adminStates are those that only decisions and purges lead to.
func adminStates() []state {
	decided := func(name string, d store.Resolution) state {
		return state{name: name, make: func(s *scene, p *place) {
			p.hold(s, s.call(p.Intent))
			p.end(s, lost)
			s.resolve(p.Name, d)
		}}
	}
	emptied := func(name string, c store.Completion) state {
		return state{name: name, make: func(s *scene, p *place) {
			p.Retain = 1
			ended("", c).make(s, p)
		}, then: func(s *scene, _ *place) {
			_, err := s.Store.(store.Admin).Purge(s.ctx, store.PurgeLimits{Limit: 1000})
			s.must(err)
		}}
	}
	return []state{
		decided("resolved as succeeded", store.Resolution{State: store.StateSucceeded}),
		decided("resolved as not run", store.Resolution{State: store.StateFailed, Reason: store.ReasonNotRun, NotRun: true}),
		decided("pending, next generation", store.Resolution{State: store.StatePending, NotRun: true}),
		{name: "cancelled", make: func(s *scene, p *place) {
			s.begin(p.Intent)
			s.resolve(p.Name, store.Resolution{State: store.StateFailed, Reason: store.ReasonCancelled})
		}},
		emptied("tombstone of a success", success), emptied("tombstone of a refusal", refusal),
		emptied("tombstone of what was not run", notRun),
	}
}

// resolve decides, and fails the test unless it is done.
func (s *scene) resolve(n store.Name, d store.Resolution) store.Record {
	s.Helper()
	d.Name, d.Fence, d.Actor, d.Evidence = n, s.get(n).Fence, "jo", "the provider's list"
	done, err := s.Store.(store.Admin).Resolve(s.ctx, d)
	s.must(err)
	if done.Status != store.ResolveDone {
		s.Fatalf("a decision for %s was answered %q", d.State, done.Status)
	}
	return done.Record
}

// moves tries each move from each state.
func moves() []one {
	var all []one
	for _, from := range states() {
		all = append(all, one{"moves of what is " + from.name, func(s *scene) { s.tryAll(from) }})
	}
	for _, from := range adminStates() {
		all = append(all, one{"moves of what is " + from.name, func(s *scene) {
			if _, ok := s.admin(); ok {
				s.tryAll(from)
			}
		}})
	}
	return all
}

// tryAll makes as many operations in a state as there are moves, and on each of
// them one move twice: a repeated move is a case of its own.
func (s *scene) tryAll(from state) {
	m, tries := newModel(s), s.tries()
	places := make([]place, len(tries))
	for i := range places {
		places[i].Intent = s.intent()
		from.make(s, &places[i])
	}
	if from.then != nil {
		s.lapse()
		for i := range places {
			from.then(s, &places[i])
		}
	}
	for i := range places {
		m.records[places[i].Name] = m.read(places[i].Name)
	}
	for i, try := range tries {
		next := try(&places[i], m.records[places[i].Name])
		m.do(next)
		m.do(next)
	}
	m.untouched()
}

// try returns a move of a place.
type try func(p *place, r store.Record) step

// tries are all the moves that differ.
func (s *scene) tries() []try {
	var all []try
	all = append(all, s.claimTries()...)
	all = append(all, s.completeTries()...)
	all = append(all,
		func(p *place, _ store.Record) step { return beginStep(p.Intent) },
		func(p *place, _ store.Record) step { return beginStep(s.other(p.Intent)) },
		func(p *place, _ store.Record) step { return renewStep(s.held(p.token, p), s.units(2*long)) },
		func(p *place, _ store.Record) step { return renewStep(s.held(p.token, p), 1) },
		func(p *place, _ store.Record) step { return renewStep(s.held(p.older, p), s.units(2*long)) },
	)
	if _, ok := s.Store.(store.Notifier); ok {
		for _, again := range []time.Duration{0, s.units(long)} {
			all = append(all, func(p *place, r store.Record) step {
				return noticeStep(store.Notice{Name: p.Name, Fence: r.Fence, Again: again})
			})
		}
		all = append(all, func(p *place, r store.Record) step {
			return noticeStep(store.Notice{Name: p.Name, Fence: r.Fence - 1, Again: 1})
		})
	}
	if _, ok := s.Store.(store.Admin); ok {
		all = append(all, s.decisionTries()...)
	}
	return all
}

// other returns another intent of the same name.
func (s *scene) other(i store.Intent) store.Intent {
	i.Fingerprint, i.Request = print(2), []byte("another request")
	return i
}

// held returns a token, or if there is none one that was never given.
func (s *scene) held(t store.Token, p *place) store.Token {
	if t == (store.Token{}) {
		return store.Token{Name: p.Name, Fence: 7, Nonce: nonce()}
	}
	return t
}

func (s *scene) claimTries() []try {
	var all []try
	for _, mode := range []store.Mode{store.ModeCall, store.ModeResume, store.ModeReconcile, store.ModeSweep} {
		for _, runner := range []bool{false, true} {
			for _, age := range []time.Duration{0, s.units(long)} {
				all = append(all, func(p *place, _ store.Record) step {
					c := s.mode(p.Intent, mode)
					c.Runner, c.Age, c.Force = runner, age, age > 0
					return claimStep(c)
				})
			}
		}
		all = append(all,
			func(p *place, _ store.Record) step { return claimStep(s.mode(s.other(p.Intent), mode)) },
			func(p *place, _ store.Record) step {
				c := s.mode(p.Intent, mode)
				c.Nonce = s.held(p.token, p).Nonce
				return claimStep(c)
			})
	}
	return all
}

func (s *scene) completeTries() []try {
	var all []try
	for _, c := range []store.Completion{
		success, refusal, notRun, doubt, lost, release,
		{State: store.StateSucceeded, Partial: true},
		{State: store.StateSucceeded, Result: []byte("another"), Notice: true},
		{State: store.StateUnknown, Result: []byte("a hint"), Retry: s.Unit, Advised: true, Abandoned: true},
		{State: store.StatePending, Retry: s.Unit, Advised: true},
	} {
		all = append(all,
			func(p *place, _ store.Record) step { return completeStep(s.held(p.token, p), c) },
			func(p *place, _ store.Record) step { return completeStep(s.held(p.older, p), c) },
			func(p *place, _ store.Record) step {
				t := s.held(p.token, p)
				t.Fence = 0
				return completeStep(t, c)
			},
			func(p *place, _ store.Record) step {
				t := s.held(p.token, p)
				t.Nonce = nonce()
				return completeStep(t, c)
			})
	}
	return all
}

func (s *scene) decisionTries() []try {
	var all []try
	for _, d := range []store.Resolution{
		{State: store.StateSucceeded, Result: []byte("found")}, {State: store.StateSucceeded, Notice: true},
		{State: store.StateFailed, Reason: store.ReasonRefused}, {State: store.StateFailed, Reason: store.ReasonNotRun, NotRun: true},
		{State: store.StateFailed, Reason: store.ReasonCancelled}, {State: store.StatePending, NotRun: true},
		{State: store.StatePending}, {State: store.StateFailed, Reason: store.ReasonNotRun},
	} {
		for _, stale := range []int64{0, 1} {
			all = append(all, func(p *place, r store.Record) step {
				d := d
				d.Name, d.Fence, d.Actor, d.Evidence = p.Name, r.Fence-stale, "jo", "seen"
				return resolveStep(d)
			})
		}
	}
	for _, stale := range []int64{0, 1} {
		all = append(all, func(p *place, r store.Record) step {
			return reopenStep(store.Reopening{Name: p.Name, Fence: r.Fence - stale, Actor: "jo", Evidence: "seen"})
		})
	}
	return all
}
