package retrysafe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Handlers say what happens to operations of a command that end without their
// caller: those that were enqueued, and those whose process died. Both are
// optional.
type Handlers[Req, Res any] struct {
	// Reconcile asks the provider how an operation ended of which sending it
	// again cannot tell any more: [Found], [NotFound] or [CannotTell]. An error
	// is as CannotTell. The request is as it was recorded; zero, with
	// op.RequestLost, if it cannot be decoded any more. It must not have effects.
	Reconcile func(ctx context.Context, client *Client, op Operation, req Req) (Finding[Res], error)
	// Settled is told how an operation ended, with what Do would have returned.
	// It is called from the record, after that was written, at least once: again
	// and again, by any process, until it returns nil. If it takes longer than
	// Options.Lease, another process may call it too.
	Settled func(ctx context.Context, op Operation, res *Result[Res], err error) error
}

// Handler carries on operations of one command. It is made by Command.Handle,
// and safe for concurrent use if its functions are.
type Handler struct {
	declaration declaration
	failure     func(Answer) error
	into        func() any
	reconcile   func(ctx context.Context, c *Client, op Operation, k *contract, w *written) (finding, error)
	settled     func(ctx context.Context, op Operation, into any, end ending) error
}

// Handle binds what is done with operations that end without their caller. It
// is separate from the declaration, so that a handler can call other commands,
// and its own.
func (c Command[Req, Res]) Handle(h Handlers[Req, Res]) Handler {
	handler := Handler{declaration: c.declaration(), failure: c.Failure, into: func() any { return new(Res) }}
	if h.Reconcile != nil {
		handler.reconcile = func(ctx context.Context, client *Client, op Operation, k *contract, w *written) (finding, error) {
			var req Req
			if w == nil || k.readRequest(w, &req) != nil {
				op.RequestLost = true
			}
			f, err := h.Reconcile(ctx, client, op, req)
			return f.untyped(), err
		}
	}
	if h.Settled != nil {
		handler.settled = func(ctx context.Context, op Operation, into any, end ending) error {
			res := &Result[Res]{Value: *into.(*Res)}
			res, err := res.ended(end)
			return h.Settled(ctx, op, res, err)
		}
	}
	return handler
}

// Resume carries this one operation on, now, as Command.Resume does, and asks
// Handlers.Reconcile if sending it again cannot tell any more. A nil error means
// Applied. Handlers.Settled is not called: the caller is told by the error, which
// wraps ErrNotFound if there is no such operation and ErrInvalid if the client
// has no store.
func (h Handler) Resume(ctx context.Context, client *Client, id string) error {
	if err := checkID(id); err != nil {
		return h.declaration.named(err)
	}
	r, err := client.runOf(ctx, &h, client.nameOf(&Call{}, h.declaration.name, id), false)
	if err != nil {
		return err
	}
	end := r.perform(ctx)
	if r.refused == store.ClaimUnknown {
		_, end = client.reconcile(ctx, &h, r.name(), false)
	}
	if end.err != nil {
		return end.err
	}
	return nil
}

// ResumeReport counts what one pass of Client.Resume did.
type ResumeReport struct {
	// Resent operations were sent again or for the first time, Reconciled ones
	// were asked about.
	Resent, Reconciled int
	// How those stand now. Pending ones cannot have run, and are tried later.
	Applied, NotApplied, Unknown, Pending int
	// Told counts handlers that were told of an end, Untold those that returned
	// an error and will be told again.
	Told, Untold int
	// Skipped operations were carried on by others, are not due any more, or
	// would have waited for a host that fails (RetryPolicy.Budget).
	Skipped int
	// Unhandled counts what is due of commands without a handler, up to 1,000 in
	// all. It was not touched.
	Unhandled map[string]int
}

// Resume makes one pass over what is due in the client's store, of its own
// account and of the commands that handlers are given for: it starts what was
// enqueued, carries on with the recorded bytes and the same key what a process
// left behind, asks Handlers.Reconcile about what must not be sent any more,
// and tells Handlers.Settled how things ended. Several processes may do so at
// once. The pace is Options.Resume's.
//
// The error joins what went wrong with the store; operations that failed are in
// the report. It wraps ErrInvalid if the client has no store, or one without
// store.Admin and store.Notifier, or if a handler's declaration is wrong or
// there twice.
func (c *Client) Resume(ctx context.Context, handlers ...Handler) (ResumeReport, error) {
	p, err := c.pass(handlers)
	if err != nil {
		return ResumeReport{}, err
	}
	err = p.run(ctx)
	return p.report, err
}

// Run makes a pass whenever something may be due (Options.Resume.Poll), until
// the context ends, whose cause it returns, or at once with what Resume refuses
// as ErrInvalid. A store that fails does not end it; an Observer that is a
// StoreObserver hears of it.
func (c *Client) Run(ctx context.Context, handlers ...Handler) error {
	for {
		if _, err := c.Resume(ctx, handlers...); errors.Is(err, ErrInvalid) {
			return err
		}
		if err := sleep(ctx, jittered(c.resume.Poll)); err != nil {
			return err
		}
	}
}

// pass is one pass of a runner.
type pass struct {
	client   *Client
	admin    store.Admin
	notifier store.Notifier
	handlers map[string]*Handler
	kinds    []string
	seen     map[seenItem]bool

	mu      sync.Mutex
	report  ResumeReport
	errs    []error
	failing map[*line]bool // hosts that are left alone for the rest of the pass
}

// seenItem is an operation that is carried on, or told of: once a pass.
type seenItem struct {
	name    store.Name
	settled bool
}

// settledItem reports whether an operation is due only to be told of.
func settledItem(item store.DueItem) bool {
	return item.State == store.StateSucceeded || item.State == store.StateFailed
}

func (c *Client) pass(handlers []Handler) (*pass, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if c.store == nil {
		return nil, invalid("resuming needs a client with a store")
	}
	p := &pass{client: c, handlers: map[string]*Handler{}, seen: map[seenItem]bool{}, failing: map[*line]bool{}}
	var hasAdmin, hasNotifier bool
	p.admin, hasAdmin = c.store.(store.Admin)
	p.notifier, hasNotifier = c.store.(store.Notifier)
	if !hasAdmin || !hasNotifier {
		return nil, invalid("resuming needs a store with store.Admin and store.Notifier")
	}
	for i := range handlers {
		h := &handlers[i]
		if _, err := c.contract(&h.declaration); err != nil {
			return nil, err
		}
		if p.handlers[h.declaration.name] != nil {
			return nil, h.declaration.named(invalid("has two handlers"))
		}
		p.handlers[h.declaration.name] = h
		p.kinds = append(p.kinds, h.declaration.name)
	}
	return p, nil
}

const (
	duePage      = 100
	longestPage  = 8 * 8 * duePage
	maxUnhandled = 1000
	maxPassErrs  = 10
)

// run works through pages of what is due until there is nothing new.
func (p *pass) run(ctx context.Context) error {
	for kinds, page := p.kinds, duePage; len(kinds) > 0; {
		items, err := p.due(ctx, store.DueFilter{Owner: p.client.account, Kinds: kinds, Limit: page})
		if err != nil {
			break
		}
		if fresh := p.fresh(items); len(fresh) > 0 {
			if err := p.workThrough(ctx, fresh); err != nil {
				return errors.Join(append(p.errs, err)...)
			}
			continue
		}
		// What is left alone may fill the page, and hide what can be done.
		rest := p.answering(kinds)
		switch {
		case len(items) == page && page < longestPage && len(rest) < len(kinds):
			page *= 8
		case len(rest) < len(kinds):
			kinds, page = rest, duePage
		default:
			kinds = nil
		}
	}
	others, _ := p.due(ctx, store.DueFilter{Owner: p.client.account, Kinds: p.kinds, Others: true, Limit: maxUnhandled})
	for _, item := range others {
		if p.report.Unhandled == nil {
			p.report.Unhandled = map[string]int{}
		}
		p.report.Unhandled[item.Kind]++
	}
	return errors.Join(p.errs...)
}

func (p *pass) due(ctx context.Context, filter store.DueFilter) ([]store.DueItem, error) {
	now := time.Now()
	items, err := p.admin.Due(ctx, filter)
	p.client.observeStore(ctx, StoreMove{Move: "due", Count: len(items), Duration: time.Since(now), Err: err})
	p.fail(err)
	return items, err
}

func (p *pass) fresh(items []store.DueItem) (fresh []store.DueItem) {
	for _, item := range items {
		key := seenItem{item.Name, settledItem(item)}
		if !p.seen[key] {
			p.seen[key] = true
			fresh = append(fresh, item)
		}
	}
	return fresh
}

// workThrough carries items on, a few at a time, at the client's pace.
func (p *pass) workThrough(ctx context.Context, items []store.DueItem) error {
	var working sync.WaitGroup
	defer working.Wait()
	free := make(chan struct{}, p.client.resume.Parallel)
	for _, item := range items {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		h := p.handlers[item.Kind]
		if !settledItem(item) && p.leavesAlone(p.lineOf(h)) {
			<-free
			p.count(func(report *ResumeReport) { report.Skipped++ })
			continue
		}
		if err := p.client.pace.wait(ctx, p.client.resume.PerSecond); err != nil {
			return err
		}
		working.Add(1)
		go func() {
			defer func() { <-free; working.Done() }()
			p.carryOn(ctx, h, item)
		}()
	}
	return nil
}

func (p *pass) fail(err error) {
	if err == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) < maxPassErrs {
		p.errs = append(p.errs, fmt.Errorf("%w: %w", ErrStore, err))
	}
}

func (p *pass) count(add func(*ResumeReport)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add(&p.report)
}

// pace limits how many operations a client's runners begin.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

func (p *pace) wait(ctx context.Context, perSecond int) error {
	p.mu.Lock()
	now := time.Now()
	at := now
	if p.next.After(now) {
		at = p.next
	}
	p.next = at.Add(time.Second / time.Duration(perSecond))
	p.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}
