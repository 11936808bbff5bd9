package retrysafe

import "time"

// fact is what one attempt adds to what is known of an operation.
type fact struct {
	seen
	judgement           // zero verdict: not answered
	start, at time.Time // the attempt's start and end
}

// tally is what is known of an operation from all deliveries of a call. Adding
// facts and asking for the outcome are pure.
type tally struct {
	applied      bool      // absorbing: some delivery was answered done or elsewhere
	contradicted bool      // ... and a refusal that speaks for the key was heard later
	refused      bool      // a refusal that speaks for the key
	doubt        int       // deliveries that may have run, of which nothing has spoken since
	lastDoubt    time.Time // when the last of them ended
	aged         bool      // a doubt was ended by a refusal after look-up
	last         judgement
}

// add joins the fact of one more attempt. The longest execution is the
// profile's, zero if not known.
func (t *tally) add(f fact, longest time.Duration) {
	t.last = f.judgement
	t.raise(f.doubtful, f.at)
	switch f.verdict {
	case Done, Elsewhere:
		t.applied = true
	case Refused:
		t.addRefusal(f, longest)
	case Again:
		if !f.notRun {
			t.raise(1, f.at)
		}
	case Wait, Gone, Stuck:
		t.raise(1, f.at)
	}
}

func (t *tally) raise(deliveries int, at time.Time) {
	if deliveries > 0 {
		t.doubt += deliveries
		t.lastDoubt = at
	}
}

func (t *tally) addRefusal(f fact, longest time.Duration) {
	switch {
	case f.stored && t.applied:
		t.contradicted = true
	case f.stored:
		t.refused, t.doubt = true, 0
	// The key may have been looked up as soon as the attempt began.
	case f.lookedUp && t.doubt > 0 && longest > 0 && f.doubtful == 0 && f.start.Sub(t.lastDoubt) > longest:
		t.aged, t.doubt = true, 0
	}
}

// outcome returns how the operation ended as far as is known, and why. First
// says that no earlier call can have left a delivery in doubt.
func (t *tally) outcome(first bool) (Outcome, Evidence) {
	switch {
	case t.applied && t.contradicted:
		return Applied, EvidenceContradicted
	case t.applied:
		return Applied, EvidenceDone
	case t.refused:
		return NotApplied, EvidenceRefused
	case t.last.verdict == Mismatch:
		return Unknown, EvidenceMismatch
	case t.doubt > 0:
		return Unknown, t.doubtful()
	case t.aged && first:
		return NotApplied, EvidenceAgedRefusal
	case first, t.last.presumed && !t.aged:
		return NotApplied, EvidenceNothingRan
	default:
		return Unknown, EvidenceEarlierCall
	}
}

func (t *tally) doubtful() Evidence {
	switch {
	case t.last.echo && (t.last.verdict != Stuck || t.doubt > 1):
		// A stuck answer leaves its own delivery in doubt: that one is no echo.
		return EvidenceOwnEffect
	case t.last.verdict == Wait:
		return EvidenceInFlight
	case t.last.verdict == Gone:
		return EvidenceExpired
	case t.last.verdict == Stuck:
		return EvidenceStuck
	default:
		return EvidenceDoubt
	}
}

// thisCall returns the outcome of the deliveries of this call alone.
func (t *tally) thisCall() Outcome {
	switch {
	case t.applied:
		return Applied
	case t.refused, t.doubt == 0:
		return NotApplied
	default:
		return Unknown
	}
}
