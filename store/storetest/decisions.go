package storetest

import (
	"github.com/retrysafe/retrysafe/store"
)

func decisions() []one {
	return administered(map[string]func(*scene, store.Admin){
		"a decision needs the record that was looked at": decisionNeedsFence,
		"only what is unknown can be resolved":           onlyUnknown,
		"what is pending can be cancelled":               cancelPending,
		"what failed can be reopened":                    reopenFailed,
		"who held what was resolved holds it no more":    resolvedHolder,
		"decisions stay in the trail":                    decisionsStay,
	})
}

func decisionNeedsFence(s *scene, a store.Admin) {
	i := s.intent()
	s.complete(s.take(s.call(i)), lost)
	before := s.get(i.Name)
	d := store.Resolution{Name: i.Name, Fence: before.Fence - 1, State: store.StateSucceeded, Actor: "jo", Evidence: "e"}
	done, err := a.Resolve(s.ctx, d)
	s.must(err)
	same(s, "a decision on an older record", done.Status, store.ResolveChanged)
	same(s, "the record in the answer", done.Record.Fence, before.Fence)
	if diff := (slack{}).records(s.get(i.Name), before); diff != "" {
		s.Errorf("it changed the record: %s", diff)
	}
	d.Name.ID = "nothing"
	done, err = a.Resolve(s.ctx, d)
	s.must(err)
	same(s, "a decision on what is absent", done.Status, store.ResolveAbsent)
}

func onlyUnknown(s *scene, a store.Admin) {
	for _, from := range states()[1:] {
		p := place{Intent: s.intent()}
		from.make(s, &p)
		r := s.get(p.Name)
		if r.State == store.StateUnknown {
			continue
		}
		_, err := a.Resolve(s.ctx, store.Resolution{Name: p.Name, Fence: r.Fence, State: store.StateSucceeded, Actor: "jo", Evidence: "e"})
		s.refused("resolving what is "+from.name, err, store.ErrIllegal)
	}
}

func cancelPending(s *scene, a store.Admin) {
	i := s.intent()
	s.begin(i)
	r := s.resolve(i.Name, store.Resolution{State: store.StateFailed, Reason: store.ReasonCancelled})
	same(s, "the state", r.State, store.StateFailed)
	same(s, "the reason", r.Reason, store.ReasonCancelled)
	for _, c := range []store.Claim{s.call(i), s.runner(i, store.ModeResume)} {
		same(s, "a claim", s.claim(c).Status, store.ClaimSettled)
	}
	same(s, "a begin", s.begin(i).Status, store.BeginExists)
}

func reopenFailed(s *scene, a store.Admin) {
	for _, c := range []store.Completion{refusal, notRun} {
		i := s.intent()
		token := s.take(s.call(i))
		s.complete(token, c)
		r := s.get(i.Name)
		done, err := a.Reopen(s.ctx, store.Reopening{Name: i.Name, Fence: r.Fence, Actor: "jo", Evidence: "the bank's letter"})
		s.must(err)
		same(s, "reopening", done.Status, store.ResolveDone)
		after := s.get(i.Name)
		same(s, "the state", after.State, store.StatePending)
		same(s, "the generation", after.Generation, 1)
		same(s, "first sent", after.FirstSent.IsZero(), true)
		if after.Fence <= r.Fence {
			s.Errorf("fence %d after %d", after.Fence, r.Fence)
		}
		same(s, "its request", string(after.Request), "request")
		same(s, "the holder's late refusal", s.complete(token, refusal).Status, store.CompleteLost)
		s.take(s.runner(i, store.ModeResume))
	}
}

func resolvedHolder(s *scene, a store.Admin) {
	i := s.intent()
	token := s.take(s.call(i))
	s.complete(token, lost)
	s.resolve(i.Name, store.Resolution{State: store.StatePending, NotRun: true})
	same(s, "its renewal", s.renew(token, s.Unit), false)
	same(s, "its release", s.complete(token, release).Status, store.CompleteLost)
	same(s, "its success", s.complete(token, success).Status, store.CompleteDone)
	r := s.get(i.Name)
	same(s, "the state", r.State, store.StateSucceeded)
	same(s, "conflicts: it was said not to have run", r.Conflicts, 1)
}

func decisionsStay(s *scene, a store.Admin) {
	i, older, holder := s.takenOver()
	for n := range 2 * store.MaxTrail {
		c := lost
		c.Result = []byte{byte(n)}
		s.complete(older, c)
	}
	s.complete(holder, lost)
	s.resolve(i.Name, store.Resolution{State: store.StateFailed, Reason: store.ReasonRefused, Result: []byte("no")})
	for range 3 {
		r := s.get(i.Name)
		_, err := a.Reopen(s.ctx, store.Reopening{Name: i.Name, Fence: r.Fence, Actor: "jo", Evidence: "once more"})
		s.must(err)
		s.complete(s.take(s.call(i)), refusal)
	}
	r := s.get(i.Name)
	same(s, "resolved", s.heard(r, store.EventResolved), 1)
	same(s, "reopened", s.heard(r, store.EventReopened), 3)
	for n := 1; n < len(r.Trail); n++ {
		if r.Trail[n].At.Before(r.Trail[n-1].At) {
			s.Fatal("the trail is out of order")
		}
	}
	last := r.Trail[len(r.Trail)-1]
	same(s, "by whom", last.Actor, "jo")
	same(s, "on what grounds", last.Evidence, "once more")
}
