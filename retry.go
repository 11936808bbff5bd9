package retrysafe

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/retrysafe/retrysafe/store"
)

// run is one operation on its way: one go-retryablehttp client, its closures,
// and what is known so far. It belongs to the goroutine of the caller.
type run struct {
	client   *Client
	contract *contract
	task     task
	request  request
	begun    time.Time // when the caller called
	start    time.Time // when the operation was this run's: begun, or at the claim
	deadline time.Time // zero: none
	span     time.Duration
	caller   context.Context
	asking   *run // for the answer that lies elsewhere
	retry    retryablehttp.Client
	turn     admission
	step     int // attempts since it last waited in line

	attempts []Attempt
	current  *current // the attempt under way
	tally    tally
	answer   *Answer // the last one, or the one that said done
	heard    *Answer // of the attempt that just ended
	repeated bool    // ... and it is the same useless one as before
	unsent   error   // ... why it was not sent, if we ourselves stopped it
	query    string  // ... and the query that it had
	before   int     // attempts of the run that this one goes on with
	replayed bool
	wait     time.Duration
	waiting  bool // between two attempts
	retryAt  time.Time
	stop     error   // why it ended, nil if with an answer in hand
	ended    error   // of the caller's context, if that is why
	linkErr  error   // why the answer could not be fetched from elsewhere
	stream   *stream // of the answer that is handed on unread; nil: none

	// With a store:
	mode      store.Mode
	runner    bool              // a runner's pass: nobody waits for it
	asked     time.Time         // when the store was last asked for the claim
	hold      *hold             // nil: none
	record    *store.Record     // as it was last seen
	openFor   time.Duration     // from start on the key may be sent; 0: no such limit
	carried   bool              // an earlier holder's deliveries are in doubt
	vouched   bool              // the record knows of whatever an earlier call left in doubt
	committed bool              // that it was applied is written down
	own       []byte            // the request as this call would have it recorded
	written   *written          // the recorded request, where it was read
	refused   store.ClaimStatus // why the claim was not granted
	waits     bool              // for the call to be made again: it has the credentials
}

type runKey struct{}

// OperationFrom returns the operation that a context belongs to: that of a
// request in Options.Authorize, or of an Observer's event.
func OperationFrom(ctx context.Context) (Operation, bool) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return Operation{}, false
	}
	return r.request.op, true
}

// perform runs the operation to its end.
func (r *run) perform(ctx context.Context) (end ending) {
	ctx = context.WithValue(ctx, runKey{}, r)
	r.caller = ctx
	if r.runner {
		// Before anybody is told: others may be faster.
		var claimed bool
		if end, claimed = r.claim(ctx); !claimed {
			return end
		}
		defer r.letGo()
	}
	if o := r.client.observer; o != nil {
		started := startOperation(ctx, o, r)
		defer func() { endOperation(started, o, r, &end) }()
		var cancel context.CancelCauseFunc
		ctx, cancel = r.under(ctx, started)
		defer r.after(cancel)
	}
	if !r.client.durable(&r.contract.declaration) {
		r.openFor = r.window()
		r.setDeadline(r.caller)
		return r.send(ctx)
	}
	if r.hold == nil {
		var claimed bool
		if end, claimed = r.claim(ctx); !claimed {
			return end
		}
		defer r.letGo()
	}
	end = r.send(ctx)
	r.settle(ctx, &end)
	return end
}

// send makes the attempts, and looks for the answer where it lies.
func (r *run) send(ctx context.Context) ending {
	r.loop(ctx)
	if r.tally.last.verdict == Elsewhere && r.stop == nil {
		if r.stop = r.commitApplied(ctx); r.stop == nil {
			r.fetch(ctx)
		}
	}
	return r.ending()
}

// under returns an observer's context that ends with parent too, whatever the
// observer did, and that knows the run.
func (r *run) under(parent, ctx context.Context) (context.Context, context.CancelCauseFunc) {
	if ctx.Value(runKey{}) != r {
		ctx = context.WithValue(ctx, runKey{}, r)
	}
	ended, cancel := context.WithCancelCause(ctx)
	if ctx.Done() == parent.Done() {
		return ended, cancel
	}
	stop := context.AfterFunc(parent, func() { cancel(context.Cause(parent)) })
	return ended, func(cause error) {
		stop()
		cancel(cause)
	}
}

// setDeadline sets for how long, and until when, attempts may begin.
func (r *run) setDeadline(ctx context.Context) {
	r.deadline, _ = ctx.Deadline()
	r.span = r.contract.policy.MaxElapsed
	if r.openFor > 0 {
		r.span = min(r.span, r.openFor)
	}
	if r.span == math.MaxInt64 {
		return
	}
	if end := r.start.Add(r.span); r.deadline.IsZero() || end.Before(r.deadline) {
		r.deadline = end
	}
}

// elapsed is how long the call has taken, by the clock that says more: the
// monotonic one stands still while a machine sleeps, the wall clock can be set.
func elapsed(start, now time.Time) time.Duration {
	return max(now.Sub(start), now.Round(0).Sub(start.Round(0)))
}

// loop lets go-retryablehttp make the attempts. Its error is not used: check
// has seen every attempt, and knows more.
func (r *run) loop(ctx context.Context) {
	// The loop is given a shell: the request that is sent is made anew in every
	// attempt, so nothing of it is shared between two of them.
	shell := http.Request{Method: r.request.method, URL: r.request.url, Header: http.Header{}}
	r.retry = retryablehttp.Client{
		HTTPClient:   r.client.http,
		RetryMax:     math.MaxInt32,
		CheckRetry:   r.check,
		Backoff:      r.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	defer r.endTurn(notTried) // A panic is on its way up.
	resp, err := r.retry.Do(&retryablehttp.Request{Request: shell.WithContext(ctx)})
	if err == nil && resp != nil {
		resp.Body.Close()
	}
	if r.waiting {
		// The context ended during the wait, which check cannot see.
		r.stop = r.endedBy(ctx)
	}
}

// endedBy is the reason of a call whose context ended: its cause. The context's
// own error is kept beside it.
func (r *run) endedBy(ctx context.Context) error {
	if r.caller != nil && r.caller.Err() != nil {
		ctx = r.caller // Through an observer's context it may look like another end.
	}
	r.ended = ctx.Err()
	return context.Cause(ctx)
}

// backoff is go-retryablehttp's Backoff: check has decided already.
func (r *run) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return r.wait }

// check is go-retryablehttp's CheckRetry: it is called after every attempt.
func (r *run) check(ctx context.Context, _ *http.Response, err error) (bool, error) {
	f := r.finish(err)
	r.stop = r.reason(&f)
	if r.stop != errTryAgain {
		return false, nil
	}
	r.stop = r.obstacle(ctx)
	if r.stop == nil && r.tally.applied {
		if r.stop = r.commitApplied(ctx); r.stop != nil {
			r.waiting = false
		}
	}
	if r.stop == nil {
		r.drop()
	}
	return r.stop == nil, nil
}
