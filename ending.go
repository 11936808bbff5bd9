package retrysafe

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"time"
)

// finish turns the attempt that just ended into a fact.
func (r *run) finish(err error) fact {
	cur := r.current
	r.heard, r.repeated, r.unsent = nil, false, nil
	if cur == nil {
		// The loop gave up before the transport was asked.
		cur = &current{start: time.Now(), err: err, seen: seen{sent: NotSent}}
	}
	r.unsent = cur.unsent
	f := fact{seen: cur.seen, start: cur.start, at: time.Now()}
	a := Attempt{
		Number: r.before + len(r.attempts) + 1, Wait: r.wait, Start: cur.start, Duration: f.at.Sub(cur.start),
		Sent: cur.seen.sent, Deliveries: cur.seen.deliveries, Err: r.sanitized(cur.err),
	}
	if cur.answer != nil {
		r.judge(cur.answer, &f, &a)
	}
	r.tally.add(f, r.contract.prof.LongestExecution)
	r.endTurn(r.reported(cur, &f))
	r.attempts = append(r.attempts, a)
	r.current = nil // not before: what judges may panic
	if cur.observed != nil {
		endAttempt(cur.observed, r, &a)
	}
	return f
}

// judge fills in what the answer says.
func (r *run) judge(answer *Answer, f *fact, a *Attempt) {
	k := r.contract
	q := question{method: r.request.method, keyed: r.request.keyed, query: k.query, accept: k.media}
	f.judgement = judge(q, k.rules, k.prof, answer)
	a.Status, a.RequestID = answer.Status, answer.requestID(k.prof)
	a.Err = r.sanitized(answer.Err)
	if f.verdict == Done && !f.lost {
		if err := answer.decodeInto(r.task.into); err != nil {
			f.lost, a.Err = true, &undecodable{err}
		}
	}
	a.Verdict = f.verdict
	if f.verdict != Done || f.lost {
		a.Code, _ = answer.describe(k.prof)
	}
	r.keep(answer, f)
}

// keep remembers the answer to give to the caller: the last one, but once one
// said done, only such a one.
func (r *run) keep(answer *Answer, f *fact) {
	r.heard = answer
	won := f.verdict == Done || f.verdict == Elsewhere
	if r.tally.applied && !won {
		return
	}
	if r.tally.applied && r.answer != nil {
		// What came back whole and unreadable twice will not get better.
		whole := answer.Err == nil || answer.Err == errTooLong
		r.repeated = whole && bytes.Equal(r.answer.Body, answer.Body)
	}
	r.answer = answer
	r.replayed = r.contract.prof.replayed(answer.Header)
}

// ending gives the caller what there is.
func (r *run) ending() ending {
	end := ending{key: r.request.key, answer: r.answer, replayed: r.replayed, attempts: r.attempts}
	if r.stop != nil {
		end.err = r.failure()
	}
	return end
}

// failure is the error of a call that did not end with an answer in hand.
func (r *run) failure() *Error {
	e := &Error{
		Operation: r.request.op, Key: r.request.key, Verdict: r.tally.last.verdict, RetryAt: r.retryAt,
		Replayed: r.replayed, Attempts: r.attempts, ThisCall: r.tally.thisCall(),
	}
	e.Outcome, e.Evidence = r.tally.outcome(r.first())
	if r.contract.query {
		e.Outcome, e.ThisCall, e.Evidence = NotApplied, NotApplied, EvidenceNothingRan
	}
	if r.answer != nil {
		e.Status, e.RequestID = r.answer.Status, r.answer.requestID(r.contract.prof)
		e.ProviderCode, e.Message = r.answer.describe(r.contract.prof)
	}
	e.causes, e.link, e.retryable = r.causes(), r.linkErr, r.retryable()
	if r.openFor > 0 {
		e.until = r.start.Add(r.openFor)
	}
	return e
}

// first reports whether no earlier call can have left a delivery in doubt.
func (r *run) first() bool { return r.task.call.First || r.vouched }

// causes lists why the call stopped, what else is true of it, the last
// attempt's own error and the command's typed failure.
func (r *run) causes() []error {
	causes := []error{r.stop}
	add := func(err error) {
		if err != nil && !(reflect.ValueOf(err).Comparable() && slices.ContainsFunc(causes, func(c error) bool { return errors.Is(c, err) })) {
			causes = append(causes, err)
		}
	}
	add(r.ended)
	if r.tally.last.verdict == Wait {
		add(ErrInFlight)
	}
	if r.tally.applied && !r.contract.query {
		add(ErrAnswerLost)
	}
	add(r.linkErr)
	if n := len(r.attempts); n > 0 {
		add(r.attempts[n-1].Err)
	}
	if r.task.failure != nil && r.answer != nil && !r.tally.applied {
		add(present(r.task.failure(*r.answer)))
	}
	return causes
}

// retryable reports whether calling again under the same ID is safe and may
// help.
func (r *run) retryable() bool {
	switch {
	case !r.harmless() && r.tally.doubt > 0, r.lapses():
		return false
	default:
		return r.mayHelp()
	}
}

// mayHelp reports whether calling again may tell more than is known.
func (r *run) mayHelp() bool {
	switch {
	case r.tally.applied && r.hold != nil:
		return false // It is recorded, and what is recorded is not sent again.
	case r.tally.applied:
		return r.replays() && !r.repeated && !r.tally.contradicted
	case r.stop == ErrInFlight:
		return true
	case r.stop == ErrAuthorize:
		return !errors.Is(r.attempts[len(r.attempts)-1].Err, errTampered)
	}
	switch r.tally.last.verdict {
	case 0, Again, Wait:
		return true
	default:
		return false
	}
}

// lapses reports whether the provider may have forgotten the key by the time at
// which the next attempt could be made: it would be a second effect.
func (r *run) lapses() bool {
	if r.openFor == 0 || r.tally.doubt == 0 && !r.tally.applied && r.first() {
		return false
	}
	next := time.Now()
	if r.retryAt.After(next) {
		next = r.retryAt
	}
	return elapsed(r.start, next) >= r.openFor
}
