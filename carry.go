package retrysafe

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// carryOn does with one operation what is due.
func (p *pass) carryOn(ctx context.Context, h *Handler, item store.DueItem) {
	if settledItem(item) {
		p.tell(ctx, h, item.Name, item.Fence, item.Passes)
		return
	}
	r, err := p.client.runOf(ctx, h, item.Name, true)
	if err != nil {
		p.fail(err)
		return
	}
	end := r.perform(ctx)
	if r.contract.line.fails(p.client.resume.Poll) {
		p.leaveAlone(r.contract.line)
	}
	switch {
	case r.waits:
		p.count(func(report *ResumeReport) { report.Skipped++ })
		return
	case r.hold != nil:
		p.count(func(report *ResumeReport) { report.Resent++ })
	case r.refused == store.ClaimUnknown:
		r, end = p.client.reconcile(ctx, h, item.Name, true)
		if r.hold == nil {
			p.count(func(report *ResumeReport) { report.Skipped++ })
			return
		}
		if h.reconcile != nil {
			p.count(func(report *ResumeReport) { report.Reconciled++ })
		}
	default:
		if end.err != nil && end.err.Evidence == EvidenceStore {
			p.fail(end.err)
		}
		p.count(func(report *ResumeReport) { report.Skipped++ })
		return
	}
	p.countEnd(r, &end)
	if r.record != nil && !r.record.Notice.IsZero() {
		p.tell(ctx, h, item.Name, r.record.Fence, 0)
	}
}

// leaveAlone has the rest of the pass send nothing to a host that fails: every
// operation would wait in line for long, claimed.
func (p *pass) leaveAlone(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing[l] = true
}

func (p *pass) leavesAlone(l *line) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failing[l]
}

// lineOf is where the operations of a handler wait. That there is a contract was
// seen when the pass began.
func (p *pass) lineOf(h *Handler) *line {
	k, err := p.client.contract(&h.declaration)
	if err != nil {
		return nil
	}
	return k.line
}

// answering leaves out the kinds whose host is left alone.
func (p *pass) answering(kinds []string) (rest []string) {
	for _, kind := range kinds {
		if !p.leavesAlone(p.lineOf(p.handlers[kind])) {
			rest = append(rest, kind)
		}
	}
	return rest
}

func (p *pass) countEnd(r *run, end *ending) {
	p.count(func(report *ResumeReport) {
		switch {
		case r.record != nil && r.record.State == store.StatePending:
			report.Pending++
		case end.err == nil || end.err.Outcome == Applied:
			report.Applied++
		case end.err.Outcome == NotApplied:
			report.NotApplied++
		default:
			report.Unknown++
		}
	})
}

// runOf is a run that carries on an operation of which only the name is known.
func (c *Client) runOf(ctx context.Context, h *Handler, name store.Name, runner bool) (*run, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, invalid("context is nil")
	}
	k, err := c.contract(&h.declaration)
	if err != nil {
		return nil, err
	}
	return c.resuming(k, task{id: name.ID, into: h.into(), failure: h.failure}, name, runner)
}

func (c *Client) resuming(k *contract, t task, name store.Name, runner bool) (*run, error) {
	switch {
	case c.store == nil:
		return nil, k.named(invalid("this needs a client with a store"))
	case k.query:
		return nil, k.named(invalid("a query has nothing to resume"))
	}
	now := time.Now()
	r := &run{client: c, contract: k, task: t, begun: now, start: now, mode: store.ModeResume, runner: runner}
	r.request.op = Operation{Account: name.Scope, Command: name.Kind, ID: name.ID}
	r.request.keyed, r.request.url, r.request.rules = k.keyed, c.base, &k.prof.Key
	return r, nil
}

func (c *Client) nameOf(call *Call, command, id string) store.Name {
	if c == nil {
		return store.Name{}
	}
	return store.Name{Scope: c.accountOf(call), Kind: command, ID: id}
}

// tell calls the handler of an operation that was settled without its caller,
// and ends the notice once the handler has taken it.
func (p *pass) tell(ctx context.Context, h *Handler, name store.Name, fence int64, passes int) {
	again := p.client.lease
	if passes > 0 {
		again = max(again, p.client.resume.after(passes))
	}
	taken, rec, err := p.notice(ctx, store.Notice{Name: name, Fence: fence, Again: again})
	if err != nil || !taken {
		p.count(func(report *ResumeReport) { report.Skipped++ })
		return
	}
	if err := p.callSettled(ctx, h, &rec); err != nil {
		p.count(func(report *ResumeReport) { report.Untold++ })
		return
	}
	if _, _, err := p.notice(ctx, store.Notice{Name: name, Fence: fence}); err == nil {
		p.count(func(report *ResumeReport) { report.Told++ })
	}
}

func (p *pass) notice(ctx context.Context, n store.Notice) (bool, store.Record, error) {
	if n.Again == 0 {
		// The handler has been told: that the caller leaves is no reason to tell it again.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), completionTimeout)
		defer cancel()
	}
	now := time.Now()
	taken, rec, err := p.notifier.Notice(ctx, n)
	p.client.observeStore(ctx, StoreMove{
		Operation: Operation{Account: n.Scope, Command: n.Kind, ID: n.ID}, Move: "notice", Count: 1, Duration: time.Since(now), Err: err,
	})
	p.fail(err)
	return taken, rec, err
}

func (p *pass) callSettled(ctx context.Context, h *Handler, rec *store.Record) error {
	if h.settled == nil {
		return nil
	}
	r, err := p.client.runOf(ctx, h, rec.Name, true)
	if err != nil {
		return err
	}
	r.seen(rec)
	end := r.recordedEnd(rec)
	return h.settled(ctx, r.request.op, r.task.into, end)
}

// seen takes from a record what names the operation on the wire.
func (r *run) seen(rec *store.Record) {
	r.record = rec
	r.request.op.Generation = rec.Generation
	w, err := readWritten(rec.Request)
	if err != nil {
		r.request.op.RequestLost = true
		return
	}
	if q, err := w.request(r.client, r.request.op, rec); err == nil {
		r.request = q
	}
}

func sleep(ctx context.Context, wait time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// jittered is a wait of about this length, so that many processes do not ask at
// the same moment.
func jittered(wait time.Duration) time.Duration {
	return wait/2 + rand.N(wait/2+1) + wait/4
}
