package retrysafe

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// durable reports whether calls of a declaration are written down.
func (c *Client) durable(d *declaration) bool { return c.store != nil && !d.query }

// claim makes the operation this run's own before its first byte is sent, and
// waits while it is somebody else's. False: the call is over, as end says.
func (r *run) claim(ctx context.Context) (end ending, claimed bool) {
	r.setDeadline(r.caller)
	ask, err := r.claimOf()
	if err != nil {
		return r.storeFailed(err), false
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		changed, stop := r.watch()
		grant, err := r.askClaim(ctx, &ask)
		if err != nil {
			stop()
			return r.unclaimed(ctx, err), false
		}
		switch grant.Status {
		case store.ClaimAcquired:
			stop()
			return r.begin(ctx, &grant)
		case store.ClaimUnknown:
			if ask.Mode == store.ModeCall && r.mayCarryOn(&grant) {
				ask.Mode = store.ModeResume
				stop()
				continue
			}
		case store.ClaimHeld, store.ClaimNotDue:
			if r.waitsFor(&grant) {
				if grant.Status == store.ClaimHeld {
					ask.Waited = grant.Record.Fence
				}
				r.stop = r.await(ctx, changed, pause, &grant)
				if r.stop == nil {
					stop()
					continue
				}
			}
		}
		stop()
		r.refused = grant.Status
		return r.unacquired(&grant), false
	}
}

// claimOf is what the run asks the store for.
func (r *run) claimOf() (store.Claim, error) {
	ask := store.Claim{
		Intent: store.Intent{Name: r.name()}, Mode: r.mode, Runner: r.runner, Force: r.task.call.Force,
		Lease: r.client.leaseFor(r.contract.policy.AttemptTimeout), Within: r.contract.within(),
	}
	if _, err := rand.Read(ask.Nonce[:]); err != nil {
		return ask, err
	}
	if r.mode != store.ModeCall {
		return ask, nil
	}
	intent, err := r.intent()
	ask.Intent, r.own = intent, intent.Request
	return ask, err
}

func (r *run) name() store.Name {
	op := &r.request.op
	return store.Name{Scope: op.Account, Kind: op.Command, ID: op.ID}
}

// intent is the operation as the caller means it.
func (r *run) intent() (store.Intent, error) {
	k := r.contract
	own, err := k.write(&r.request, r.task.call.Key)
	return store.Intent{
		Name: r.name(), Owner: r.client.account, Fingerprint: r.request.print, OnLapse: r.onLapse(),
		Window: r.window(), Retain: k.retention, Request: own,
	}, err
}

// onLapse is what it means that a holder of this operation went silent.
func (r *run) onLapse() store.OnLapse {
	switch {
	case r.request.live != nil && r.request.live.partial && r.request.live.open != nil:
		return store.LapseUnknown
	case r.request.keyed:
		return store.LapseResume
	case r.harmless():
		return store.LapseRerun
	default:
		return store.LapseUnknown
	}
}

// window is for how long a key may be sent, 0 if that is not known.
func (r *run) window() time.Duration {
	if !r.request.keyed {
		return 0
	}
	return r.contract.keyWindow()
}

// within is how long after it was first sent a call of the application may carry
// an operation on of which no window is known.
func (k *contract) within() time.Duration {
	return min(k.policy.MaxElapsed, forEver)
}

// forEver is as long as a time can be put off without overflow.
const forEver = 100 * 365 * 24 * time.Hour

// leaseFor is longer than an attempt may take.
func (c *Client) leaseFor(attempt time.Duration) time.Duration {
	if attempt <= c.lease/10*9 || attempt > forEver {
		return c.lease
	}
	return attempt + c.lease
}

// askClaim asks once more if the answer was lost: a claim can be repeated.
func (r *run) askClaim(ctx context.Context, ask *store.Claim) (grant store.Grant, err error) {
	bounded, cancel := r.untilDeadline(ctx)
	defer cancel()
	for range 2 {
		now := time.Now()
		r.asked, ask.Age = now, max(elapsed(r.begun, now), 0)
		grant, err = r.client.store.Claim(bounded, *ask)
		r.moved(ctx, "claim", statusOf(err, grant.Status), now, err)
		if err == nil || bounded.Err() != nil || !mayBeRepeated(err) {
			break
		}
	}
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = ErrNoTimeLeft // The store's word for it would look like the caller's own deadline.
	}
	return grant, err
}

// untilDeadline ends what the store is asked when no attempt could begin any more.
func (r *run) untilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, r.deadline)
}

// moved tells of a move, without the key.
func (r *run) moved(ctx context.Context, move, status string, began time.Time, err error) {
	if r.client.moves == nil {
		return
	}
	r.client.observeStore(ctx, StoreMove{
		Operation: r.request.op, Move: move, Status: status, Count: 1, Duration: time.Since(began), Err: r.sanitized(err),
	})
}

// mayCarryOn reports whether an application's own call may send what is unknown
// again: the answer may still be had. The store looks at the window.
func (r *run) mayCarryOn(g *store.Grant) bool {
	return !r.runner && g.Record.Resend && g.Record.OnLapse != store.LapseUnknown
}

const (
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// watch subscribes before the store is asked, so that no change is missed.
func (r *run) watch() (<-chan struct{}, func()) {
	if w, ok := r.client.store.(store.Watcher); ok && !r.runner {
		return w.Watch(r.name())
	}
	return nil, func() {}
}

// waitsFor reports whether the call waits until the operation may be its own:
// for the end of another call's work, or of the server's advice.
func (r *run) waitsFor(g *store.Grant) bool {
	if r.task.call.NoWait || r.runner {
		return false
	}
	if g.Status == store.ClaimHeld {
		return true
	}
	wait := g.Record.Next.Sub(g.Now)
	return g.Record.State == store.StateUnknown && wait <= r.contract.policy.MaxRetryAfter &&
		(r.deadline.IsZero() || wait < time.Until(r.deadline))
}

// await waits until the operation may have changed. It returns why the call
// ends, if it does.
func (r *run) await(ctx context.Context, changed <-chan struct{}, pause time.Duration, g *store.Grant) error {
	now := time.Now()
	if !r.deadline.IsZero() && !now.Before(r.deadline) {
		return ErrNoTimeLeft
	}
	if changed != nil {
		pause = longestPause // Others' changes are not seen.
	}
	pause = pause/2 + mathrand.N(pause)/2 + 1
	if due := g.Record.Due().Sub(g.Now); due > 0 {
		pause = min(pause, due)
	}
	if !r.deadline.IsZero() {
		pause = min(pause, r.deadline.Sub(now))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return r.endedBy(ctx)
	case <-changed:
	case <-timer.C:
	}
	if !r.deadline.IsZero() && !time.Now().Before(r.deadline) {
		return ErrNoTimeLeft
	}
	return nil
}

// begin is the run's start with the operation in its hands.
func (r *run) begin(ctx context.Context, g *store.Grant) (ending, bool) {
	rec := &g.Record
	r.record = rec
	r.start = r.asked
	lease := r.client.leaseFor(r.contract.policy.AttemptTimeout)
	r.hold = &hold{token: rec.Token(), lease: lease, since: r.asked}
	r.client.leases.add(r.hold)
	if err := r.takeRequest(g); err != nil && r.mode != store.ModeReconcile {
		return r.unusable(ctx, err), false
	}
	// Whatever an earlier call left is in the record, if it is one that everybody
	// has and that nothing undoes.
	r.vouched = store.CapabilitiesOf(r.client.store).Vouches()
	if g.From == store.StateInFlight || g.From == store.StateUnknown {
		r.tally.raise(1, r.localTime(g, g.Doubt))
		r.carried = true
	}
	r.openFor = r.remaining(g)
	r.setDeadline(r.caller)
	return ending{}, true
}

// takeRequest takes the recorded bytes: once there is a record they are what is
// sent, whoever calls.
func (r *run) takeRequest(g *store.Grant) error {
	rec := &g.Record
	r.request.op.Generation = rec.Generation
	if r.mode == store.ModeCall && rec.Generation == 0 && bytes.Equal(rec.Request, r.own) {
		return nil
	}
	w, err := readWritten(rec.Request)
	if err != nil {
		r.request.op.RequestLost = true
		return err
	}
	if r.mode == store.ModeResume && !r.sendable(w) {
		r.waits = true
		return errWaits
	}
	q, err := w.request(r.client, r.request.op, rec)
	if err == nil {
		q.revive(&r.request)
		r.request, r.written = q, w
	}
	return err
}

// localTime is a time of the store's on this machine's clock.
func (r *run) localTime(g *store.Grant, at time.Time) time.Time {
	if at.IsZero() || at.After(g.Now) {
		return r.asked
	}
	return r.asked.Add(-g.Now.Sub(at))
}

// remaining is how much is left of the time in which the key may be sent; where
// no window is known and something was sent before, of the time in which a call
// may carry on. Zero: there is no such limit.
func (r *run) remaining(g *store.Grant) time.Duration {
	rec := &g.Record
	limit := rec.Window
	if limit == 0 && r.carried && rec.OnLapse == store.LapseResume {
		limit = r.contract.within()
	}
	if limit == 0 || rec.FirstSent.IsZero() || !r.request.keyed {
		return 0
	}
	return max(rec.FirstSent.Add(limit).Sub(g.Now), 1)
}

// unacquired is the end of a call whose operation is not its own.
func (r *run) unacquired(g *store.Grant) ending {
	switch g.Status {
	case store.ClaimMismatched:
		return r.reused(&g.Record)
	case store.ClaimAbsent:
		return r.absent()
	}
	r.record = &g.Record
	if g.Record.Generation > 0 || r.mode != store.ModeCall {
		r.seen(&g.Record)
	}
	end := r.recordedEnd(&g.Record)
	if end.err != nil && r.stop != nil {
		// It waited, and did not get to see the end.
		end.err.causes = append([]error{r.stop}, end.err.causes...)
		if r.ended != nil && r.ended != r.stop {
			end.err.causes = append(end.err.causes, r.ended)
		}
	}
	return end
}

// unclaimed is the end of a call that could not ask the store.
func (r *run) unclaimed(ctx context.Context, err error) ending {
	if ctx.Err() != nil {
		r.stop = r.endedBy(ctx)
	}
	return r.storeFailed(err)
}

// storeFailed ends a call before anything was sent. The claim may have been made
// all the same, and then somebody may carry the operation on: so even the first
// call does not know how it will end.
func (r *run) storeFailed(err error) ending {
	e := &Error{
		Outcome: Unknown, ThisCall: r.tally.thisCall(), Evidence: EvidenceStore, Operation: r.request.op,
		Key: r.request.key, Attempts: r.attempts, retryable: mayBeRepeated(err),
	}
	if r.stop != nil {
		e.causes = append(e.causes, r.stop)
		if r.ended != nil && r.ended != r.stop {
			e.causes = append(e.causes, r.ended)
		}
	}
	e.causes = append(e.causes, fmt.Errorf("%w: %w", ErrStore, r.sanitized(err)))
	return ending{key: r.request.key, err: e}
}

// reused is the end of a call whose ID stands for another request.
func (r *run) reused(rec *store.Record) ending {
	e := &Error{
		Outcome: rec.Outcome(), ThisCall: NotApplied, Evidence: EvidenceMismatch, Operation: r.request.op,
		Key: r.request.key, Recorded: true,
	}
	e.causes = []error{&reusedError{fields: r.differences(rec)}}
	return ending{key: r.request.key, err: e}
}

// absent is the end of a call that was to carry on what is not there.
func (r *run) absent() ending {
	e := &Error{
		Outcome: Unknown, ThisCall: NotApplied, Evidence: EvidenceAbsent, Operation: r.request.op, causes: []error{ErrNotFound},
	}
	return ending{key: r.request.key, err: e}
}

// unusable ends a call that holds an operation whose request it cannot make.
func (r *run) unusable(ctx context.Context, err error) ending {
	r.stop = err
	if r.waits {
		return r.leftWaiting(ctx)
	}
	r.tally.raise(1, r.asked)
	end := r.storeFailed(err)
	end.err.retryable = false
	r.settle(ctx, &end)
	r.letGo()
	return end
}

func statusOf(err error, status fmt.Stringer) string {
	if err != nil {
		return ""
	}
	return status.String()
}
