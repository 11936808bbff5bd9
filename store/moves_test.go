package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// op is one operation, on which the pure moves are made one after another.
type op struct {
	r      store.Record
	now    time.Time
	holds  []store.Token // of all claims that were acquired, the last one last
	serial byte
}

func newOp() *op { return &op{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

const (
	lease  = time.Minute
	window = time.Hour
)

func intent() store.Intent {
	return store.Intent{
		Name: store.Name{Scope: "acme", Kind: "charges.create", ID: "order-1"}, Owner: "acme",
		Fingerprint: store.Fingerprint{1}, OnLapse: store.LapseResume, Window: window, Request: []byte("request"),
	}
}

func (o *op) tick() time.Time {
	o.now = o.now.Add(time.Microsecond)
	return o.now
}

func (o *op) after(d time.Duration) *op {
	o.now = o.now.Add(d)
	return o
}

func (o *op) begin(i store.Intent) string {
	status, err := i.Apply(&o.r, o.tick())
	return answered(status.String(), err)
}

// change makes a claim or a completion another one.
type change func(*store.Claim)

func (o *op) claim(mode store.Mode, changes ...change) string {
	o.serial++
	c := store.Claim{Intent: intent(), Mode: mode, Lease: lease, Nonce: store.Nonce{o.serial}}
	for _, f := range changes {
		f(&c)
	}
	g, err := c.Apply(&o.r, o.tick())
	if g.Status == store.ClaimAcquired && err == nil {
		o.holds = append(o.holds, g.Record.Token())
	}
	return answered(g.Status.String(), err)
}

func (o *op) call(changes ...change) string { return o.claim(store.ModeCall, changes...) }

func runner(c *store.Claim)  { c.Runner = true }
func forced(c *store.Claim)  { c.Force = true }
func another(c *store.Claim) { c.Fingerprint = store.Fingerprint{2} }
func waiting(c *store.Claim) { c.Age = time.Hour }
func onLapse(rule store.OnLapse) change {
	return func(c *store.Claim) { c.OnLapse = rule }
}

// holder returns the token of the n-th last claim.
func (o *op) holder(back int) store.Token { return o.holds[len(o.holds)-1-back] }

func (o *op) complete(c store.Completion) string { return o.completeBy(o.holder(0), c) }
func (o *op) older(c store.Completion) string    { return o.completeBy(o.holder(1), c) }

func (o *op) completeBy(t store.Token, c store.Completion) string {
	status, err := c.Apply(&o.r, t, o.tick())
	return answered(status.String(), err)
}

func (o *op) resolve(d store.Resolution, off int64) string {
	d.Name, d.Fence, d.Actor, d.Evidence = intent().Name, o.r.Fence+off, "jo", "seen"
	status, err := d.Apply(&o.r, o.tick())
	return answered(status.String(), err)
}

func (o *op) reopen(off int64) string {
	again := store.Reopening{Name: intent().Name, Fence: o.r.Fence + off, Actor: "jo", Evidence: "seen"}
	status, err := again.Apply(&o.r, o.tick())
	return answered(status.String(), err)
}

func (o *op) renew(t store.Token) string {
	if o.r.Renew(t, lease, o.tick()) {
		return "held"
	}
	return "not held"
}

func (o *op) purge() string {
	if o.r.Purge(o.tick()) {
		return "emptied"
	}
	return "kept"
}

func answered(status string, err error) string {
	switch {
	case errors.Is(err, store.ErrIllegal):
		return "illegal"
	case errors.Is(err, store.ErrInvalid):
		return "invalid"
	}
	return status
}

var (
	succeeded = store.Completion{State: store.StateSucceeded, Result: []byte("answer")}
	refused   = store.Completion{State: store.StateFailed, Reason: store.ReasonRefused, Result: []byte("no")}
	notRun    = store.Completion{State: store.StateFailed, Reason: store.ReasonNotRun}
	doubtful  = store.Completion{State: store.StateUnknown, Resend: true}
	stuck     = store.Completion{State: store.StateUnknown}
	release   = store.Completion{State: store.StatePending}
	cancel    = store.Resolution{State: store.StateFailed, Reason: store.ReasonCancelled}
)

// The ways to the states from which the design's table starts.
func absent(*op)    {}
func pending(o *op) { o.begin(intent()) }
func delayed(o *op) {
	i := intent()
	i.Delay = time.Hour
	o.begin(i)
}
func advised(o *op) {
	held(o)
	o.complete(store.Completion{State: store.StatePending, Retry: time.Hour, Advised: true})
}
func inFlight(o *op) { o.call() }
func held(o *op) {
	pending(o)
	o.claim(store.ModeResume, runner)
}
func lapsed(rule store.OnLapse) func(*op) {
	return func(o *op) { o.call(onLapse(rule)); o.after(2 * lease) }
}
func behindWindow(o *op) { o.call(); o.after(2 * window) }
func swept(o *op) {
	lapsed(store.LapseUnknown)(o)
	o.claim(store.ModeSweep)
}
func ended(c store.Completion) func(*op) {
	return func(o *op) { o.call(); o.complete(c) }
}
func takenOver(o *op) { lapsed(store.LapseResume)(o); o.call() }
func settledByOther(c store.Completion) func(*op) {
	return func(o *op) { takenOver(o); o.complete(c) }
}
func reconciled(o *op) { ended(stuck)(o); o.claim(store.ModeReconcile, runner) }
func reconciledUntold(o *op) {
	held(o)
	o.complete(stuck)
	o.claim(store.ModeReconcile, runner)
}
func cancelled(o *op) { pending(o); o.resolve(cancel, 0) }
func reopened(o *op)  { ended(refused)(o); o.reopen(0) }
func purged(c store.Completion) func(*op) {
	return func(o *op) {
		o.call(func(c *store.Claim) { c.Retain = time.Hour })
		o.complete(c)
		o.after(2 * time.Hour).purge()
	}
}

func TestEveryMoveOfTheTable(t *testing.T) {
	for _, row := range moveTable {
		t.Run(row.name, func(t *testing.T) {
			o := newOp()
			row.from(o)
			before := o.r
			if got := row.move(o); got != row.answer {
				t.Errorf("the answer is %q, want %q", got, row.answer)
			}
			if o.r.State != row.state || o.r.Reason != row.reason {
				t.Errorf("it is %s %s, want %s %s", o.r.State, o.r.Reason, row.state, row.reason)
			}
			if o.r.Fence < before.Fence {
				t.Errorf("fence %d after %d", o.r.Fence, before.Fence)
			}
			if row.and != nil && !row.and(before, o.r) {
				t.Errorf("the record is not as it should be: %+v, and was %+v", o.r, before)
			}
		})
	}
}

// What more can be said of a record after a move.
type also func(before, after store.Record) bool

func unchanged(b, a store.Record) bool {
	return b.Fence == a.Fence && b.Nonce == a.Nonce && b.State == a.State && b.Updated.Equal(a.Updated) && b.Claims == a.Claims
}
func newToken(b, a store.Record) bool {
	return a.Fence > b.Fence && a.Nonce != b.Nonce && a.Claims == b.Claims+1
}
func sameToken(b, a store.Record) bool { return a.Fence == b.Fence && a.Nonce == b.Nonce }
func unsent(_, a store.Record) bool    { return a.FirstSent.IsZero() && !a.Resend }
func nextKey(b, a store.Record) bool {
	return a.Generation == b.Generation+1 && a.Fence > b.Fence && unsent(b, a)
}
func conflicted(b, a store.Record) bool {
	return a.Conflicts == b.Conflicts+1 && lastEvent(a) == store.EventConflict
}
func late(b, a store.Record) bool  { return sameToken(b, a) && lastEvent(a) == store.EventLate }
func found(_, a store.Record) bool { return lastEvent(a) == store.EventFinding }
func lastEvent(r store.Record) store.Event {
	if len(r.Trail) == 0 {
		return ""
	}
	return r.Trail[len(r.Trail)-1].Event
}
