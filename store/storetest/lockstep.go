package storetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Lockstep makes random moves on the store, and compares every answer and
// record with what the pure moves say. The same seed gives the same moves.
func Lockstep(t testing.TB, seed uint64, steps int, subject Subject) {
	t.Helper()
	lockstep(newScene(t, subject), seed, steps)
}

func random() []one {
	var all []one
	for seed := range uint64(4) {
		all = append(all, one{fmt.Sprintf("random moves, seed %d", seed), func(s *scene) { lockstep(s, seed, 200) }})
	}
	return all
}

func lockstep(s *scene, seed uint64, steps int) {
	w := &walk{model: newModel(s), rng: rand.New(rand.NewPCG(seed, 1))}
	for n := range 4 {
		i := s.intent()
		i.ID = fmt.Sprintf("walk-%d", n)
		w.names = append(w.names, i.Name)
	}
	for n := range steps {
		w.move()
		if s.Failed() {
			s.Fatalf("seed %d, step %d", seed, n)
		}
		if n%25 == 24 {
			w.untouched()
		}
	}
	w.untouched()
}

// walk chooses moves.
type walk struct {
	*model
	rng    *rand.Rand
	names  []store.Name
	tokens []store.Token
	claims []store.Claim
}

func pick[V any](w *walk, of ...V) V { return of[w.rng.IntN(len(of))] }

func (w *walk) rarely() bool { return w.rng.IntN(10) == 0 }

func (w *walk) often() bool { return w.rng.IntN(3) > 0 }

// move makes one move, of which some kinds are likelier.
func (w *walk) move() {
	switch n := w.rng.IntN(100); {
	case n < 10:
		w.do(beginStep(w.intent()))
	case n < 45:
		c := w.claim()
		got := w.do(claimStep(c))
		if got.Status == store.ClaimAcquired.String() {
			w.tokens, w.claims = append(w.tokens, got.Record.Token()), append(w.claims, c)
		}
	case n < 70:
		w.do(completeStep(w.token(), w.completion()))
	case n < 76:
		w.do(renewStep(w.token(), w.duration(1)))
	case n < 86:
		w.Advance(w.units(pick(w, 1, 1, 2, 4)))
	default:
		w.administer(n)
	}
}

func (w *walk) administer(n int) {
	_, admin := w.Store.(store.Admin)
	_, notifier := w.Store.(store.Notifier)
	r := w.records[pick(w, w.names...)]
	if r.State == store.StateAbsent {
		return
	}
	if w.rarely() {
		r.Fence--
	}
	switch {
	case n < 90 && notifier:
		w.do(noticeStep(store.Notice{Name: r.Name, Fence: r.Fence, Again: pick(w, 0, w.duration(0))}))
	case n < 95 && admin:
		w.do(resolveStep(w.resolution(r)))
	case n < 97 && admin:
		w.do(reopenStep(store.Reopening{Name: r.Name, Fence: r.Fence, Actor: "jo", Evidence: pick(w, "e", "e", "")}))
	case admin:
		w.purge(pick(w, 0, w.units(3)))
	}
}

// duration returns some units, at least min.
func (w *walk) duration(min int) time.Duration { return w.units(min + w.rng.IntN(4)) }

func (w *walk) intent() store.Intent {
	return store.Intent{
		Name: pick(w, w.names...), Owner: pick(w, "a", "b"), Fingerprint: print(pick[byte](w, 1, 1, 1, 1, 1, 1, 1, 2)),
		OnLapse: pick(w, store.LapseResume, store.LapseResume, store.LapseRerun, store.LapseUnknown),
		Window:  pick(w, 0, w.duration(2), w.units(long)), Retain: pick(w, 0, w.duration(0)), Delay: pick(w, 0, w.duration(0)),
		Request: pick(w, nil, []byte{}, []byte("one"), make([]byte, 2049)),
	}
}

func (w *walk) claim() store.Claim {
	if len(w.claims) > 0 && w.rarely() {
		return pick(w, w.claims...)
	}
	c := store.Claim{
		Intent: w.intent(), Mode: pick(w, store.ModeCall, store.ModeCall, store.ModeResume, store.ModeReconcile, store.ModeSweep),
		Lease: w.duration(1), Runner: w.often(), Force: w.rarely(), Within: pick(w, 0, w.duration(0)), Age: pick(w, 0, w.duration(0)),
	}
	if w.rarely() {
		c.Waited = w.records[c.Name].Fence
	}
	binary.LittleEndian.PutUint64(c.Nonce[:], w.rng.Uint64())
	return c
}

// token returns a holder's or an older holder's, or nobody's.
func (w *walk) token() store.Token {
	if len(w.tokens) == 0 || w.rarely() {
		return store.Token{Name: pick(w, w.names...), Fence: int64(w.rng.IntN(3)), Nonce: store.Nonce{1}}
	}
	t := w.tokens[len(w.tokens)-1-w.rng.IntN(min(len(w.tokens), 6))]
	if w.rarely() {
		t.Fence = 0
	}
	return t
}

func (w *walk) completion() store.Completion {
	c := store.Completion{
		State:  pick(w, store.StateSucceeded, store.StateFailed, store.StateFailed, store.StateUnknown, store.StateUnknown, store.StatePending),
		Result: pick(w, nil, []byte("one"), []byte("two"), make([]byte, 2049)), Partial: w.rarely(), Resend: w.often(),
		Retry: pick(w, 0, w.duration(0)), Advised: w.rarely(), Abandoned: w.rarely(), Notice: w.rarely(), Lazy: w.rarely(),
		Evidence: pick(w, "", "seen"),
	}
	if c.State == store.StateFailed {
		c.Reason = pick(w, store.ReasonRefused, store.ReasonNotRun, store.ReasonNotRun)
	}
	return c
}

func (w *walk) resolution(r store.Record) store.Resolution {
	d := store.Resolution{
		Name: r.Name, Fence: r.Fence, State: pick(w, store.StateSucceeded, store.StateFailed, store.StatePending), NotRun: w.often(),
		Actor: "jo", Evidence: pick(w, "e", "e", ""), Result: pick(w, nil, []byte("found")), Notice: w.rarely(),
	}
	if d.State == store.StateFailed {
		d.Reason = pick(w, store.ReasonRefused, store.ReasonNotRun, store.ReasonCancelled)
	}
	return d
}
