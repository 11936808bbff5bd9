package storetest

import (
	"time"

	"github.com/retrysafe/retrysafe/store"
)

func clocks() []one {
	return []one{
		{"time never goes back and each move has its own", everLater},
		{"a call begun after a completion is told from one begun before", begunAfter},
		{"a wall clock that is set back an hour changes nothing", setBack},
	}
}

func everLater(s *scene) {
	i := s.intent()
	last := s.now()
	for range 50 {
		g := s.claim(s.call(i))
		if !g.Now.After(last) || g.Now.Location() != time.UTC || g.Now != g.Now.Truncate(time.Microsecond) {
			s.Fatalf("a move at %v after one at %v", g.Now, last)
		}
		last = g.Now
	}
	before := s.now()
	s.Advance(s.units(2))
	if passed := s.now().Sub(before); passed < s.units(2) {
		s.Errorf("%v passed of %v", passed, s.units(2))
	}
}

func begunAfter(s *scene) {
	for range 20 {
		i := s.intent()
		s.complete(s.take(s.call(i)), notRun)
		s.take(s.call(i))
	}
}

func setBack(s *scene) {
	if s.Step == nil {
		s.Log("not tested: the wall clock cannot be set")
		return
	}
	held, lapsing, window := s.intent(), s.intent(), s.intent()
	window.Window = s.units(short)
	s.take(s.call(held))
	s.take(s.brief(s.call(lapsing)))
	s.take(s.brief(s.call(window)))
	fence, before := s.get(lapsing.Name).Fence, s.now()
	s.Step(-time.Hour)
	defer s.Step(time.Hour)
	if now := s.now(); !now.After(before) {
		s.Errorf("the store's time went back from %v to %v", before, now)
	}
	same(s, "a claim of what is held", s.claim(s.call(held)).Status, store.ClaimHeld)
	same(s, "a claim before the lease ends", s.claim(s.call(lapsing)).Status, store.ClaimHeld)
	s.lapse()
	g := s.claim(s.call(lapsing))
	same(s, "a claim after it ended", g.Status, store.ClaimAcquired)
	if g.Record.Fence <= fence {
		s.Errorf("fence %d after %d", g.Record.Fence, fence)
	}
	same(s, "a claim behind the window", s.claim(s.call(window)).Status, store.ClaimUnknown)
	again := s.intent()
	s.complete(s.take(s.call(again)), notRun)
	s.take(s.call(again))
	if passed := s.now().Sub(before); passed < s.units(short+1) {
		s.Errorf("%v passed of %v", passed, s.units(short+1))
	}
}
