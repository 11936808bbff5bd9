package retrysafe

import (
	"context"
	"net/http"
	"time"
)

// admission is the turn that a run has for the attempt under way.
type admission struct {
	line   *line
	permit permit
	open   bool // nothing has been told of it yet
}

// turnKey is the context key of the line in which an attempt has its turn.
type turnKey struct{}

// shared returns a context whose calls need no turn of their own: a probe that
// asks for a token in Options.Authorize would wait for itself.
func (a *admission) shared(ctx context.Context) context.Context {
	return context.WithValue(ctx, turnKey{}, a.line)
}

// admit waits until the budget lets the run's next attempt begin, the first one
// included. It returns why there will be none: ErrBudgetExhausted if its turn
// does not come in time, or the end of the context.
func (r *run) admit(ctx context.Context) error {
	begun := time.Now()
	l := r.line()
	if ctx.Value(turnKey{}) == l {
		r.turn = admission{l, permit{begun: begun}, true}
		return nil
	}
	p, w := l.enter(begun)
	if w != nil {
		if at := l.opens(); r.beyond(at) {
			l.quit(w)
			r.retryAt = at
			return ErrBudgetExhausted
		}
		var ok bool
		p, ok = l.await(ctx, w, r.waitsUntil())
		r.wait += time.Since(begun)
		if !ok {
			r.retryAt = latest(l.opens(), time.Now())
			return r.outOfTurn(ctx)
		}
		r.step = 0 // The line goes as fast as the host can bear.
	}
	r.turn = admission{l, p, true}
	return nil
}

// line is where the run waits: that of its budget for the host it sends to.
func (r *run) line() *line {
	k := r.contract
	if !k.handsOn {
		return k.line
	}
	return k.budget.line(originOf(r.request.url))
}

// beyond reports whether a time comes too late for an attempt.
func (r *run) beyond(at time.Time) bool {
	return !r.deadline.IsZero() && !at.Before(r.deadline)
}

// waitsUntil is until when the run waits in line, zero where the caller's own deadline comes
// no later: that one ends the wait, so that it is always the reason given.
func (r *run) waitsUntil() time.Time {
	if end, ok := r.caller.Deadline(); ok && !r.deadline.Before(end) {
		return time.Time{}
	}
	return r.deadline
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outOfTurn is why a wait in line ended without a turn.
func (r *run) outOfTurn(ctx context.Context) error {
	if ctx.Err() == nil {
		return ErrBudgetExhausted
	}
	return &unsent{ErrBudgetExhausted, context.Cause(ctx)}
}

// endTurn tells the budget what the attempt says about the host.
func (r *run) endTurn(what health) {
	if !r.turn.open {
		return
	}
	r.turn.open = false
	var hold time.Time
	if what == ailing {
		hold = r.holdUntil()
	}
	r.turn.line.leave(r.turn.permit, what, hold)
}

// holdUntil is until when an answer asks all to leave its host alone, not only
// the operation that heard it.
func (r *run) holdUntil() time.Time {
	if r.heard == nil || r.heard.Status != http.StatusTooManyRequests && r.heard.Status != http.StatusServiceUnavailable {
		return time.Time{}
	}
	now := time.Now()
	advice, advised := r.advice(now)
	if !advised {
		return time.Time{}
	}
	return now.Add(min(advice, r.contract.policy.MaxRetryAfter))
}

// patience is how long a caller has to have waited for an answer before its
// leaving says something about the host, and not about the caller.
const patience = time.Second

// reported is what an attempt's end says about the host.
func (r *run) reported(cur *current, f *fact) health {
	switch {
	case cur.withheld, cur.unheard() && r.caller.Err() != nil && f.at.Sub(cur.start) < patience:
		return notTried
	case cur.answer == nil, f.verdict == Again, f.lost:
		return ailing
	case f.verdict == Wait:
		return alive
	default:
		return settled
	}
}

// unheard reports whether there is no whole answer.
func (c *current) unheard() bool { return c.answer == nil || c.answer.damaged() }
