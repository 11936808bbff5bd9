package retrysafe

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
)

type reportKey struct{}

// WithOperation names the operation that an SDK's call under the context is of,
// for a transport of NewTransport, and returns where to read how it ended.
// Command is as Command.Name, id as in Command.Do. Make one for every call.
//
// The first request under it that may have an effect binds the name: another
// method, path, query or body, or another header that is part of what is asked
// for, is refused with ErrKeyReused before it is sent. An equal one is a repeat,
// as SDKs make them by themselves, and is given the answer of the first; it
// waits for it if need be. Only after a 401 or 407 it is sent again, under the
// same key, because it may have other credentials now. To ask the provider
// again, make a context anew.
//
// Requests for an access token (RFC 6749, a form with a grant_type) are of no
// operation. A nil context is taken for context.Background.
func WithOperation(ctx context.Context, command, id string) (context.Context, *Report) {
	if ctx == nil {
		ctx = context.Background()
	}
	report := &Report{command: command, id: id}
	return context.WithValue(ctx, reportKey{}, report), report
}

// Report says how the operation ended that a context of WithOperation names,
// whatever the SDK made of it. It is safe for concurrent use. It prints,
// marshals and logs without its key.
type Report struct {
	command, id string

	mu       sync.Mutex
	bound    *run          // what the first command asked for; nil: there was none yet
	key      Key           // ... and the key that it was to be sent with
	last     *run          // that which was sent last
	working  chan struct{} // closed when the call under way has ended; nil: none is
	end      *ending       // of the last one that ended; nil: none has
	invalid  *Error        // why nothing could be sent
	attempts []Attempt     // of those before the last
}

// Outcome is of the operation: Unknown also if no command was sent, because an
// earlier call may have sent one.
func (p *Report) Outcome() Outcome { return OutcomeOf(p.Err()) }

// Key is what was on the wire, without quoting; empty if there was none, or
// nothing was sent yet.
func (p *Report) Key() Key {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.end != nil && p.end.key != "":
		return p.end.key
	case p.bound == nil:
		return ""
	}
	return p.key
}

// Attempts lists the requests that were sent, once the call has ended.
func (p *Report) Attempts() []Attempt {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := append([]Attempt(nil), p.attempts...)
	if p.end != nil {
		all = append(all, p.end.attempts...)
	}
	return all
}

// Err is what Command.Do would have returned: nil means Applied, everything else
// is an *Error. While the call is under way it wraps ErrInFlight.
func (p *Report) Err() error {
	if p == nil {
		return &Error{ThisCall: NotApplied, Evidence: EvidenceEarlierCall, causes: []error{errUnbound}}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	op := Operation{Command: p.command, ID: p.id}
	if p.bound != nil {
		op.Account = p.bound.client.account
	}
	switch {
	case p.working != nil:
		return &Error{Evidence: EvidenceHeld, Operation: op, Key: p.key, causes: []error{ErrInFlight}, retryable: true}
	case p.end != nil && p.end.err != nil:
		return p.end.err
	case p.end != nil:
		return nil
	case p.invalid != nil:
		return p.invalid
	default:
		return &Error{ThisCall: NotApplied, Evidence: EvidenceEarlierCall, Operation: op, causes: []error{errUnbound}}
	}
}

// LogValue has the fields that may be in a log.
func (p *Report) LogValue() slog.Value {
	if p == nil {
		return slog.GroupValue()
	}
	attrs := []slog.Attr{
		slog.Any("operation", Operation{Command: p.command, ID: p.id}), slog.String("outcome", p.Outcome().String()),
		slog.String("key", p.Key().hash()), slog.Int("attempts", len(p.Attempts())),
	}
	if err := p.Err(); err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes what LogValue has.
func (p *Report) MarshalJSON() ([]byte, error) { return groupJSON(p.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (p *Report) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.LogValue()) }

// refuse remembers why a command could not be sent, unless one was.
func (p *Report) refuse(err *Error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.invalid = err
}

// perform performs a run, or gives the answer that it repeats. Without a report
// every request is a call of its own.
func (p *Report) perform(r *run, ctx context.Context) ending {
	if p == nil {
		return r.perform(ctx)
	}
	end, over := p.enter(r, ctx)
	if over {
		return end
	}
	finished := false
	defer func() {
		if !finished {
			p.leave(&ending{key: r.request.key, attempts: r.attempts, err: r.broken()})
		}
	}()
	end = r.perform(ctx)
	finished = true
	p.leave(&end)
	return end
}

// enter waits until nobody is at work under the name, and reports whether the
// call is over with that.
func (p *Report) enter(r *run, ctx context.Context) (ending, bool) {
	for waited := false; ; waited = true {
		working, end, over := p.admit(r, waited)
		if working == nil {
			return end, over
		}
		select {
		case <-working:
		case <-ctx.Done():
			return p.left(r, ctx), true
		}
	}
}

// admit lets a run begin, or says what to wait for, or how it is over. One that
// waited has no other credentials: it came before they were asked for.
func (p *Report) admit(r *run, waited bool) (working chan struct{}, end ending, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.bound != nil && !p.bound.sameAs(r):
		return nil, p.reused(r), true
	case p.working != nil:
		return p.working, end, false
	case p.end != nil && (waited || !p.challenged()):
		return nil, *p.end, true
	}
	if p.bound == nil {
		p.bound, p.key = &run{client: r.client, contract: r.contract, request: r.request}, r.request.key
	}
	if p.end != nil {
		p.attempts = append(p.attempts, p.end.attempts...)
		r.goOn(p.last, len(p.attempts))
	}
	p.last, p.working = r, make(chan struct{})
	return nil, end, false
}

// leave keeps how a run ended.
func (p *Report) leave(end *ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.working)
	p.working, p.end = nil, end
}

// challenged reports whether the last answer asked for other credentials, and
// sending the request again does no harm.
func (p *Report) challenged() bool {
	a := p.end.answer
	if a == nil || p.end.err == nil || p.end.recorded || a.Status != http.StatusUnauthorized && a.Status != http.StatusProxyAuthRequired {
		return false
	}
	return p.end.err.Outcome != Applied && (p.last.harmless() || p.end.err.ThisCall == NotApplied)
}

// left is the end of a call that waited and whose context ended first.
func (p *Report) left(r *run, ctx context.Context) ending {
	return ending{key: r.request.key, err: &Error{
		ThisCall: NotApplied, Evidence: EvidenceHeld, Operation: r.request.op, Key: r.request.key, retryable: true,
		causes: []error{context.Cause(ctx), ErrInFlight},
	}}
}

// reused is the end of a call whose name stands for another request.
func (p *Report) reused(r *run) ending {
	outcome := Unknown
	if p.end != nil {
		outcome = Applied
		if p.end.err != nil {
			outcome = p.end.err.Outcome
		}
	}
	return ending{key: r.request.key, err: &Error{
		Outcome: outcome, ThisCall: NotApplied, Evidence: EvidenceMismatch, Operation: r.request.op, Key: r.request.key,
		causes: []error{&reusedError{fields: p.bound.differsFrom(r)}},
	}}
}

// sameAs reports whether two runs of one name ask for the same.
func (r *run) sameAs(other *run) bool {
	return r.client == other.client && r.request.print == other.request.print
}

// differsFrom names in what two requests differ.
func (r *run) differsFrom(other *run) []string {
	a, err := r.writtenDown()
	if err != nil {
		return nil
	}
	b, err := other.writtenDown()
	if err != nil {
		return nil
	}
	if names := differences(a, b); len(names) > 0 {
		return names
	}
	return []string{"origin, or a body that is too long to be kept"}
}

func (r *run) writtenDown() (*written, error) {
	bytes, err := r.contract.write(&r.request, "")
	if err != nil {
		return nil, err
	}
	return readWritten(bytes)
}

// goOn takes over what is known from the run before, of the same request.
func (r *run) goOn(from *run, attempts int) {
	r.before = attempts
	if r.client.store != nil {
		return // The record knows.
	}
	r.tally = from.tally
	r.tally.last = judgement{}
	if window := r.contract.keyWindow(); window > 0 {
		r.contract.window = max(window-elapsed(from.start, r.start), 1)
	}
}

// broken is the error of a run that ended in a panic.
func (r *run) broken() *Error {
	return &Error{
		Evidence: EvidenceDoubt, Operation: r.request.op, Key: r.request.key, Attempts: r.attempts, causes: []error{errCallEnded},
	}
}
