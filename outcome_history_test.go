package retrysafe_test

import (
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

func walkModel(kind modelKind, client modelClient, attempts int) *modelRun {
	r := &modelRun{kind: kind, client: client, attempts: attempts, hidden: hiddenFates, stopEarly: true}
	if kind.longest > 0 {
		// With times there are as many histories of two attempts as else of three.
		r.attempts = min(attempts, 2)
	}
	if r.attempts > 2 {
		// Enough for every view of three; two attempts are walked with all.
		r.hidden = []fate{neverThere, ranLost, lateEnd}
	}
	r.walk()
	return r
}

// tooWeak returns the views of a client that knows of no earlier call in which
// it says unknown although no history that looks so has an effect or can have
// one.
func (r *modelRun) tooWeak() (weak []*modelView) {
	for _, view := range r.views {
		if !view.possible && view.outcome != retrysafe.NotApplied && !deliberatelyWeak(view) {
			weak = append(weak, view)
		}
	}
	return weak
}

// deliberatelyWeak are the two outcomes that the model could do better, because
// it has a promise that no profile makes: who else has the key after a
// mismatch, and that a key that is no longer in flight is not taken up again.
func deliberatelyWeak(v *modelView) bool {
	if v.example.seen.Verdict == retrysafe.Mismatch {
		return v.evidence == retrysafe.EvidenceMismatch
	}
	waited := false
	for n := v.example; n.before != nil; n = n.before {
		waited = waited || n.seen.Verdict == retrysafe.Wait
	}
	return waited && v.example.seen.LookedUp
}

func TestModelNeverSaysWhatAnyShortHistoryDisproves(t *testing.T) {
	const least = 20_000_000
	histories := 0
	for i := range 2 * len(modelKinds) {
		kind, attempts := modelKinds[i/2], 2+i%2
		if attempts > 2 && kind.longest > 0 {
			continue // walkModel makes two of them
		}
		r := walkModel(kind, modelClient{}, attempts)
		for _, mistake := range r.mistakes {
			t.Errorf("%s: %s", kind.name, mistake)
		}
		for _, weak := range r.tooWeak() {
			t.Errorf("%s: %v, %s, but no history that looks so has an effect: %v", kind.name, weak.outcome, weak.evidence, weak.example)
		}
		for outcome, times := range r.said {
			if times == 0 {
				t.Errorf("%s: no history ends %v", kind.name, retrysafe.Outcome(outcome))
			}
		}
		t.Logf("%s, %d attempts: %d histories, of which %d differ in %d views", kind.name, attempts, r.histories, r.distinct, len(r.views))
		histories += r.histories
	}
	if histories < least {
		t.Errorf("%d histories, want %d at least", histories, least)
	}
}

// The mutants make one mistake each, which the model must find.
var modelMutants = []modelClient{
	{name: "does not see what was repeated unseen", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Doubtful > 0 {
			f.Doubtful--
		}
	}},
	{name: "takes an attempt that was not answered for one that was not sent", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == 0 {
			f.Doubtful = 0
		}
	}},
	{name: "lets every refusal speak for the key", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.Stored = f.Stored || f.Verdict == retrysafe.Refused
	}},
	{name: "lets a 402 speak for the key", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.Stored = f.Stored || f.Presumed
	}},
	{name: "lets an echo speak for the key", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.Stored = f.Stored || f.Echo
	}},
	{name: "ends doubt at a 429", alter: func(t *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.NotRun {
			*t = retrysafe.Tally{}
		}
	}},
	{name: "knows only of its last attempt", alter: func(t *retrysafe.Tally, _ *retrysafe.Fact, _ *time.Duration) {
		*t = retrysafe.Tally{}
	}},
	{name: "takes a 503 for not run", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.NotRun = f.NotRun || f.Verdict == retrysafe.Again
	}},
	{name: "takes a 503 or a portal for done", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == retrysafe.Again && !f.NotRun {
			f.Verdict = retrysafe.Done
		}
	}},
	{name: "takes in flight for not run", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == retrysafe.Wait {
			f.Verdict, f.NotRun = retrysafe.Again, true
		}
	}},
	{name: "takes stuck for a refusal", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == retrysafe.Stuck {
			f.Verdict = retrysafe.Refused
		}
	}},
	{name: "takes gone for a refusal", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == retrysafe.Gone {
			f.Verdict, f.Stored = retrysafe.Refused, true
		}
	}},
	{name: "takes a done whose answer is lost for doubt", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Lost {
			f.Verdict = retrysafe.Again
		}
	}},
	{name: "ages doubt while the answer is under way", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.Start = f.At
	}},
	{name: "ages doubt at once", alter: func(_ *retrysafe.Tally, _ *retrysafe.Fact, longest *time.Duration) {
		*longest = min(*longest, 1)
	}},
	{name: "ages doubt by a refusal before the look-up", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.LookedUp = f.LookedUp || f.Verdict == retrysafe.Refused
	}},
	{name: "ages doubt without a promise", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, longest *time.Duration) {
		f.LookedUp = f.LookedUp || f.Verdict == retrysafe.Refused
		*longest = max(*longest, 1)
	}},
	{name: "believes that there was no earlier call", alwaysFirst: true},
}

func TestModelFindsEveryMistake(t *testing.T) {
	for _, mutant := range modelMutants {
		t.Run(mutant.name, func(t *testing.T) {
			for _, kind := range modelKinds {
				if r := walkModel(kind, mutant, 2); len(r.mistakes) > 0 {
					t.Logf("%s: %s", kind.name, r.mistakes[0])
					return
				}
			}
			t.Error("no history disproves it")
		})
	}
}

// The timid say unknown where more is known.
var modelTimid = []modelClient{
	{name: "does not let a stored refusal speak for the key", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.Stored = false
	}},
	{name: "never ages doubt", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.LookedUp = false
	}},
	{name: "takes a 429 for doubt", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		f.NotRun = false
	}},
	{name: "takes a refusal for doubt", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == retrysafe.Refused && !f.Stored {
			f.Verdict = retrysafe.Again
		}
	}},
	{name: "takes an attempt that was not sent for doubt", alter: func(_ *retrysafe.Tally, f *retrysafe.Fact, _ *time.Duration) {
		if f.Verdict == 0 {
			f.Doubtful = max(f.Doubtful, 1)
		}
	}},
}

func TestModelFindsEveryWeakness(t *testing.T) {
	for _, timid := range modelTimid {
		t.Run(timid.name, func(t *testing.T) {
			for _, kind := range modelKinds {
				if weak := walkModel(kind, timid, 2).tooWeak(); len(weak) > 0 {
					t.Logf("%s: %v", kind.name, weak[0].example)
					return
				}
			}
			t.Error("no history is known better")
		})
	}
}
