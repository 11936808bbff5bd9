package retrysafe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// completionTimeout limits how long a call waits for its completion to be kept.
const completionTimeout = 5 * time.Second

// settle writes down how the run ended, and makes of the ending what the record
// then says: a completion that says not applied must be kept before anybody is
// told, one that says applied is true whether it was kept or not.
func (r *run) settle(ctx context.Context, end *ending) {
	c := r.completion(end)
	done, err := r.complete(ctx, &c)
	if r.tally.contradicted {
		contradiction := store.Completion{State: store.StateFailed, Reason: store.ReasonRefused, Result: c.Result}
		if _, err := r.complete(ctx, &contradiction); err != nil {
			r.warn(end, err)
		}
	}
	switch {
	case err != nil:
		r.unkept(end, err)
	case done.Status == store.CompleteDone || done.Status == store.CompleteRepeated:
		r.record = &done.Record
		if done.Record.Conflicts > 0 {
			r.contradict(end, &done.Record)
		}
	case done.Status == store.CompleteContradicted:
		r.contradict(end, &done.Record)
	case done.Status == store.CompleteAbsent:
		r.unkept(end, store.ErrNotFound)
	default:
		r.overtaken(end, &done.Record)
	}
}

// completion says how the run ended, in the store's words.
func (r *run) completion(end *ending) store.Completion {
	c := store.Completion{Result: r.hear(end), Notice: r.runner}
	outcome := Applied
	if end.err != nil {
		outcome = end.err.Outcome
	}
	switch {
	case outcome == Applied:
		c.State, c.Partial = store.StateSucceeded, end.err != nil || end.answer.streamed()
		c.Lazy = end.err == nil && r.replays() && r.record.Window > 0
	case outcome == NotApplied && r.tally.refused:
		c.State, c.Reason = store.StateFailed, store.ReasonRefused
	case outcome == NotApplied && r.runner && !r.record.Told && end.err.retryable:
		// Nobody has been told anything, so it may simply be tried again.
		c.State = store.StatePending
	case outcome == NotApplied:
		c.State, c.Reason = store.StateFailed, store.ReasonNotRun
	default:
		c.State, c.Resend, c.Abandoned = store.StateUnknown, r.resendTells(), r.leftEarly()
	}
	if c.State == store.StatePending || c.State == store.StateUnknown {
		c.Retry, c.Advised = r.again()
	}
	return c
}

// leftEarly reports whether the call ended because its caller left, or gave it
// too little time, and not because of what was heard: who waits may go on.
func (r *run) leftEarly() bool {
	end, bounded := r.caller.Deadline()
	return r.ended != nil || (r.stop == ErrNoTimeLeft || r.stop == ErrBudgetExhausted) && bounded && end.Equal(r.deadline)
}

// resendTells reports whether sending the request again could still tell how the
// operation ended. That the key's window may be over is for the store to see.
func (r *run) resendTells() bool {
	return r.harmless() && (r.mayHelp() || r.turnedAway()) && !r.request.op.RequestLost
}

// turnedAway reports whether the last answer was about the credentials, which
// may be put right while the key still tells.
func (r *run) turnedAway() bool {
	return r.heard != nil && (r.heard.Status == http.StatusUnauthorized || r.heard.Status == http.StatusForbidden)
}

// again is how long the operation is to be left alone by runners, and whether
// the server said so.
func (r *run) again() (time.Duration, bool) {
	wait := r.client.resume.after(r.record.Passes)
	if left := time.Until(r.retryAt); left > wait {
		wait = left
	}
	advised := false
	if advice, ok := r.advice(time.Now()); ok && advice > 0 {
		wait, advised = max(wait, advice), true
	}
	return min(wait, forEver), advised
}

// complete writes a completion on a context of its own: that the caller left is
// no reason to forget what was heard.
func (r *run) complete(ctx context.Context, c *store.Completion) (done store.Completed, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completionTimeout)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause *= 4 {
		now := time.Now()
		done, err = r.client.store.Complete(ctx, r.hold.token, *c)
		r.moved(ctx, "complete", statusOf(err, done.Status), now, err)
		if err != nil && ctx.Err() != nil {
			err = errStoreSlow // Its own word for it would look like the caller's deadline.
		}
		if err == nil || !mayBeRepeated(err) || pause > time.Second {
			return done, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return done, err
		case <-timer.C:
		}
	}
}

// mayBeRepeated reports whether a move that failed may be tried again as it is.
func mayBeRepeated(err error) bool {
	return !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrIllegal) && !errors.Is(err, store.ErrClosed)
}

// commitApplied writes down that the operation was applied, before it is sent
// again to win its answer back. If that cannot be done the answer is lost.
func (r *run) commitApplied(ctx context.Context) error {
	if r.hold == nil || r.committed {
		return nil
	}
	end := ending{answer: r.answer, replayed: r.replayed, err: &Error{Outcome: Applied, Evidence: EvidenceDone, causes: []error{ErrAnswerLost}}}
	c := store.Completion{State: store.StateSucceeded, Partial: true, Result: r.hear(&end), Notice: r.runner}
	if r.runner {
		c.Retry = r.hold.lease // While this run lives it may still get the answer.
	}
	done, err := r.complete(ctx, &c)
	if err != nil || done.Status != store.CompleteDone && done.Status != store.CompleteRepeated {
		return ErrAnswerLost
	}
	r.committed = true
	return nil
}

// unkept is the end of a call whose completion the store did not take. What the
// provider said is attached, but only applied can be told without a record.
func (r *run) unkept(end *ending, err error) {
	if end.err == nil {
		return // A failed completion never turns a success into an error.
	}
	r.warn(end, err)
	if end.err.Outcome != NotApplied {
		return
	}
	end.err.Outcome, end.err.Evidence = Unknown, EvidenceStore
	end.err.retryable = !r.lapses()
}

func (r *run) warn(end *ending, err error) {
	if end.err != nil {
		end.err.causes = append(end.err.causes, fmt.Errorf("%w: %w", ErrStore, r.sanitized(err)))
	}
}

// overtaken is the end of a call whose operation others hold or have settled:
// what the record says is what is true.
func (r *run) overtaken(end *ending, rec *store.Record) {
	if rec.Outcome() != Unknown {
		answer := end.answer
		*end = r.recordedEnd(rec)
		if end.answer == nil && r.agrees(rec) {
			end.answer = answer
		}
		return
	}
	if end.err == nil {
		return
	}
	end.err.Outcome, end.err.Evidence, end.err.retryable = Unknown, EvidenceHeld, true
	if rec.State == store.StateInFlight {
		end.err.causes = append(end.err.causes, ErrInFlight)
	}
}

// agrees reports whether the run's own answer says what the record says. Of an
// operation that was applied, another one would be taken for its success.
func (r *run) agrees(rec *store.Record) bool {
	return rec.Outcome() != Applied || r.tally.applied
}

// contradict is the end of a call that heard the opposite of what is recorded.
func (r *run) contradict(end *ending, rec *store.Record) {
	if rec.State == store.StateSucceeded {
		*end = r.recordedEnd(rec)
		return
	}
	heard := *end
	*end = r.recordedEnd(rec)
	end.answer, end.replayed, end.recorded = heard.answer, heard.replayed, false
	end.err.Outcome, end.err.Evidence, end.err.Recorded, end.err.retryable = Applied, EvidenceContradicted, false, false
	end.err.causes = []error{ErrConflict}
}
