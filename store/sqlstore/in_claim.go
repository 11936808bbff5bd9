package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// claimIn is one claim in a transaction.
type claimIn struct {
	*inTx
	store.Claim
	now time.Time
}

// Claim asks to hold an operation.
func (t *inTx) Claim(ctx context.Context, claim store.Claim) (store.Grant, error) {
	c := &claimIn{t, claim, t.store.clock.Now()}
	var r store.Record
	g, err := claim.Apply(&r, c.now)
	if err != nil {
		return store.Grant{}, err
	}
	if g.Status == store.ClaimAcquired {
		if done, err := t.insert(ctx, &r); done || err != nil {
			return answer(c.acquired(store.StateAbsent, store.ReasonNone, time.Time{}), err)
		}
	}
	for _, try := range []func(context.Context) (store.Grant, bool, error){
		c.mismatched, c.repeated, c.onPending, c.onHeld, c.onLapsed, c.onUnknown, c.onFailed,
	} {
		if g, answered, err := try(ctx); answered || err != nil {
			return answer(g, err)
		}
	}
	return c.unchanged(ctx)
}

func (c *claimIn) acquired(from store.State, reason store.Reason, doubt time.Time) store.Grant {
	return store.Grant{
		Status: store.ClaimAcquired, From: from, Reason: reason, Doubt: doubt, Now: c.now,
		Record: store.Record{Name: c.Name, State: store.StateInFlight, Nonce: c.Nonce},
	}
}

func (c *claimIn) left(status store.ClaimStatus, r store.Record) store.Grant {
	return store.Grant{Status: status, From: r.State, Reason: r.Reason, Record: r, Now: c.now}
}

// ask answers with a status if the conditions hold.
func (c *claimIn) ask(ctx context.Context, status store.ClaimStatus, state store.State, where ...term) (store.Grant, bool, error) {
	found, err := c.holds(ctx, c.Name, append(where, is("state=?", int64(state)))...)
	return c.left(status, store.Record{Name: c.Name, State: state}), found, err
}

func (c *claimIn) mismatched(ctx context.Context) (store.Grant, bool, error) {
	if c.Mode != store.ModeCall {
		return store.Grant{}, false, nil
	}
	found, err := c.holds(ctx, c.Name, is("fingerprint<>?", c.Fingerprint[:]))
	if !found || err != nil {
		return store.Grant{}, false, err
	}
	r, err := c.standing(ctx, c.Name)
	return c.left(store.ClaimMismatched, r), true, err
}

// repeated answers a claim that was granted already.
func (c *claimIn) repeated(ctx context.Context) (store.Grant, bool, error) {
	if c.Mode == store.ModeSweep {
		return store.Grant{}, false, nil
	}
	mine := is("state=2 AND nonce=?", c.Nonce[:])
	if found, err := c.holds(ctx, c.Name, mine); !found || err != nil {
		return store.Grant{}, false, err
	}
	first, err := c.holds(ctx, c.Name, mine, is("claims=1"))
	if first {
		return c.acquired(store.StateAbsent, store.ReasonNone, time.Time{}), true, err
	}
	return c.acquired(store.StateUnknown, store.ReasonNone, c.now), true, err
}

func (c *claimIn) onPending(ctx context.Context) (store.Grant, bool, error) {
	if c.Mode == store.ModeCall || c.Mode == store.ModeResume {
		due := is("(next<=? OR ?=1 AND advised=0)", c.now.UnixMicro(), flag(c.Force))
		g, done, err := c.take(ctx, store.StatePending, time.Time{}, due)
		if done || err != nil {
			return g, done, err
		}
	}
	return c.ask(ctx, store.ClaimNotDue, store.StatePending)
}

// onHeld answers while nobody may take over: the lease lasts, or a sweep finds
// what may be sent again.
func (c *claimIn) onHeld(ctx context.Context) (store.Grant, bool, error) {
	lasts := is("lease>?", c.now.UnixMicro())
	if c.Mode == store.ModeSweep {
		again := c.mayCarryOn()
		lasts = is("("+lasts.text+" OR "+again.text+")", append(lasts.args, again.args...)...)
	}
	return c.ask(ctx, store.ClaimHeld, store.StateInFlight, lasts)
}

// onLapsed takes over, or makes unknown what may not be sent again.
func (c *claimIn) onLapsed(ctx context.Context) (store.Grant, bool, error) {
	if c.Mode != store.ModeSweep {
		g, done, err := c.take(ctx, store.StateInFlight, c.now, c.mayCarryOn())
		if done || err != nil {
			return g, done, err
		}
	}
	at := c.now.UnixMicro()
	done, err := c.set(ctx, c.Name, []term{is("state=5,last_held=CASE WHEN mode=2 THEN last_held ELSE lease END,updated=?,next=?,due=?,lease=NULL,advised=0,abandoned=1", at, at, at)},
		[]term{is("state=2")})
	if !done || err != nil {
		return store.Grant{}, false, err
	}
	if err := c.note(ctx, c.Name, c.now, store.Entry{Event: store.EventLapsed, State: store.StateUnknown}); err != nil {
		return store.Grant{}, false, err
	}
	if c.Mode == store.ModeReconcile {
		g, done, err := c.take(ctx, store.StateUnknown, c.now)
		g.From = store.StateInFlight
		return g, done, err
	}
	g := c.left(store.ClaimUnknown, store.Record{Name: c.Name, State: store.StateUnknown})
	g.From = store.StateInFlight
	return g, true, nil
}

func (c *claimIn) onUnknown(ctx context.Context) (store.Grant, bool, error) {
	if c.Mode == store.ModeCall || c.Mode == store.ModeSweep {
		return c.ask(ctx, store.ClaimUnknown, store.StateUnknown)
	}
	waiting := is("next>?", c.now.UnixMicro())
	if c.Runner {
		if g, answered, err := c.ask(ctx, store.ClaimNotDue, store.StateUnknown, waiting); answered || err != nil {
			return g, answered, err
		}
	}
	if c.Mode == store.ModeReconcile {
		return c.take(ctx, store.StateUnknown, c.now)
	}
	useful := c.useful()
	if !c.Runner {
		if g, answered, err := c.ask(ctx, store.ClaimNotDue, store.StateUnknown, useful, waiting, is("advised=1")); answered || err != nil {
			return g, answered, err
		}
		later := c.notWaited("updated")
		useful = is(useful.text+" AND (abandoned=1 OR ("+later.text+"))", append(useful.args, later.args...)...)
	}
	if g, done, err := c.take(ctx, store.StateUnknown, c.now, useful); done || err != nil {
		return g, done, err
	}
	return c.ask(ctx, store.ClaimUnknown, store.StateUnknown)
}

func (c *claimIn) onFailed(ctx context.Context) (store.Grant, bool, error) {
	if c.Mode != store.ModeCall || c.Runner {
		return store.Grant{}, false, nil
	}
	g, done, err := c.take(ctx, store.StateFailed, time.Time{}, askedAgain, c.notWaited("settled"))
	g.Reason = store.ReasonNotRun
	return g, done, err
}

// unchanged answers for what is settled, and for what is not there.
func (c *claimIn) unchanged(ctx context.Context) (store.Grant, error) {
	r, err := c.standing(ctx, c.Name)
	switch {
	case err != nil:
		return store.Grant{}, err
	case r.State == store.StateSucceeded || r.State == store.StateFailed:
		return c.left(store.ClaimSettled, r), nil
	case r.State == store.StateAbsent && c.Mode != store.ModeCall:
		return c.left(store.ClaimAbsent, r), nil
	}
	return store.Grant{}, fmt.Errorf("sqlstore: %w: an operation in no state that is known", ErrSchema)
}

// notWaited is the opposite of Claim.waitedFor as a condition.
func (c *claimIn) notWaited(column string) term {
	return is("(?=0 OR fence<>?) AND "+column+"<=?", c.Waited, c.Waited, c.now.Add(-c.Age).UnixMicro())
}

// open is Record.open as a condition.
func (c *claimIn) open() term {
	within := c.Within
	if c.Runner {
		within = 0
	}
	return is("(first_sent IS NULL OR ?<first_sent*1000+CASE WHEN key_window=0 THEN ? ELSE key_window END)", c.now.UnixNano(), int64(within))
}

// mayCarryOn is Claim.mayCarryOn as a condition.
func (c *claimIn) mayCarryOn() term {
	open := c.open()
	return is("(on_lapse=2 OR on_lapse=1 AND NOT (mode=2 AND resend=0) AND "+open.text+")", open.args...)
}

// useful says of what is unknown that sending it again may tell.
func (c *claimIn) useful() term {
	open := c.open()
	return is("(resend=1 AND (on_lapse=2 OR on_lapse=1 AND "+open.text+"))", open.args...)
}

// take sets what Claim.take sets of a record in a state.
func (c *claimIn) take(ctx context.Context, from store.State, doubt time.Time, where ...term) (store.Grant, bool, error) {
	fresh := from == store.StateFailed
	done, err := c.set(ctx, c.Name, c.taken(from, fresh), append(where, is("state=?", int64(from))))
	switch {
	case !done || err != nil:
		return store.Grant{}, false, err
	case fresh:
		err = c.replaceAll(ctx, &c.Intent)
	case c.mayReword(from):
		err = c.reword(ctx)
	}
	return c.acquired(from, store.ReasonNone, doubt), true, err
}

func (c *claimIn) taken(from store.State, fresh bool) []term {
	at, until := c.now.UnixMicro(), c.now.Add(c.Lease).UnixMicro()
	set := []term{
		risen(c.now),
		is("state=2,reason=0,nonce=?,mode=?,runner=?,claims=claims+1", c.Nonce[:], int64(c.Mode), flag(c.Runner)),
		is("lease=?,due=?,next=NULL,updated=?,advised=0,abandoned=0,purged=0,settled=NULL,purge_at=NULL,notice=NULL", until, until, at),
	}
	if from == store.StateInFlight {
		set = append(set, is("last_held=CASE WHEN mode=2 THEN last_held ELSE lease END"))
	}
	if c.Mode != store.ModeReconcile {
		set = append(set, is("resend=1,first_sent=coalesce(first_sent,?)", at))
	}
	told := is("told=max(told,?)", flag(!c.Runner))
	if fresh {
		r := store.Record{Request: c.Request}
		told = is("told=?,fingerprint=?,result=NULL,partial=0,passes=0,aside=?", flag(!c.Runner), c.Fingerprint[:], aside(&r))
		set = append(set, said(&c.Intent)...)
	}
	return append(set, told)
}

// mayReword: a call of the application says anew what a reopened operation asks
// for.
func (c *claimIn) mayReword(from store.State) bool {
	return c.Mode == store.ModeCall && !c.Runner && from == store.StatePending
}

func (c *claimIn) reword(ctx context.Context) error {
	r := store.Record{Request: c.Request}
	done, err := c.set(ctx, c.Name, append(said(&c.Intent), is("aside=(aside&2)|?", aside(&r))), []term{is("generation>0")})
	if done && err == nil {
		err = c.large(ctx, c.Name, asideRequest, c.Request)
	}
	return err
}
