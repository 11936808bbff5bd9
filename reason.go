package retrysafe

import (
	"context"
	"strings"
	"time"
)

// reason returns why the call ends with this attempt: nil if its answer is in
// hand, errTryAgain if it need not end.
func (r *run) reason(f *fact) error {
	switch f.verdict {
	case Done:
		return r.reasonDone(f)
	case Elsewhere:
		return nil
	case Refused:
		return r.unlessApplied(ErrRefused)
	case Mismatch:
		return r.unlessApplied(ErrKeyReused)
	case Gone:
		return r.unlessApplied(ErrKeyExpired)
	case Stuck:
		return r.unlessApplied(ErrStuck)
	case Wait:
		return r.reasonInFlight()
	default:
		return r.reasonUnanswered(f)
	}
}

func (r *run) reasonInFlight() error {
	if !r.harmless() {
		return r.unlessApplied(ErrNotResent)
	}
	if !r.task.call.NoWait {
		return errTryAgain
	}
	now := time.Now()
	if advice, advised := r.advice(now); advised {
		r.retryAt = now.Add(advice)
	}
	return r.unlessApplied(ErrInFlight)
}

func (r *run) reasonDone(f *fact) error {
	if !f.lost {
		return nil
	}
	if r.repeated || !r.replays() {
		return ErrAnswerLost
	}
	return errTryAgain
}

func (r *run) reasonUnanswered(f *fact) error {
	if r.unsent != nil {
		return r.unsent
	}
	if !r.mayResend(f) {
		return ErrNotResent
	}
	return errTryAgain
}

// unlessApplied is the reason of an end after which there is no answer: once
// the operation is known to be applied, what is missing is its answer.
func (r *run) unlessApplied(reason error) error {
	switch {
	case r.tally.contradicted:
		return ErrConflict
	case r.tally.applied:
		return ErrAnswerLost
	default:
		return reason
	}
}

// replays reports whether sending the request again gives the answer of a
// success again.
func (r *run) replays() bool {
	return r.request.keyed && !r.contract.prof.NoReplay
}

// mayResend reports whether sending the request again can do no harm: there is
// a key, or there is no effect, or nothing of it has run.
func (r *run) mayResend(f *fact) bool {
	if r.harmless() {
		return true
	}
	unrun := f.notRun || f.verdict == 0 && (f.sent == NotSent || f.sent == RefusedByProtocol)
	return unrun && r.tally.doubt == 0
}

func (r *run) harmless() bool {
	return r.request.keyed || r.contract.query || r.contract.rerun || r.request.conditional()
}

// conditional reports whether the request carries a precondition that fails
// once the effect has taken place (RFC 9110 section 13.1): that the resource
// still is of one version, or that there is none yet. If-Match: * and
// If-None-Match: "v1" hold after an effect as they did before, and of several
// versions the effect may make one into another.
func (q *request) conditional() bool {
	match, none := q.header["If-Match"], q.header["If-None-Match"]
	return len(match) == 1 && strings.HasPrefix(match[0], `"`) && !strings.Contains(match[0], ",") ||
		len(none) == 1 && none[0] == "*"
}

// obstacle returns what forbids another attempt, or nil and the wait before it.
func (r *run) obstacle(ctx context.Context) error {
	if ctx.Err() != nil {
		return r.endedBy(ctx)
	}
	now, policy, n := time.Now(), &r.contract.policy, len(r.attempts)
	advice, advised := r.advice(now)
	if advised && advice > policy.MaxRetryAfter {
		r.retryAt = now.Add(advice)
		return ErrNoTimeLeft
	}
	r.step++
	r.wait = policy.Backoff.after(r.step, advice, advised)
	r.retryAt = now.Add(r.wait)
	switch {
	case n >= policy.MaxAttempts:
		return ErrAttemptsExhausted
	case !r.deadline.IsZero() && !r.retryAt.Before(r.deadline):
		return ErrNoTimeLeft
	}
	if at := r.line().opens(); r.beyond(at) {
		r.retryAt = at
		return ErrBudgetExhausted
	}
	r.waiting = true
	return nil
}

// advice is what the last answer says about when to come back.
func (r *run) advice(now time.Time) (time.Duration, bool) {
	if v := r.tally.last.verdict; r.heard == nil || v != Again && v != Wait {
		return 0, false
	}
	return adviceOf(r.heard.Status, r.heard.Header, r.contract.prof.Advice, now)
}
