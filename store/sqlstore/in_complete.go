package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// completeIn is one completion in a transaction.
type completeIn struct {
	*inTx
	store.Completion
	token store.Token
	now   time.Time
}

// Complete says how a claim ended.
func (t *inTx) Complete(ctx context.Context, token store.Token, completion store.Completion) (store.Completed, error) {
	c := &completeIn{t, completion, token, t.store.clock.Now()}
	if _, err := completion.Apply(&store.Record{}, token, c.now); err != nil {
		return store.Completed{}, err
	}
	for _, try := range []func(context.Context) (store.CompleteStatus, bool, error){c.onHeld, c.onUnchallenged, c.onSettled, c.onOthers} {
		if status, answered, err := try(ctx); answered || err != nil {
			return answer(store.Completed{Status: status}, err)
		}
	}
	return store.Completed{Status: store.CompleteAbsent}, nil
}

// mine is the proof of holding the record.
func (c *completeIn) mine() term {
	return is("nonce=? AND (?=0 OR fence=?)", c.token.Nonce[:], c.token.Fence, c.token.Fence)
}

// mineOrEarlier is the proof of holding the record, or of having held it.
func (c *completeIn) mineOrEarlier() term {
	mine := c.mine()
	return is("("+mine.text+" OR ?>0 AND ?<fence)", append(mine.args, c.token.Fence, c.token.Fence)...)
}

// olderText holds for a record of which the token is of an older generation.
const olderText = "0<? AND ?<generation_fence"

func (c *completeIn) onHeld(ctx context.Context) (store.CompleteStatus, bool, error) {
	held := is("state=2")
	if c.State == store.StatePending {
		found, err := c.holds(ctx, c.token.Name, held, c.mine(), is("(told=1 OR runner=0)"))
		if found || err != nil {
			return 0, true, illegalOr(err, "a release, but somebody may have been told an outcome")
		}
	}
	return c.settle(ctx, held)
}

// settle writes the completion of whoever holds the record in a state, and what
// a claim to reconcile found.
func (c *completeIn) settle(ctx context.Context, state term) (store.CompleteStatus, bool, error) {
	reconciled, err := c.holds(ctx, c.token.Name, state, c.mine(), is("mode=2"))
	if err != nil {
		return 0, false, err
	}
	if reconciled {
		if c.State == store.StateFailed && c.Reason != store.ReasonNotRun {
			return 0, true, illegalOr(nil, "a claim to reconcile can prove that it did not run, not that it was refused")
		}
		err := c.note(ctx, c.token.Name, c.now, store.Entry{Event: store.EventFinding, State: c.State, Reason: c.Reason, Evidence: c.Evidence})
		if err != nil {
			return 0, false, err
		}
	}
	done, err := c.write(ctx, is("?=1", flag(c.Notice)), state, c.mine())
	return store.CompleteDone, done, err
}

func illegalOr(err error, why string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", store.ErrIllegal, why)
}

func (c *completeIn) onUnchallenged(ctx context.Context) (store.CompleteStatus, bool, error) {
	unknown := is("state=5")
	switch c.State {
	case store.StatePending:
		if found, err := c.holds(ctx, c.token.Name, unknown, c.mine()); found || err != nil {
			return 0, true, illegalOr(err, "a release of what is unknown")
		}
		found, err := c.holds(ctx, c.token.Name, is("state=1"), c.mine())
		return store.CompleteRepeated, found, err
	case store.StateUnknown:
		none := is("coalesce(length(result),0)=0 AND aside&2=0")
		if done, err := c.answer(ctx, nil, unknown, c.mine(), none); done || err != nil {
			return store.CompleteRepeated, done, err
		}
		found, err := c.holds(ctx, c.token.Name, unknown, c.mine())
		return store.CompleteRepeated, found, err
	}
	return c.settle(ctx, unknown)
}

func (c *completeIn) onSettled(ctx context.Context) (store.CompleteStatus, bool, error) {
	settled := is("state IN (3,4)")
	if c.State == store.StateUnknown || c.State == store.StatePending {
		found, err := c.holds(ctx, c.token.Name, settled)
		return store.CompleteLost, found, err
	}
	otherwise := is("(state<>? OR state=3 AND "+olderText+")", int64(c.State), c.token.Fence, c.token.Fence)
	if c.Reason == store.ReasonNotRun {
		found, err := c.holds(ctx, c.token.Name, settled, otherwise)
		if found && err == nil {
			err = c.keep(ctx, store.EventLate)
		}
		if found || err != nil {
			return store.CompleteLost, found, err
		}
	}
	at := c.now.UnixMicro()
	done, err := c.set(ctx, c.token.Name, []term{is("conflicts=conflicts+1,updated=?", at)}, []term{settled, otherwise})
	if done && err == nil {
		err = c.keep(ctx, store.EventConflict)
	}
	if done || err != nil {
		return store.CompleteContradicted, done, err
	}
	if !c.Partial {
		done, err := c.answer(ctx, []term{is("updated=?", at)}, is("state=3 AND partial=1 AND purged=0"), c.mineOrEarlier())
		if done || err != nil {
			return store.CompleteDone, done, err
		}
	}
	found, err := c.holds(ctx, c.token.Name, settled)
	return store.CompleteRepeated, found, err
}

// onOthers is a completion by an older holder.
func (c *completeIn) onOthers(ctx context.Context) (store.CompleteStatus, bool, error) {
	others := is("state IN (1,2,5)")
	found, err := c.holds(ctx, c.token.Name, others)
	if !found || err != nil {
		return 0, false, err
	}
	late := c.State != store.StateSucceeded
	if !late && c.token.Fence != 0 {
		late, err = c.holds(ctx, c.token.Name, others, is("created>?", c.token.Fence))
	}
	if late || err != nil {
		return store.CompleteLost, late, errors.Join(err, c.keep(ctx, store.EventLate))
	}
	event := store.EventLate
	proved, err := c.set(ctx, c.token.Name, []term{is("conflicts=conflicts+1")}, []term{
		others, is("(state=1 AND (generation>0 OR nonce=?) OR "+olderText+")", c.token.Nonce[:], c.token.Fence, c.token.Fence),
	})
	if err != nil {
		return 0, false, err
	}
	if proved {
		event = store.EventConflict
	}
	if err := c.keep(ctx, event); err != nil {
		return 0, false, err
	}
	done, err := c.write(ctx, is("(?=1 OR runner=1 OR state=1)", flag(c.Notice)), others)
	return store.CompleteDone, done, err
}

func (c *completeIn) keep(ctx context.Context, event store.Event) error {
	return c.note(ctx, c.token.Name, c.now, store.Entry{
		Fence: c.token.Fence, Event: event, State: c.State, Reason: c.Reason, Evidence: c.Evidence, Result: c.Result,
	})
}

// answer writes the result, and whatever else is to be set.
func (c *completeIn) answer(ctx context.Context, set []term, where ...term) (bool, error) {
	r := store.Record{Result: c.Result}
	set = append(set, is("result=?,partial=?,aside=(aside&1)|?", inline(c.Result), flag(c.Partial), aside(&r)))
	done, err := c.set(ctx, c.token.Name, set, where)
	if done && err == nil {
		err = c.large(ctx, c.token.Name, asideResult, c.Result)
	}
	return done, err
}

// write sets what Completion.write sets. Notice says under which condition a
// settled one is to be told.
func (c *completeIn) write(ctx context.Context, notice term, where ...term) (bool, error) {
	at, next := c.now.UnixMicro(), c.now.Add(c.Retry).UnixMicro()
	set := []term{is("state=?,reason=?,updated=?,lease=NULL", int64(c.State), int64(c.Reason), at)}
	switch c.State {
	case store.StatePending:
		set = append(set, is("next=?,due=?,advised=?,abandoned=0,last_held=NULL,first_sent=NULL,resend=0,passes=passes+1", next, next, flag(c.Advised)))
	case store.StateUnknown:
		set = append(set, is("next=?,due=?,advised=?,abandoned=?,last_held=CASE WHEN mode=2 THEN last_held ELSE ? END,resend=?,passes=passes+runner", next, next, flag(c.Advised), flag(c.Abandoned), at, flag(c.Resend)))
	default:
		set = append(set, is("next=NULL,advised=0,abandoned=0,settled=?,passes=0,last_held=?", at, at),
			is("purge_at=CASE WHEN retain>0 THEN (?+retain)/1000 ELSE purge_at END", c.now.UnixNano()))
		for _, column := range [...]string{"notice", "due"} {
			set = append(set, is(column+"=CASE WHEN "+notice.text+" THEN ? ELSE notice END", append(append([]any(nil), notice.args...), next)...))
		}
		if c.Reason == store.ReasonNotRun {
			set = append(set, is("first_sent=NULL,resend=0"))
		}
	}
	return c.answer(ctx, set, where...)
}
