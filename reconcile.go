package retrysafe

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Finding is what Handlers.Reconcile found out. The zero value is CannotTell.
type Finding[Res any] struct {
	found    found
	value    Res
	evidence string
}

type found int

const (
	findingNone found = iota
	findingThere
	findingAbsent
)

// Found says that the operation has taken effect, with its answer.
func Found[Res any](res Res) Finding[Res] { return Finding[Res]{found: findingThere, value: res} }

// NotFound says that the provider knows nothing of the operation. It proves that
// it did not run only if Profile.Consistent says so of what was asked, and if
// the last delivery is older than Profile.LongestExecution; else the operation
// stays unknown, and is asked about again later.
func NotFound[Res any]() Finding[Res] { return Finding[Res]{found: findingAbsent} }

// CannotTell says that the provider did not say.
func CannotTell[Res any]() Finding[Res] { return Finding[Res]{} }

// Because adds evidence for the record's trail: what was asked and what was
// found. It must hold no secrets.
func (f Finding[Res]) Because(evidence string) Finding[Res] {
	f.evidence = evidence
	return f
}

func (f Finding[Res]) untyped() finding { return finding{f.found, f.value, f.evidence} }

// finding is a Finding without its type.
type finding struct {
	found    found
	value    any
	evidence string
}

// reconcile takes an operation that must not be sent any more, asks the handler
// how it ended, and writes that down.
func (c *Client) reconcile(ctx context.Context, h *Handler, name store.Name, runner bool) (*run, ending) {
	r, err := c.runOf(ctx, h, name, runner)
	if err != nil {
		return &run{}, ending{err: &Error{causes: []error{err}}}
	}
	r.mode, r.caller = store.ModeReconcile, context.WithValue(ctx, runKey{}, r)
	end, claimed := r.claim(r.caller)
	if !claimed {
		return r, end
	}
	defer c.leases.remove(r.hold)
	began := time.Now()
	what := finding{}
	if h.reconcile != nil {
		if what, err = h.reconcile(ctx, c, r.request.op, r.contract, r.written); err != nil {
			what = finding{evidence: r.sanitized(err).Error()}
		}
	}
	return r, r.conclude(ctx, what, began)
}

// conclude writes down what was found, and returns what the record then says.
func (r *run) conclude(ctx context.Context, what finding, began time.Time) ending {
	done, err := r.complete(ctx, r.conclusion(what, began))
	if err != nil {
		return r.storeFailed(err)
	}
	r.record = &done.Record
	return r.recordedEnd(r.record)
}

func (r *run) conclusion(what finding, began time.Time) *store.Completion {
	c := &store.Completion{Evidence: what.evidence, Notice: r.runner}
	h := heard{Version: heardVersion}
	switch {
	case what.found == findingThere:
		c.State = store.StateSucceeded
		h.Found, h.Evidence = true, EvidenceFound
		if err := h.setValue(what.value); err != nil {
			c.Partial, h.Cut = true, true
		}
	case what.found == findingAbsent && r.provesAbsence(began):
		c.State, c.Reason = store.StateFailed, store.ReasonNotRun
		if r.runner && !r.record.Told {
			c.State, c.Reason, c.Retry = store.StatePending, store.ReasonNone, r.client.resume.after(r.record.Passes)
		}
		h.Evidence, h.Cause = EvidenceNotFound, "not there"
	default:
		return r.stillUnknown(c)
	}
	c.Result = h.bytes()
	return c
}

// stillUnknown leaves the operation as it is, for longer every time.
func (r *run) stillUnknown(c *store.Completion) *store.Completion {
	c.State, c.Resend = store.StateUnknown, r.record.Resend
	c.Result, c.Partial = r.record.Result, r.record.Partial
	c.Retry = min(r.client.resume.after(r.record.Passes), forEver)
	return c
}

// provesAbsence reports whether nothing found means that nothing ran: what was
// asked shows every effect, and every delivery was over by then.
func (r *run) provesAbsence(began time.Time) bool {
	longest := r.contract.prof.LongestExecution
	return r.contract.prof.Consistent && longest > 0 && began.Sub(r.tally.lastDoubt) > longest
}

// setValue keeps a value that was not read from an answer.
func (h *heard) setValue(value any) (err error) {
	h.Header = http.Header{"Content-Type": {mediaJSON}}
	if raw, ok := value.([]byte); ok {
		h.Body = raw
		return nil
	}
	h.Body, err = json.Marshal(value)
	return err
}
