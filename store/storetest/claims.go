package storetest

import (
	"sync"
	"sync/atomic"

	"github.com/retrysafe/retrysafe/store"
)

func claims() []one {
	return []one{
		{"of many claims at once one is granted", oneOfMany},
		{"of many takeovers at once one is granted", oneOfManyTakeovers},
		{"a claim is held until its lease ends", heldUntilItsLeaseEnds},
		{"a repeated claim is the same claim", repeatedClaim},
		{"a repeated begin is the same begin", repeatedBegin},
		{"another fingerprint never matches", mismatchInEveryState},
		{"a failure that was waited for is the answer, and a later call begins again", waitedForFailure},
		{"fences rise", fencesRise},
		{"a window ends", windowEnds},
	}
}

// rivals makes n claims at once, and returns the tokens that were granted.
func (s *scene) rivals(n int, claim func() store.Claim) []store.Token {
	s.Helper()
	var group sync.WaitGroup
	var failed atomic.Int64
	won := make(chan store.Token, n)
	for range n {
		c := claim()
		group.Go(func() {
			g, err := s.Store.Claim(s.ctx, c)
			switch {
			case err != nil:
				failed.Add(1)
			case g.Status == store.ClaimAcquired:
				won <- g.Record.Token()
			}
		})
	}
	group.Wait()
	close(won)
	same(s, "claims that failed", failed.Load(), 0)
	var tokens []store.Token
	for t := range won {
		tokens = append(tokens, t)
	}
	return tokens
}

func oneOfMany(s *scene) {
	for range 3 {
		i := s.intent()
		won := s.rivals(100, func() store.Claim { return s.call(i) })
		if len(won) != 1 {
			s.Fatalf("%d of 100 claims were granted, want 1", len(won))
		}
		same(s, "the token that was granted holds", s.renew(won[0], s.Unit), true)
	}
}

func oneOfManyTakeovers(s *scene) {
	i := s.intent()
	s.take(s.brief(s.call(i)))
	s.lapse()
	if won := s.rivals(50, func() store.Claim { return s.call(i) }); len(won) != 1 {
		s.Errorf("%d of 50 takeovers were granted, want 1", len(won))
	}
}

func heldUntilItsLeaseEnds(s *scene) {
	i, renewed := s.intent(), s.intent()
	s.take(s.call(i))
	token := s.take(s.brief(s.call(renewed)))
	same(s, "the holder renews", s.renew(token, s.units(long)), true)
	same(s, "a shorter lease is no news", s.renew(token, 1), true)
	s.lapse()
	for _, i := range []store.Intent{i, renewed} {
		for _, c := range []store.Claim{s.call(i), s.mode(i, store.ModeResume), s.mode(i, store.ModeReconcile), s.mode(i, store.ModeSweep)} {
			g := s.claim(c)
			same(s, "a claim to "+c.Mode.String()+" of what is held", g.Status, store.ClaimHeld)
			if !g.Record.Lease.After(g.Now) {
				s.Errorf("held until %v, and it is %v", g.Record.Lease, g.Now)
			}
		}
	}
}

func repeatedClaim(s *scene) {
	c := s.call(s.intent())
	first, second := s.claim(c), s.claim(c)
	same(s, "a repeated claim", second.Status, store.ClaimAcquired)
	same(s, "its token", second.Record.Token(), first.Record.Token())
	same(s, "claims counted", s.get(c.Name).Claims, 1)
	done, again := s.complete(first.Record.Token(), success), s.complete(first.Record.Token(), success)
	same(s, "a completion", done.Status, store.CompleteDone)
	same(s, "the same completion again", again.Status, store.CompleteRepeated)
	g := s.claim(c)
	same(s, "a repeated claim of what was settled since", g.Status, store.ClaimSettled)
	same(s, "its result", string(g.Record.Result), "answer")
}

func repeatedBegin(s *scene) {
	i := s.intent()
	first, second := s.begin(i), s.begin(i)
	same(s, "a begin", first.Status, store.BeginCreated)
	same(s, "the same begin again", second.Status, store.BeginExists)
	same(s, "its fence", second.Record.Fence, first.Record.Fence)
	if i.Fingerprint = print(2); s.begin(i).Status != store.BeginMismatched {
		s.Error("a begin of another intent was not answered mismatched")
	}
}

func mismatchInEveryState(s *scene) {
	for _, from := range states()[1:] {
		p := place{Intent: s.intent()}
		from.make(s, &p)
		if from.then != nil {
			s.lapse()
			from.then(s, &p)
		}
		before := s.get(p.Name)
		c := s.call(s.other(p.Intent))
		if p.token != (store.Token{}) {
			c.Nonce = p.token.Nonce
		}
		same(s, "a claim of another intent of what is "+from.name, s.claim(c).Status, store.ClaimMismatched)
		same(s, "a begin of another intent of what is "+from.name, s.begin(s.other(p.Intent)).Status, store.BeginMismatched)
		if diff := (slack{}).records(s.get(p.Name), before); diff != "" {
			s.Errorf("a mismatch changed what is %s: %s", from.name, diff)
		}
	}
}

func waitedForFailure(s *scene) {
	i := s.intent()
	token := s.take(s.call(i))
	s.complete(token, notRun)
	waiting := s.call(i)
	waiting.Age = s.units(long)
	g := s.claim(waiting)
	same(s, "a call that was waiting", g.Status, store.ClaimSettled)
	same(s, "what it gets", g.Record.Reason, store.ReasonNotRun)
	saw := s.call(i)
	saw.Waited = token.Fence
	same(s, "a call that saw it in flight", s.claim(saw).Status, store.ClaimSettled)
	for _, c := range []store.Claim{s.mode(i, store.ModeResume), s.runner(i, store.ModeResume), s.runner(i, store.ModeCall), s.mode(i, store.ModeReconcile)} {
		same(s, "a claim to "+c.Mode.String()+" of what was not run", s.claim(c).Status, store.ClaimSettled)
	}
	i.Request = []byte("a new request")
	g = s.claim(s.call(i))
	same(s, "a call begun later", g.Status, store.ClaimAcquired)
	same(s, "its request", string(g.Record.Request), "a new request")
	same(s, "where it came from", g.From, store.StateFailed)
}

func fencesRise(s *scene) {
	i := s.intent()
	var last int64
	for range 5 {
		g := s.claim(s.brief(s.call(i)))
		same(s, "a claim of what has lapsed", g.Status, store.ClaimAcquired)
		if g.Record.Fence <= last || g.Record.Fence < g.Now.UnixMicro() {
			s.Errorf("fence %d after %d, at %d µs", g.Record.Fence, last, g.Now.UnixMicro())
		}
		last = g.Record.Fence
		s.lapse()
	}
}

func windowEnds(s *scene) {
	i, rerun := s.intent(), s.intent()
	i.Window, rerun.Window, rerun.OnLapse = s.units(short), s.units(short), store.LapseRerun
	token := s.take(s.brief(s.call(i)))
	s.take(s.brief(s.call(rerun)))
	s.lapse()
	same(s, "a claim of what may run again", s.claim(s.call(rerun)).Status, store.ClaimAcquired)
	same(s, "a claim behind the window", s.claim(s.call(i)).Status, store.ClaimUnknown)
	same(s, "a claim to resume behind the window", s.claim(s.mode(i, store.ModeResume)).Status, store.ClaimUnknown)
	same(s, "the state", s.get(i.Name).State, store.StateUnknown)
	same(s, "the holder that was only late", s.complete(token, success).Status, store.CompleteDone)
	same(s, "the state after that", s.get(i.Name).State, store.StateSucceeded)
}
