package retrysafe_test

import (
	"cmp"
	"slices"

	"github.com/retrysafe/retrysafe"
)

// Here and in outcome_walk_test.go is a model of a provider and the network, small
// enough that every short history can be walked: up to three attempts of one
// call, each with or without a delivery that net/http repeated unseen, each
// delivery with its own fate. A client sees only what it would see, and says
// how the operation ended. Then everything that is still under way arrives, in
// every order, and the truth is compared with what was said.

// modelKind is what a provider does with keys.
type modelKind struct {
	name           string
	keyed          bool
	storesRefusals bool  // business refusals are stored under the key
	noReplay       bool  // a repeat after a success is refused as an echo of it
	forgets        bool  // a key may be forgotten at any time, and then runs anew
	saysGone       bool  // ... and then is answered as expired
	longest        int16 // seconds; promised for looked-up refusals, 0 for none
}

var modelKinds = []modelKind{
	{name: "stores successes", keyed: true},
	{name: "stores refusals too", keyed: true, storesRefusals: true},
	{name: "refuses repeats", keyed: true, noReplay: true},
	{name: "forgets keys", keyed: true, forgets: true},
	{name: "expires keys", keyed: true, saysGone: true},
	{name: "has no keys"},
	{name: "promises a longest execution", keyed: true, longest: 60},
	{name: "promises all", keyed: true, storesRefusals: true, longest: 60},
}

// Times in the model: short is within a longest execution, long is not.
const (
	modelShort int16 = 1
	modelLong  int16 = 100
)

// keyState is what the provider has under the key.
type keyState uint8

const (
	keyFree keyState = iota
	keyDone
	keyRefused
	keyStuck
	keyInFlight
	keyExpired
	keyElsewhere // bound to another request
)

// conduct is what the provider does with a delivery that arrives.
type conduct int

const (
	runs         conduct = iota // the effect takes place; answered done
	runsCut                     // ... and the body of the answer is cut
	runsLater                   // ... after the call; until then it is in flight
	runsSoon                    // ... before the next attempt; answered in flight
	refusesSoon                 // as runsSoon, but it ends with a refusal
	refuses                     // by business rules, after the look-up
	invalid                     // by validation, after the look-up, never stored
	unauthorized                // before the look-up
	needsPayment                // 402, of which nobody knows whether before or after it
	busy                        // 429, before the look-up
	fails                       // 503, nothing ran
	failsAfter                  // 503, the effect took place
	failsBefore                 // 504 of a gateway, behind which it arrives after the call
	sticks                      // a stored error that does not tell, nothing ran
	sticksAfter                 // ... the effect took place
	portal                      // never reached the provider: HTML with status 200
)

var conductNames = [...]string{
	"runs", "runs, answer cut", "runs after the call", "runs soon", "refuses soon", "refuses", "invalid", "unauthorized",
	"402", "busy", "fails", "fails after the effect", "gateway fails before it arrives", "stuck", "stuck after the effect", "portal",
}

func (c conduct) String() string { return conductNames[c] }

var conducts = []conduct{
	runs, runsCut, runsLater, runsSoon, refusesSoon, refuses, invalid, unauthorized, needsPayment, busy, fails, failsAfter, failsBefore, sticks, sticksAfter, portal,
}

// flight is a delivery that has left the client and has not ended yet.
type flight struct {
	sent    int16 // the latest time at which it can have left
	ours    bool
	started bool // its key is in flight at the provider
	next    bool // it ends after the next attempt was looked at, not after the call
}

// truth is what no client sees.
type truth struct {
	state   keyState
	effects uint8 // 2 are as good as many
	ours    uint8 // of the effects, those by deliveries of this call
	flying  uint8
	air     [7]flight
}

func (w *truth) launch(f flight) {
	w.air[w.flying] = f
	w.flying++
}

func (w *truth) land(i uint8) flight {
	f := w.air[i]
	w.flying--
	w.air[i] = w.air[w.flying]
	w.air[w.flying] = flight{}
	return f
}

// sorted puts the flights in an order of their own, so that equal truths are
// equal values.
func (w *truth) sorted() {
	slices.SortFunc(w.air[:w.flying], func(a, b flight) int { return cmp.Compare(a.rank(), b.rank()) })
}

func (f flight) rank() int {
	rank := int(f.sent) << 3
	for i, bit := range []bool{f.ours, f.started, f.next} {
		if bit {
			rank |= 1 << i
		}
	}
	return rank
}

func (w *truth) effect(ours bool) {
	w.effects = min(w.effects+1, 2)
	if ours {
		w.ours = min(w.ours+1, 2)
	}
}

// arrive is a delivery that reaches the provider: what it does and answers.
func (k *modelKind) arrive(w *truth, c conduct, left int16, ours bool) retrysafe.Judgement {
	switch c {
	case portal, fails:
		return meaning{Verdict: retrysafe.Again}
	case busy:
		return meaning{Verdict: retrysafe.Again, NotRun: true}
	case unauthorized:
		return meaning{Verdict: retrysafe.Refused}
	case needsPayment:
		return meaning{Verdict: retrysafe.Refused, Presumed: true}
	case failsBefore:
		w.launch(flight{sent: left, ours: ours})
		return meaning{Verdict: retrysafe.Again}
	}
	if k.keyed && w.state != keyFree {
		return k.remember(w, c)
	}
	return k.serve(w, c, left, ours)
}

// remember answers from what is stored under the key.
func (k *modelKind) remember(w *truth, c conduct) retrysafe.Judgement {
	if c == failsAfter {
		return meaning{Verdict: retrysafe.Again} // a gateway's 503 before a stored answer
	}
	switch w.state {
	case keyDone:
		if k.noReplay {
			return meaning{Verdict: retrysafe.Refused, Echo: true}
		}
		return meaning{Verdict: retrysafe.Done, Lost: c == runsCut}
	case keyRefused:
		return meaning{Verdict: retrysafe.Refused, Stored: true}
	case keyStuck:
		return meaning{Verdict: retrysafe.Stuck, Stored: true}
	case keyInFlight:
		return meaning{Verdict: retrysafe.Wait}
	case keyElsewhere:
		return meaning{Verdict: retrysafe.Mismatch}
	default:
		return meaning{Verdict: retrysafe.Gone}
	}
}

// serve runs a request whose key is new.
func (k *modelKind) serve(w *truth, c conduct, left int16, ours bool) retrysafe.Judgement {
	switch c {
	case runs, runsCut:
		w.effect(ours)
		w.state = keyDone
		return meaning{Verdict: retrysafe.Done, Lost: c == runsCut}
	case runsLater:
		w.launch(flight{sent: left, ours: ours, started: true})
		w.state = keyInFlight
		return meaning{Verdict: retrysafe.Wait}
	case runsSoon:
		w.effect(ours)
		w.state = keyDone
		return meaning{Verdict: retrysafe.Wait}
	case refusesSoon:
		if k.storesRefusals {
			w.state = keyRefused
		}
		return meaning{Verdict: retrysafe.Wait}
	case refuses:
		if k.storesRefusals {
			w.state = keyRefused
			return meaning{Verdict: retrysafe.Refused, Stored: true}
		}
		return meaning{Verdict: retrysafe.Refused, LookedUp: k.longest > 0}
	case invalid:
		return meaning{Verdict: retrysafe.Refused, LookedUp: k.longest > 0}
	case failsAfter:
		w.effect(ours)
		w.state = keyDone
		return meaning{Verdict: retrysafe.Again}
	default: // sticks, sticksAfter
		if c == sticksAfter {
			w.effect(ours)
		}
		w.state = keyStuck
		return meaning{Verdict: retrysafe.Stuck, Stored: k.storesRefusals}
	}
}

// end lets a flight come to its end.
func (k *modelKind) end(w *truth, f flight) {
	if f.started {
		w.effect(f.ours)
		w.state = keyDone
		return
	}
	k.arrive(w, runs, 0, f.ours)
}

// canStill reports whether a flight can take effect at a time. That it cannot
// later is what a provider promises with its longest execution.
func (k *modelKind) canStill(f flight, now int16) bool {
	return k.longest == 0 || now-f.sent <= k.longest
}

// worst returns the most effects that there can be, of anybody and of this
// call, once everything in the air has arrived or not, in any order.
func (k *modelKind) worst(w *truth, now int16) (effects, ours uint8) {
	effects, ours = w.effects, w.ours
	for i := range w.flying {
		if !k.canStill(w.air[i], now) || w.seenBefore(i) {
			continue
		}
		next := *w
		k.end(&next, next.land(i))
		e, o := k.worst(&next, now)
		effects, ours = max(effects, e), max(ours, o)
	}
	return effects, ours
}

// seenBefore reports whether an equal flight was tried as the next to land.
func (w *truth) seenBefore(i uint8) bool {
	for j := range i {
		if w.air[j] == w.air[i] {
			return true
		}
	}
	return false
}

// fate is what becomes of one delivery that is not answered.
type fate int

const (
	neverThere  fate = iota // lost on its way
	ranLost                 // run, and the answer lost
	refusedLost             // refused, and the answer lost
	stuckLost               // run into a stored error, and the answer lost
	startedLost             // in flight from now until after the call
	lateNext                // arrives when the next attempt has been looked at
	lateEnd                 // arrives when the call is over
	notSent                 // did not leave, and the client can prove it
)

var fateNames = [...]string{
	"never there", "ran, answer lost", "refused, answer lost", "stuck, answer lost", "in flight until after the call",
	"arrives after the next attempt", "arrives after the call", "not sent",
}

func (f fate) String() string { return fateNames[f] }

var (
	hiddenFates = []fate{neverThere, ranLost, startedLost, lateNext, lateEnd}
	lastFates   = []fate{neverThere, ranLost, refusedLost, stuckLost, startedLost, lateNext, lateEnd, notSent}
)

func (k *modelKind) suffer(w *truth, f fate, left int16) {
	switch f {
	case ranLost:
		k.arrive(w, runs, left, true)
	case refusedLost:
		k.arrive(w, refuses, left, true)
	case stuckLost:
		k.arrive(w, sticksAfter, left, true)
	case startedLost:
		if k.keyed {
			k.arrive(w, runsLater, left, true)
		} else {
			w.launch(flight{sent: left, ours: true})
		}
	case lateNext, lateEnd:
		w.launch(flight{sent: left, ours: true, next: f == lateNext})
	}
}
