package store_test

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// made is a move that was made.
type made struct {
	move          string
	before, after store.Record
	now           time.Time
	answer        string
	err           error
	claim         store.Claim      // of a claim
	intent        store.Intent     // of a begin
	completion    store.Completion // of a completion
}

// invariants hold of every move, from whatever record it starts.
var invariants = []struct {
	name string
	hold func(m made) bool
}{
	{"fences never fall", func(m made) bool { return m.after.Fence >= m.before.Fence }},
	{"an error changes nothing", func(m made) bool { return m.err == nil || reflect.DeepEqual(m.before, m.after) }},
	{"succeeded stays", func(m made) bool {
		return m.before.State != store.StateSucceeded || m.after.State == store.StateSucceeded
	}},
	{"what is purged is settled", func(m made) bool {
		return !m.after.Purged || m.after.State == store.StateSucceeded || m.after.State == store.StateFailed
	}},
	{"nothing disappears", func(m made) bool { return m.before.State == 0 || m.after.State != 0 }},
	{"the generation rises by decisions, one at a time", func(m made) bool {
		return m.after.Generation == m.before.Generation ||
			m.after.Generation == m.before.Generation+1 && (m.move == "resolve" || m.move == "reopen")
	}},
	{"a new generation has sent nothing", func(m made) bool {
		return m.after.Generation == m.before.Generation || m.after.FirstSent.IsZero() && !m.after.Resend
	}},
	{"what was not run has sent nothing", func(m made) bool {
		return m.after.State != store.StateFailed || m.after.Reason != store.ReasonNotRun || m.after.FirstSent.IsZero() && !m.after.Resend
	}},
	{"what is pending has sent nothing", func(m made) bool {
		return m.after.State != store.StatePending || m.after.FirstSent.IsZero() && !m.after.Resend
	}},
	{"a failure is final", aFailureIsFinal},
	{"a mismatch wins and changes nothing", func(m made) bool {
		other := m.move == "claim" && m.claim.Mode == store.ModeCall && m.claim.Fingerprint != m.before.Fingerprint ||
			m.move == "begin" && m.intent.Fingerprint != m.before.Fingerprint
		if !other || m.before.State == 0 || m.err != nil {
			return true
		}
		return m.answer == "mismatched" && reflect.DeepEqual(m.before, m.after)
	}},
	{"a fingerprint stays", func(m made) bool { return m.before.State == 0 || m.after.Fingerprint == m.before.Fingerprint }},
	{"nobody takes over before the lease ends", func(m made) bool {
		live := m.before.State == store.StateInFlight && m.before.Lease.After(m.now)
		return !live || m.move != "claim" || m.before.Token() == m.after.Token() && m.after.State == store.StateInFlight
	}},
	{"nothing is sent again behind the window", func(m made) bool {
		b := m.before
		if !resent(m) || b.OnLapse != store.LapseResume || b.Window == 0 {
			return true
		}
		return m.now.Before(b.FirstSent.Add(b.Window))
	}},
	{"what must not be sent again is not", func(m made) bool { return !resent(m) || m.before.OnLapse != store.LapseUnknown }},
	{"a window does not move while it counts", func(m made) bool {
		return m.before.FirstSent.IsZero() || m.after.FirstSent.IsZero() || m.after.FirstSent.Equal(m.before.FirstSent) ||
			m.before.State == store.StateFailed
	}},
	{"what somebody was told is not released", func(m made) bool {
		return m.move != "complete" || m.after.State != store.StatePending || m.before.State == store.StatePending || !m.before.Told
	}},
	{"conflicts are not forgotten", func(m made) bool { return m.after.Conflicts >= m.before.Conflicts }},
	{"a trail only grows", func(m made) bool {
		n := len(m.before.Trail)
		return n == 0 || n <= len(m.after.Trail) && reflect.DeepEqual(m.before.Trail, m.after.Trail[:n:n])
	}},
	{"a state has its times and no others", wellFormed},
	{"a success that contradicts is a conflict", func(m made) bool {
		contradicts := m.move == "complete" && m.err == nil && m.before.State == store.StateFailed && m.completion.State == store.StateSucceeded
		return !contradicts || m.answer == "contradicted" && m.after.Conflicts == m.before.Conflicts+1
	}},
}

// resent reports whether a move lets somebody send again what may be in doubt.
func resent(m made) bool {
	doubt := m.before.State == store.StateInFlight || m.before.State == store.StateUnknown
	return m.move == "claim" && doubt && m.answer == "acquired" && m.claim.Mode != store.ModeReconcile && m.claim.Nonce != m.before.Nonce
}

// aFailureIsFinal: only what was not run is begun again, by a call that began
// after that was known, or by a begin; anything else needs an operator.
func aFailureIsFinal(m made) bool {
	if m.before.State != store.StateFailed || m.after.State == store.StateFailed || m.move == "reopen" {
		return true
	}
	began := m.now.Add(-m.claim.Age)
	asked := m.move == "begin" || m.move == "claim" && m.claim.Mode == store.ModeCall && !m.claim.Runner && !m.before.Settled.After(began)
	return asked && m.before.Reason == store.ReasonNotRun && m.before.Conflicts == 0
}

func wellFormed(m made) bool {
	r := m.after
	settled := r.State == store.StateSucceeded || r.State == store.StateFailed
	switch {
	case settled == r.Settled.IsZero(),
		(r.State == store.StateInFlight) == r.Lease.IsZero(),
		!settled && !(r.PurgeAt.IsZero() && r.Notice.IsZero()),
		(r.State == store.StatePending || r.State == store.StateUnknown) == r.Next.IsZero(),
		(r.State == store.StateFailed) != (r.Reason != store.ReasonNone),
		r.State == store.StateInFlight && r.Nonce == (store.Nonce{}),
		r.Purged && len(r.Request)+len(r.Result) > 0:
		return r.State == store.StateAbsent
	}
	return true
}

func TestTheInvariantsHoldOfRandomMoves(t *testing.T) {
	reached := make(map[string]bool)
	for seed := range uint64(300) {
		w := &wanderer{rng: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
		for n := range 150 {
			m := w.move()
			for _, i := range invariants {
				if !i.hold(m) {
					t.Fatalf("seed %d, move %d: not true that %s\n%s was answered %q (%v)\nbefore %+v\nafter  %+v\nclaim %+v\ncompletion %+v",
						seed, n, i.name, m.move, m.answer, m.err, m.before, m.after, m.claim, m.completion)
				}
			}
			reached[m.move+" "+m.before.State.String()+": "+m.answer] = true
		}
	}
	for _, want := range []string{
		"claim in flight: acquired", "claim in flight: held", "claim in flight: unknown", "claim unknown: acquired",
		"claim failed: acquired", "claim failed: settled", "claim pending: not due", "claim succeeded: mismatched",
		"complete in flight: lost", "complete in flight: done", "complete unknown: done", "complete failed: contradicted",
		"complete succeeded: contradicted", "resolve unknown: done", "resolve pending: done", "reopen failed: done", "purge failed: true",
		"notice succeeded: true", "renew in flight: true", "begin failed: created",
	} {
		if !reached[want] {
			t.Errorf("no random move was %q: the test shows less than it says", want)
		}
	}
}

// wanderer makes random moves on one operation.
type wanderer struct {
	rng    *rand.Rand
	now    time.Time
	r      store.Record
	tokens []store.Token
}

func one[V any](w *wanderer, of ...V) V { return of[w.rng.IntN(len(of))] }

func (w *wanderer) some() time.Duration { return time.Duration(w.rng.IntN(5)) * time.Minute }
func (w *wanderer) often() bool         { return w.rng.IntN(3) > 0 }
func (w *wanderer) rarely() bool        { return w.rng.IntN(8) == 0 }

func (w *wanderer) move() (m made) {
	w.now = w.now.Add(time.Microsecond)
	if w.rarely() {
		w.now = w.now.Add(w.some())
	}
	m.before, m.now = w.r, w.now
	switch w.rng.IntN(20) {
	case 0, 1:
		w.begin(&m)
	case 2, 3, 4, 5, 6, 7:
		w.claim(&m)
	case 8, 9, 10, 11, 12:
		w.complete(&m)
	case 13:
		m.move = "renew"
		m.answer = word(w.r.Renew(w.token(), time.Minute, w.now))
	case 14:
		m.move = "notice"
		n := store.Notice{Name: intent().Name, Fence: w.fence(), Again: w.some()}
		m.answer = word(n.Apply(&w.r, w.now))
	case 15:
		m.move = "purge"
		m.answer = word(w.r.Purge(w.now))
	case 16:
		m.move = "reopen"
		o := store.Reopening{Name: intent().Name, Fence: w.fence(), Actor: "jo", Evidence: "e"}
		status, err := o.Apply(&w.r, w.now)
		m.answer, m.err = status.String(), err
	default:
		w.resolve(&m)
	}
	m.after = w.r
	return m
}

func word(ok bool) string {
	if ok {
		return "true"
	}
	return "false"
}

func (w *wanderer) fence() int64 {
	if w.rarely() {
		return w.r.Fence - 1
	}
	return w.r.Fence
}

func (w *wanderer) intent() store.Intent {
	i := intent()
	i.Fingerprint[0] = one[byte](w, 1, 1, 1, 1, 1, 1, 1, 2)
	i.OnLapse, i.Window = one(w, store.LapseResume, store.LapseResume, store.LapseRerun, store.LapseUnknown), one(w, 0, 3*time.Minute, time.Hour)
	i.Retain, i.Delay = one(w, 0, w.some()), one(w, 0, 0, w.some())
	return i
}

func (w *wanderer) begin(m *made) {
	m.move, m.intent = "begin", w.intent()
	status, err := m.intent.Apply(&w.r, w.now)
	m.answer, m.err = status.String(), err
}

func (w *wanderer) claim(m *made) {
	c := store.Claim{
		Intent: w.intent(), Mode: store.Mode(w.rng.IntN(4)), Lease: time.Minute + w.some(), Runner: w.often(), Force: w.rarely(),
		Age: one(w, 0, w.some()),
	}
	binary.LittleEndian.PutUint64(c.Nonce[:], w.rng.Uint64())
	if w.rarely() {
		c.Nonce = w.token().Nonce
	}
	if w.rarely() {
		c.Waited = w.r.Fence
	}
	g, err := c.Apply(&w.r, w.now)
	if err == nil && g.Status == store.ClaimAcquired {
		w.tokens = append(w.tokens, g.Record.Token())
	}
	m.move, m.claim, m.answer, m.err = "claim", c, g.Status.String(), err
}

// token returns the last holder's, or an older one's.
func (w *wanderer) token() store.Token {
	if len(w.tokens) == 0 {
		return store.Token{Name: intent().Name, Fence: 1, Nonce: store.Nonce{1}}
	}
	return w.tokens[len(w.tokens)-1-w.rng.IntN(min(4, len(w.tokens)))]
}

func (w *wanderer) complete(m *made) {
	c := store.Completion{
		State: one(w, store.StateSucceeded, store.StateFailed, store.StateFailed, store.StateUnknown, store.StateUnknown, store.StatePending),
		Retry: one(w, 0, w.some()), Resend: w.often(), Advised: w.rarely(), Abandoned: w.rarely(), Notice: w.rarely(), Partial: w.rarely(),
		Result: one(w, nil, []byte("x")),
	}
	if c.State == store.StateFailed {
		c.Reason = one(w, store.ReasonRefused, store.ReasonNotRun, store.ReasonNotRun)
	}
	status, err := c.Apply(&w.r, w.token(), w.now)
	m.move, m.completion, m.answer, m.err = "complete", c, status.String(), err
}

func (w *wanderer) resolve(m *made) {
	d := store.Resolution{
		Name: intent().Name, Fence: w.fence(), State: one(w, store.StateSucceeded, store.StateFailed, store.StatePending),
		NotRun: w.often(), Actor: "jo", Evidence: "e", Notice: w.rarely(),
	}
	if d.State == store.StateFailed {
		d.Reason = one(w, store.ReasonRefused, store.ReasonNotRun, store.ReasonCancelled)
	}
	status, err := d.Apply(&w.r, w.now)
	m.move, m.answer, m.err = "resolve", status.String(), err
}
