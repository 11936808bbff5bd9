package retrysafe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// actorApplication is who cancels by Command.Cancel.
const actorApplication = "application"

// Enqueue writes the operation down for a runner (Client.Resume, Client.Run) of
// any process that shares the store, and sends nothing: within the caller's
// transaction tx, together with the business change that it belongs to, or, if
// tx is nil, by itself. It returns the key that will be on the wire. An
// operation of that ID which is there already stays as it is, unless it failed
// without having run: then it is pending again.
//
// The error wraps ErrKeyReused if the ID stands for another request, ErrStore if
// the store failed (with a transaction of the caller's: roll it back), ErrInvalid
// if it cannot be sent or the client has no store.
func (c Command[Req, Res]) Enqueue(ctx context.Context, client *Client, tx store.Tx, id string, req Req) (Key, error) {
	d := c.declaration()
	t := task{call: c.call, id: id, req: req}
	if c.Identity != nil {
		t.identity = func() []any { return c.Identity(req) }
	}
	return client.enqueue(ctx, &d, t, tx)
}

func (c *Client) enqueue(ctx context.Context, d *declaration, t task, tx store.Tx) (Key, error) {
	r, refused := c.prepared(ctx, d, t)
	if refused != nil {
		return "", refused
	}
	if c.store == nil {
		return "", refusedBefore(d, &t, r.request.op, invalid("enqueueing needs a client with a store")).err
	}
	intent, err := r.intent()
	if err != nil {
		return "", refusedBefore(d, &t, r.request.op, err).err
	}
	begun, err := r.enqueueIn(ctx, tx, intent)
	switch {
	case err != nil:
		return r.request.key, r.storeFailed(err).err
	case begun.Status == store.BeginMismatched:
		return r.request.key, r.reused(&begun.Record).err
	case begun.Record.Generation > 0:
		r.seen(&begun.Record)
	}
	return r.request.key, nil
}

// enqueueIn begins in the caller's transaction once, since what failed there has
// to be rolled back; by itself again if it is not known what became of it.
func (r *run) enqueueIn(ctx context.Context, tx store.Tx, intent store.Intent) (begun store.Begun, err error) {
	tries := 1
	if tx == nil {
		tx, tries = r.client.store, 2
	}
	for range tries {
		now := time.Now()
		begun, err = tx.Begin(ctx, intent)
		r.moved(ctx, "begin", statusOf(err, begun.Status), now, err)
		if err == nil || !mayBeRepeated(err) || ctx.Err() != nil {
			break
		}
	}
	return begun, err
}

// Lookup says how the operation stands, from the store alone. It sends nothing.
// What Do would return for an operation that has ended, or is unknown, it
// returns too, marked Recorded. The error wraps ErrNotFound if there is none,
// ErrPending if it waits for a runner, ErrInFlight if somebody is at work on it.
func (c Command[Req, Res]) Lookup(ctx context.Context, client *Client, id string) (*Result[Res], error) {
	res, d := new(Result[Res]), c.declaration()
	return res.ended(client.lookup(ctx, &d, task{call: c.call, id: id, into: &res.Value, failure: c.Failure}))
}

func (c *Client) lookup(ctx context.Context, d *declaration, t task) ending {
	r, end := c.known(ctx, d, t)
	if r == nil {
		return end
	}
	rec, err := r.get(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r.absent()
	case err != nil:
		return r.storeFailed(err)
	}
	r.seen(&rec)
	return r.recordedEnd(&rec)
}

func (r *run) get(ctx context.Context) (store.Record, error) {
	now := time.Now()
	rec, err := r.client.store.Get(ctx, r.name())
	r.moved(ctx, "get", "", now, err)
	return rec, err
}

// Resume carries the operation on, now: as Do would, with the request as it was
// recorded, but it begins nothing and asks for nothing again that has failed.
// The error wraps ErrNotFound if there is no such operation.
func (c Command[Req, Res]) Resume(ctx context.Context, client *Client, id string) (*Result[Res], error) {
	res, d := new(Result[Res]), c.declaration()
	r, end := client.known(ctx, &d, task{call: c.call, id: id, into: &res.Value, failure: c.Failure})
	if r != nil {
		end = r.perform(ctx)
	}
	return res.ended(end)
}

// known is a run for an operation that should be in the store; nil: it cannot be.
func (c *Client) known(ctx context.Context, d *declaration, t task) (*run, ending) {
	op := Operation{Account: t.call.Account, Command: d.name, ID: t.id}
	refuse := func(err error) (*run, ending) { return nil, refusedBefore(d, &t, op, err) }
	if err := c.usable(); err != nil {
		return refuse(err)
	}
	op.Account = c.accountOf(&t.call)
	if ctx == nil {
		return refuse(invalid("context is nil"))
	}
	k, err := c.contract(d)
	if err != nil {
		return refuse(err)
	}
	key, err := k.key(c, &t.call, t.id)
	if err != nil {
		return refuse(err)
	}
	r, err := c.resuming(k, t, c.nameOf(&t.call, d.name, t.id), false)
	if err != nil {
		return refuse(err)
	}
	r.request.key = key
	return r, ending{}
}

// Cancel makes sure that an operation that waits for a runner is never sent. The
// error wraps ErrNotPending if it was begun already or has ended, and then says
// how it stands; ErrNotFound if there is none.
func (c Command[Req, Res]) Cancel(ctx context.Context, client *Client, id string) error {
	d := c.declaration()
	if end := client.cancel(ctx, &d, task{call: c.call, id: id, into: new(Res), failure: c.Failure}); end.err != nil {
		return end.err
	}
	return nil
}

const cancelTries = 5

func (c *Client) cancel(ctx context.Context, d *declaration, t task) ending {
	r, end := c.known(ctx, d, t)
	if r == nil {
		return end
	}
	admin, ok := c.store.(store.Admin)
	if !ok {
		return refusedBefore(d, &t, r.request.op, invalid("cancelling needs a store with store.Admin"))
	}
	for range cancelTries {
		rec, err := r.get(ctx)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return r.absent()
		case err != nil:
			return r.storeFailed(err)
		case rec.Reason == store.ReasonCancelled:
			return ending{}
		case rec.State != store.StatePending:
			return r.notPending(&rec)
		}
		resolved, err := admin.Resolve(ctx, store.Resolution{
			Name: r.name(), Fence: rec.Fence, State: store.StateFailed, Reason: store.ReasonCancelled, Actor: actorApplication,
		})
		switch {
		case err != nil && !errors.Is(err, store.ErrIllegal):
			return r.storeFailed(err)
		case err == nil && resolved.Status == store.ResolveDone:
			return ending{}
		}
	}
	return r.storeFailed(errChanging)
}

func (r *run) notPending(rec *store.Record) ending {
	r.seen(rec)
	end := r.recordedEnd(rec)
	if end.err == nil {
		end.err = &Error{
			Outcome: Applied, ThisCall: NotApplied, Evidence: EvidenceDone, Operation: r.request.op, Key: r.request.key, Recorded: true,
		}
	}
	end.err.causes = append([]error{fmt.Errorf("%w: it is %s", ErrNotPending, rec.State)}, end.err.causes...)
	end.err.retryable = false
	return end
}
