package storetest

import (
	"fmt"

	"github.com/retrysafe/retrysafe/store"
)

func holders() []one {
	return []one{
		{"a token proves nothing without its nonce", tokenNeedsNonce},
		{"a late completion wins while nobody took over", lateButUnchallenged},
		{"a holder that was swept can still tell", sweptHolderTells},
		{"an older holder changes nothing but the evidence", zombieIsEvidence},
		{"an older holder's success settles", zombieSucceeds},
		{"a completion that contradicts is recorded and raised", contradiction},
		{"a completion that contradicts a decision is recorded and raised", contradictedDecision},
		{"a trail is bounded", trailIsBounded},
		{"only a runner's claim that nobody waited for can be released", releases},
		{"tokens of several operations are renewed at once", renewSeveral},
		{"operations with similar names are others", othersUntouched},
	}
}

func tokenNeedsNonce(s *scene) {
	i := s.intent()
	token := s.take(s.call(i))
	before := s.get(i.Name)
	forged := token
	forged.Nonce = nonce()
	same(s, "renewing by a forged token", s.renew(forged, s.units(2*long)), false)
	same(s, "completing by a forged token", s.complete(forged, lost).Status, store.CompleteLost)
	after := s.get(i.Name)
	after.Trail = nil
	if diff := (slack{}).records(after, before); diff != "" {
		s.Errorf("a forged token changed the record: %s", diff)
	}
	token.Fence = 0
	same(s, "renewing by the nonce alone", s.renew(token, s.units(long)), true)
	same(s, "completing by the nonce alone", s.complete(token, success).Status, store.CompleteDone)
}

func lateButUnchallenged(s *scene) {
	for _, c := range []store.Completion{success, refusal, notRun, doubt} {
		i := s.intent()
		token := s.take(s.brief(s.call(i)))
		s.lapse()
		same(s, "a late completion as "+c.State.String(), s.complete(token, c).Status, store.CompleteDone)
		same(s, "the state", s.get(i.Name).State, c.State)
	}
	i := s.intent()
	token := s.take(s.brief(s.call(i)))
	s.lapse()
	same(s, "a late renewal", s.renew(token, s.units(long)), true)
	same(s, "a claim after it", s.claim(s.call(i)).Status, store.ClaimHeld)
}

func sweptHolderTells(s *scene) {
	for _, c := range []store.Completion{success, refusal, notRun} {
		i := s.intent()
		i.OnLapse = store.LapseUnknown
		token := s.take(s.brief(s.call(i)))
		s.lapse()
		same(s, "a sweep", s.claim(store.Claim{Intent: i, Mode: store.ModeSweep}).Status, store.ClaimUnknown)
		swept := s.get(i.Name)
		same(s, "the state", swept.State, store.StateUnknown)
		same(s, "the token", swept.Token(), token)
		same(s, "a renewal", s.renew(token, s.units(long)), false)
		same(s, "a completion as "+c.State.String(), s.complete(token, c).Status, store.CompleteDone)
		same(s, "the state", s.get(i.Name).State, c.State)
	}
}

// takenOver returns an operation with its older holder and its present one.
func (s *scene) takenOver() (i store.Intent, older, holder store.Token) {
	s.Helper()
	i = s.intent()
	older = s.take(s.brief(s.call(i)))
	s.lapse()
	return i, older, s.take(s.call(i))
}

func zombieIsEvidence(s *scene) {
	i, older, holder := s.takenOver()
	before := s.get(i.Name)
	same(s, "its renewal", s.renew(older, s.units(2*long)), false)
	older.Fence = 0
	same(s, "its renewal by nonce", s.renew(older, s.units(2*long)), false)
	older.Fence = before.Fence
	for _, c := range []store.Completion{refusal, notRun, doubt, release} {
		same(s, "its completion as "+c.State.String(), s.complete(older, c).Status, store.CompleteLost)
	}
	after := s.get(i.Name)
	if len(after.Trail) == 0 {
		s.Error("its answers are not in the trail")
	}
	after.Trail = nil
	if diff := (slack{}).records(after, before); diff != "" {
		s.Errorf("it changed the record: %s", diff)
	}
	same(s, "the holder's completion", s.complete(holder, success).Status, store.CompleteDone)
}

func zombieSucceeds(s *scene) {
	i, older, holder := s.takenOver()
	done := s.complete(older, success)
	same(s, "its success", done.Status, store.CompleteDone)
	same(s, "the state", s.get(i.Name).State, store.StateSucceeded)
	same(s, "the result", string(s.get(i.Name).Result), "answer")
	same(s, "the holder's renewal", s.renew(holder, s.units(long)), false)
	same(s, "the holder's success", s.complete(holder, success).Status, store.CompleteRepeated)

	i, older, holder = s.takenOver()
	s.complete(holder, doubt)
	same(s, "its success of what is unknown", s.complete(older, success).Status, store.CompleteDone)
	same(s, "the state", s.get(i.Name).State, store.StateSucceeded)
}

func contradiction(s *scene) {
	for _, c := range []struct{ settled, heard store.Completion }{{refusal, success}, {success, refusal}, {notRun, success}} {
		i, older, holder := s.takenOver()
		s.complete(holder, c.settled)
		before := s.get(i.Name)
		done := s.complete(older, c.heard)
		same(s, fmt.Sprintf("%s after %s", c.heard.State, c.settled.State), done.Status, store.CompleteContradicted)
		after := s.get(i.Name)
		same(s, "the state", after.State, before.State)
		same(s, "the result", string(after.Result), string(before.Result))
		same(s, "conflicts", after.Conflicts, 1)
		same(s, "the conflict in the trail", s.heard(after, store.EventConflict), 1)
	}
}

// heard counts a trail's entries of an event.
func (s *scene) heard(r store.Record, event store.Event) (n int) {
	for _, e := range r.Trail {
		if e.Event == event {
			n++
		}
	}
	return n
}

func contradictedDecision(s *scene) {
	if _, ok := s.admin(); !ok {
		return
	}
	i := s.intent()
	token := s.take(s.call(i))
	s.complete(token, lost)
	s.resolve(i.Name, store.Resolution{State: store.StateFailed, Reason: store.ReasonRefused})
	done := s.complete(token, success)
	same(s, "a success after it was resolved as failed", done.Status, store.CompleteContradicted)
	after := s.get(i.Name)
	same(s, "the state", after.State, store.StateFailed)
	same(s, "conflicts", after.Conflicts, 1)
	same(s, "decisions in the trail", s.heard(after, store.EventResolved), 1)
	same(s, "conflicts in the trail", s.heard(after, store.EventConflict), 1)
}

func trailIsBounded(s *scene) {
	i, older, _ := s.takenOver()
	for n := range 2 * store.MaxTrail {
		c := lost
		c.Result = fmt.Appendf(nil, "answer %d", n)
		same(s, "a late answer", s.complete(older, c).Status, store.CompleteLost)
	}
	trail := s.get(i.Name).Trail
	if len(trail) != store.MaxTrail {
		s.Fatalf("the trail has %d entries after %d answers, want %d", len(trail), 2*store.MaxTrail, store.MaxTrail)
	}
	same(s, "the oldest that is kept", string(trail[0].Result), "answer 0")
}

func releases(s *scene) {
	i := s.intent()
	s.begin(i)
	token := s.take(s.runner(i, store.ModeResume))
	same(s, "a runner's release", s.complete(token, release).Status, store.CompleteDone)
	r := s.get(i.Name)
	same(s, "the state", r.State, store.StatePending)
	same(s, "first sent", r.FirstSent.IsZero(), true)
	same(s, "a release again", s.complete(token, release).Status, store.CompleteRepeated)

	token = s.take(s.mode(i, store.ModeResume))
	_, err := s.Store.Complete(s.ctx, token, release)
	s.refused("a release by a call", err, store.ErrIllegal)
	same(s, "the state", s.get(i.Name).State, store.StateInFlight)
}

func renewSeveral(s *scene) {
	a, b, c := s.intent(), s.intent(), s.intent()
	tokens := []store.Token{s.take(s.brief(s.call(a))), s.take(s.brief(s.call(b))), {Name: c.Name, Fence: 1, Nonce: nonce()}}
	s.complete(tokens[1], success)
	got, err := s.Store.Renew(s.ctx, s.units(long), tokens)
	s.must(err)
	same(s, "which are held", fmt.Sprint(got), "[true false false]")
	s.lapse()
	same(s, "what was renewed", s.claim(s.call(a)).Status, store.ClaimHeld)
	got, err = s.Store.Renew(s.ctx, s.units(long), nil)
	s.must(err)
	same(s, "answers for no token", len(got), 0)
}

func othersUntouched(s *scene) {
	m := newModel(s)
	for _, n := range similar() {
		i := s.intent()
		i.Name = n
		s.take(s.call(i))
		m.records[n] = m.read(n)
	}
	for n, r := range m.records {
		done := s.complete(r.Token(), success)
		same(s, "a completion", done.Status, store.CompleteDone)
		m.records[n] = m.read(n)
		m.untouched()
	}
}

// similar returns names that a careless store takes for one another.
func similar() []store.Name {
	return []store.Name{
		{Scope: "a", Kind: "b", ID: "c"}, {Scope: "", Kind: "b", ID: "c"}, {Scope: "a", Kind: "b", ID: "C"},
		{Scope: "A", Kind: "b", ID: "c"}, {Scope: "a", Kind: "B", ID: "c"}, {Scope: "ab", Kind: "c", ID: "c"},
		{Scope: "a", Kind: "bc", ID: "c"}, {Scope: "a", Kind: "b", ID: "cc"}, {Scope: "a", Kind: "b", ID: "c "},
		{Scope: "a", Kind: "b", ID: " c"}, {Scope: "a", Kind: "b", ID: "c\x00"}, {Scope: "a", Kind: "b", ID: "c\x00d"},
		{Scope: "a\x00b", Kind: "c", ID: "c"}, {Scope: "a", Kind: "b\x00c", ID: "c"}, {Scope: "a", Kind: "b", ID: "\xff"},
		{Scope: "a", Kind: "b", ID: "\xfe"}, {Scope: "a", Kind: "b", ID: "\ufffd"}, {Scope: "a", Kind: "b", ID: "e\u0301"},
		{Scope: "a", Kind: "b", ID: "\u00e9"}, {Scope: "a", Kind: "b", ID: "%"}, {Scope: "a", Kind: "b", ID: "_"},
		{Scope: "a", Kind: "b", ID: "1"}, {Scope: "a", Kind: "b", ID: "01"}, {Scope: "a", Kind: "b", ID: "1.0"},
		{Scope: "a", Kind: "b", ID: "' OR 1=1 --"}, {Scope: "a", Kind: "b", ID: "null"}, {Scope: "a", Kind: "b", ID: "\x00"},
	}
}
