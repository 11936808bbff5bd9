package retrysafe

import (
	"context"
	"net/http"
	"time"
)

// Observer is told when an operation starts and how it ended: once for every
// start, whatever happens, and on the caller's goroutine, so it must be quick
// and safe for concurrent use. A call that is refused before anything could be
// sent (ErrInvalid) has neither. OperationStart returns the context to go on
// with, or the one that it was given.
//
// An Observer that is an AttemptObserver too is told of every attempt, one that
// is a StoreObserver of every move in the store.
type Observer interface {
	OperationStart(context.Context, OperationStart) context.Context
	OperationEnd(context.Context, OperationEnd)
}

// StoreObserver is an optional interface of an Observer: it is told of every
// move that the client made in its store. A renewal is of many operations, and
// is told on the goroutine that renews.
type StoreObserver interface {
	StoreMoved(context.Context, StoreMove)
}

// AttemptObserver is an optional interface of an Observer.
type AttemptObserver interface {
	// AttemptStart may add headers, such as a traceparent of the attempt's own.
	// If it touches the key, or adds what cannot be sent, the attempt is not
	// sent and the call ends with ErrAuthorize.
	AttemptStart(context.Context, AttemptStart) context.Context
	AttemptEnd(context.Context, AttemptEnd)
}

func startOperation(ctx context.Context, o Observer, r *run) context.Context {
	return orBefore(ctx, o.OperationStart(ctx, OperationStart{
		Operation: r.request.op, Query: r.contract.query, Key: r.request.key,
	}))
}

func (c *Client) observeStore(ctx context.Context, m StoreMove) {
	if c.moves != nil {
		c.moves.StoreMoved(ctx, m)
	}
}

func orBefore(before, after context.Context) context.Context {
	if after == nil {
		return before
	}
	return after
}

// endOperation also ends an attempt that a panic left open.
func endOperation(ctx context.Context, o Observer, r *run, end *ending) {
	r.abandon()
	if r.asking != nil {
		r.asking.abandon()
	}
	e := OperationEnd{
		Operation: r.request.op, Query: r.contract.query, Key: r.request.key,
		Outcome: Applied, ThisCall: Applied, Evidence: EvidenceDone,
		Replayed: end.replayed, Recorded: end.recorded, Attempts: len(r.attempts), Duration: time.Since(r.begun),
	}
	if end.answer != nil {
		e.Status = end.answer.Status
	}
	switch {
	case end.err != nil:
		e.Outcome, e.ThisCall, e.Evidence, e.Err = end.err.Outcome, end.err.ThisCall, end.err.Evidence, end.err
		e.Recorded = end.err.Recorded
	case end.answer == nil:
		// A panic is on its way up.
		e.Outcome, e.ThisCall, e.Evidence = Unknown, Unknown, EvidenceDoubt
	}
	o.OperationEnd(ctx, e)
}

// abandon ends an attempt that was observed and is still under way.
func (r *run) abandon() {
	if cur := r.current; cur != nil && cur.observed != nil {
		endAttempt(cur.observed, r, &Attempt{Number: r.before + len(r.attempts) + 1, Start: cur.start, Duration: time.Since(cur.start)})
	}
}

func startAttempt(ctx context.Context, o AttemptObserver, r *run, h http.Header) context.Context {
	return orBefore(ctx, o.AttemptStart(ctx, AttemptStart{
		Operation: r.request.op, Key: r.request.key, Number: r.before + len(r.attempts) + 1, Header: h,
	}))
}

func endAttempt(ctx context.Context, r *run, a *Attempt) {
	r.client.attempts.AttemptEnd(ctx, AttemptEnd{Operation: r.request.op, Key: r.request.key, Attempt: *a})
}

// Observers joins several into one that tells each in turn, and at the end in
// the opposite order. Nil ones are left out.
func Observers(each ...Observer) Observer {
	var joined observers
	for _, o := range each {
		if o != nil {
			joined = append(joined, o)
		}
	}
	return joined
}

type observers []Observer

func (all observers) OperationStart(ctx context.Context, e OperationStart) context.Context {
	for _, o := range all {
		ctx = orBefore(ctx, o.OperationStart(ctx, e))
	}
	return ctx
}

func (all observers) OperationEnd(ctx context.Context, e OperationEnd) {
	for i := len(all) - 1; i >= 0; i-- {
		all[i].OperationEnd(ctx, e)
	}
}

func (all observers) StoreMoved(ctx context.Context, m StoreMove) {
	for _, o := range all {
		if s, ok := o.(StoreObserver); ok {
			s.StoreMoved(ctx, m)
		}
	}
}

func (all observers) AttemptStart(ctx context.Context, e AttemptStart) context.Context {
	for _, o := range all {
		if a, ok := o.(AttemptObserver); ok {
			ctx = orBefore(ctx, a.AttemptStart(ctx, e))
		}
	}
	return ctx
}

func (all observers) AttemptEnd(ctx context.Context, e AttemptEnd) {
	for i := len(all) - 1; i >= 0; i-- {
		if a, ok := all[i].(AttemptObserver); ok {
			a.AttemptEnd(ctx, e)
		}
	}
}
