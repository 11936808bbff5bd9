package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Execer is a transaction of the application: *sql.Tx, *sql.Conn, or whatever
// has this method.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// In returns the moves as part of a transaction of the application's, on the
// database that the store is in. They are durable when it commits, and have not
// happened if it does not. Conflicts are answers and never errors, which would
// make some transactions useless; after any error but store.ErrInvalid and
// store.ErrIllegal it must be rolled back.
//
// They read nothing, so that a Grant's or Begun's Record holds State and Reason
// alone, and of what was acquired the name and nonce: its Token, with the fence 0, is
// proved by the nonce. A Completed's Record is empty. A Grant's Doubt is its Now
// where an earlier delivery is in doubt. Those who watch are not told.
//
// With SQLite begin the transaction as one that writes (BEGIN IMMEDIATE), or
// make a move its first statement: one that has read before cannot write any
// more once others have written, and cannot wait for it either. Other writers,
// the store itself included, wait until it ends.
func (s *Store) In(tx Execer) store.Tx { return &inTx{store: s, tx: tx} }

// inTx makes moves by statements alone, whose conditions are the rule's. The
// tests hold them against the pure moves.
type inTx struct {
	store *Store
	tx    Execer
}

// term is a piece of a statement with its arguments.
type term struct {
	text string
	args []any
}

func is(text string, args ...any) term { return term{text, args} }

// exec runs a statement and reports whether it found anything.
func (t *inTx) exec(ctx context.Context, statement string, args ...any) (bool, error) {
	res, err := t.tx.ExecContext(ctx, t.store.named(statement), args...)
	if err != nil {
		return false, t.store.explain(err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// set changes the record of a name where all conditions hold.
func (t *inTx) set(ctx context.Context, name store.Name, values, where []term) (bool, error) {
	sum := name.Sum()
	text, args := join(values, ",")
	condition, more := join(where, " AND ")
	args = append(append(args, more...), sum[:])
	return t.exec(ctx, "UPDATE {prefix}operation SET "+text+" WHERE "+condition+" AND sum=?", args...)
}

// holds asks whether conditions hold, by writing what is there already.
func (t *inTx) holds(ctx context.Context, name store.Name, where ...term) (bool, error) {
	return t.set(ctx, name, []term{is("sum=sum")}, where)
}

func join(terms []term, by string) (string, []any) {
	var text []string
	var args []any
	for _, t := range terms {
		text, args = append(text, t.text), append(args, t.args...)
	}
	return strings.Join(text, by), args
}

// insert writes a record unless there is one of its name.
func (t *inTx) insert(ctx context.Context, r *store.Record) (bool, error) {
	whole(r)
	sum := r.Name.Sum()
	done, err := t.exec(ctx, insertNew, values(sum[:], r)...)
	if err == nil && done && len(r.Request) > maxInline {
		err = t.large(ctx, r.Name, asideRequest, r.Request)
	}
	return done, err
}

// large keeps the table of large bytes for one part of a record, whose row has
// been written.
func (t *inTx) large(ctx context.Context, name store.Name, part int, b []byte) error {
	sum := name.Sum()
	const seq = "(SELECT seq FROM {prefix}operation WHERE sum=?)"
	_, err := t.exec(ctx, "DELETE FROM {prefix}bytes WHERE part=? AND seq="+seq, part, sum[:])
	if err == nil && len(b) > maxInline {
		_, err = t.exec(ctx, "INSERT INTO {prefix}bytes (seq,part,data) SELECT seq,?,? FROM {prefix}operation WHERE sum=?", part, b, sum[:])
	}
	return err
}

// note adds a line to the trail of a record, unless the protocol has noted it
// before or it is one too many.
func (t *inTx) note(ctx context.Context, name store.Name, now time.Time, e store.Entry) error {
	const fence = "CASE WHEN ?=0 THEN o.fence ELSE ? END"
	sum := name.Sum()
	_, err := t.exec(ctx, "INSERT INTO {prefix}trail (seq,at,fence,generation,event,state,reason,actor,evidence,result) SELECT o.seq,?,"+fence+",o.generation,?,?,?,x'',?,?"+
		" FROM {prefix}operation o WHERE sum=? AND NOT EXISTS (SELECT 1 FROM {prefix}trail e WHERE e.seq=o.seq AND actor=x'' AND e.fence="+fence+
		" AND e.generation=o.generation AND event=? AND e.state=? AND e.reason=? AND evidence=? AND coalesce(e.result,x'')=?)"+
		" AND (SELECT count(*) FROM {prefix}trail e WHERE e.seq=o.seq AND actor=x'')<?",
		now.UnixMicro(), e.Fence, e.Fence, []byte(e.Event), int64(e.State), int64(e.Reason), []byte(e.Evidence), e.Result,
		sum[:], e.Fence, e.Fence, []byte(e.Event), int64(e.State), int64(e.Reason), []byte(e.Evidence), notNil(e.Result), int64(store.MaxTrail))
	return err
}

// standings are the states that a record can be in.
var standings = []struct {
	state  store.State
	reason store.Reason
}{
	{store.StateSucceeded, store.ReasonNone},
	{store.StateInFlight, store.ReasonNone},
	{store.StatePending, store.ReasonNone},
	{store.StateUnknown, store.ReasonNone},
	{store.StateFailed, store.ReasonRefused},
	{store.StateFailed, store.ReasonNotRun},
	{store.StateFailed, store.ReasonCancelled},
}

// standing returns state and reason of a record: absent if there is none.
func (t *inTx) standing(ctx context.Context, name store.Name) (store.Record, error) {
	for _, one := range standings {
		found, err := t.holds(ctx, name, is("state=? AND reason=?", int64(one.state), int64(one.reason)))
		if found || err != nil {
			return store.Record{Name: name, State: one.state, Reason: one.reason}, err
		}
	}
	return store.Record{Name: name}, nil
}

// said is what a caller says of an operation.
func said(i *store.Intent) []term {
	return []term{
		is("owner=?", []byte(i.Owner)), is("on_lapse=?", int64(i.OnLapse)), is("key_window=?", int64(i.Window)), is("retain=?", int64(i.Retain)),
		is("request=?", inline(i.Request)),
	}
}

// askedAgain is Record.mayBeAskedAgain as a condition.
var askedAgain = is("state=4 AND reason=2 AND conflicts=0")

// risen is the fence of a next claim.
func risen(now time.Time) term { return is("fence=max(fence+1,?)", now.UnixMicro()) }

// Begin writes down an operation for a runner to do.
func (t *inTx) Begin(ctx context.Context, intent store.Intent) (store.Begun, error) {
	now := t.store.clock.Now()
	var r store.Record
	if _, err := intent.Apply(&r, now); err != nil {
		return store.Begun{}, err
	}
	done, err := t.insert(ctx, &r)
	if !done && err == nil {
		done, err = t.set(ctx, intent.Name, begunAgain(&intent, &r, now), []term{askedAgain, is("fingerprint=?", intent.Fingerprint[:])})
		if done && err == nil {
			err = t.replaceAll(ctx, &intent)
		}
	}
	switch {
	case err != nil:
		return store.Begun{}, err
	case done:
		return store.Begun{Status: store.BeginCreated, Record: store.Record{Name: intent.Name, State: store.StatePending}}, nil
	}
	return t.begun(ctx, &intent)
}

// begun answers a begin of what was there already.
func (t *inTx) begun(ctx context.Context, intent *store.Intent) (b store.Begun, err error) {
	b.Status = store.BeginExists
	other, err := t.holds(ctx, intent.Name, is("fingerprint<>?", intent.Fingerprint[:]))
	if err != nil {
		return store.Begun{}, err
	}
	if other {
		b.Status = store.BeginMismatched
	}
	b.Record, err = t.standing(ctx, intent.Name)
	return answer(b, err)
}

// replaceAll keeps the large bytes of a record that has begun anew.
func (t *inTx) replaceAll(ctx context.Context, intent *store.Intent) error {
	if err := t.large(ctx, intent.Name, asideRequest, intent.Request); err != nil {
		return err
	}
	return t.large(ctx, intent.Name, asideResult, nil)
}

// begunAgain sets what Intent.Apply sets of an operation that failed without
// having run; r is what it makes of one that is absent.
func begunAgain(i *store.Intent, r *store.Record, now time.Time) []term {
	return append(said(i), risen(now),
		is("state=1,reason=0,next=?,due=?,updated=?", micros(r.Next), micros(r.Next), now.UnixMicro()),
		is("advised=0,lease=NULL,last_held=NULL,abandoned=0,first_sent=NULL,resend=0"),
		is("nonce=?,passes=0,told=0,runner=0", make([]byte, 16)),
		is("settled=NULL,purge_at=NULL,purged=0,notice=NULL,result=NULL,partial=0,aside=?", aside(r)))
}
