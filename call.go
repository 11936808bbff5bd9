package retrysafe

import (
	"context"
	"time"
)

// task is one call, without type parameters.
type task struct {
	call    Call
	id      string
	req     any
	into    any // pointer to the value that takes the answer
	failure func(Answer) error
	// identity names the business values; nil: everything that is sent.
	identity func() []any
}

// ending is how a call ended.
type ending struct {
	key      Key
	answer   *Answer
	replayed bool
	recorded bool
	attempts []Attempt
	err      *Error
}

// perform is a call from its start to its end: name, encode, attempt, verdict,
// wait or stop.
func (c *Client) perform(ctx context.Context, d *declaration, t task) ending {
	r, refused := c.prepared(ctx, d, t)
	if refused != nil {
		return ending{err: refused}
	}
	return r.perform(ctx)
}

// prepared is a run with its request encoded, or why there can be none.
func (c *Client) prepared(ctx context.Context, d *declaration, t task) (*run, *Error) {
	refuse := func(op Operation, err error) (*run, *Error) { return nil, c.refused(d, t, op, err).err }
	op := Operation{Account: t.call.Account, Command: d.name, ID: t.id}
	if err := c.usable(); err != nil {
		return refuse(op, err)
	}
	op.Account = c.accountOf(&t.call)
	if ctx == nil {
		return refuse(op, invalid("context is nil"))
	}
	contract, err := c.contract(d)
	if err != nil {
		return refuse(op, err)
	}
	now := time.Now()
	r := &run{client: c, contract: contract, task: t, begun: now, start: now}
	if err := contract.fill(&r.request, c, &r.task, op); err != nil {
		return refuse(op, err)
	}
	return r, nil
}

// refused is refusedBefore, where a store knows better than the caller whether
// there was an earlier call.
func (c *Client) refused(d *declaration, t task, op Operation, err error) ending {
	if c != nil && c.durable(d) {
		t.call.First = false
	}
	return refusedBefore(d, &t, op, err)
}

// refusedBefore ends a call that sent nothing because it was wrong. An earlier
// call may have been right, so unless the caller says that there was none, or
// none was possible, nothing is known of the operation.
func refusedBefore(d *declaration, t *task, op Operation, err error) ending {
	outcome, evidence := Unknown, EvidenceEarlierCall
	if t.call.First || d.query || checkID(t.id) != nil {
		outcome, evidence = NotApplied, EvidenceNothingRan
	}
	return ending{err: &Error{
		Outcome: outcome, ThisCall: NotApplied, Evidence: evidence, Operation: op, invalid: true, causes: []error{err},
	}}
}
