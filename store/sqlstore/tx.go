package sqlstore

import (
	"bytes"
	"reflect"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// tx is a transaction of the session: what it changed is known, so that a lost
// commit can be told by reading.
type tx struct {
	store   *Store
	session *session
	written []written
}

// written is one change: the record before and after it.
type written struct {
	sum           [16]byte
	before, after store.Record
}

// move makes one move by its rule: read the record, apply, write it.
func (t *tx) move(name store.Name, apply func(r *store.Record, now time.Time) error) (store.Record, error) {
	return t.moveSum(name.Sum(), apply)
}

func (t *tx) moveSum(sum [16]byte, apply func(r *store.Record, now time.Time) error) (store.Record, error) {
	f, err := queryOne(background(), t.session.read, sum[:])
	if err != nil {
		return store.Record{}, err
	}
	before := f.record
	after := f.record
	if err := apply(&after, t.store.clock.Now()); err != nil {
		return store.Record{}, err
	}
	whole(&after)
	if reflect.DeepEqual(before, after) {
		return after, nil
	}
	return after, t.write(sum, f.seq, &before, &after)
}

func (t *tx) write(sum [16]byte, seq int64, before, after *store.Record) error {
	if seq == 0 {
		_, err := t.insert(sum, after)
		return err
	}
	if _, err := t.session.update.ExecContext(background(), append(values(sum[:], after), seq)...); err != nil {
		return err
	}
	for part, b := range [...][2][]byte{{before.Request, after.Request}, {before.Result, after.Result}} {
		if bytes.Equal(b[0], b[1]) {
			continue
		}
		if err := t.replaceBytes(seq, part+1, b[0], b[1]); err != nil {
			return err
		}
	}
	if err := t.note(seq, after.Trail); err != nil {
		return err
	}
	t.keep(sum, before, after)
	return nil
}

func (t *tx) keep(sum [16]byte, before, after *store.Record) {
	w := written{sum: sum, before: *before, after: *after}
	for _, r := range [...]*store.Record{&w.before, &w.after} {
		r.Request, r.Result, r.Trail = nil, nil, nil
	}
	t.written = append(t.written, w)
}

// insert writes a record that was absent, unless it no longer is.
func (t *tx) insert(sum [16]byte, r *store.Record) (bool, error) {
	res, err := t.session.insert.ExecContext(background(), values(sum[:], r)...)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return false, err
	}
	for part, b := range [...][]byte{r.Request, r.Result} {
		if len(b) <= maxInline {
			continue
		}
		seq, err := res.LastInsertId()
		if err != nil {
			return false, err
		}
		if err := t.replaceBytes(seq, part+1, nil, b); err != nil {
			return false, err
		}
	}
	t.keep(sum, &store.Record{}, r)
	return true, nil
}

// replaceBytes keeps the table of large bytes.
func (t *tx) replaceBytes(seq int64, part int, old, now []byte) error {
	if len(old) > maxInline {
		if err := t.exec("DELETE FROM {prefix}bytes WHERE seq=? AND part=?", seq, part); err != nil {
			return err
		}
	}
	if len(now) <= maxInline {
		return nil
	}
	return t.exec("INSERT INTO {prefix}bytes (seq,part,data) VALUES (?,?,?)", seq, part, now)
}

func (t *tx) exec(statement string, args ...any) error {
	return t.session.exec(t.store.named(statement), args...)
}

// complete writes the completion of a record that was held when it was read,
// unless it no longer is.
func (t *tx) complete(sum [16]byte, before, r *store.Record) (bool, error) {
	res, err := t.session.complete.ExecContext(background(),
		int64(r.State), int64(r.Reason), int64(r.Passes), micros(r.Next), flag(r.Advised), flag(r.Abandoned), flag(r.Resend), micros(r.FirstSent), micros(r.LastHeld),
		micros(r.Updated), micros(r.Settled), micros(r.PurgeAt), micros(r.Notice), inline(r.Result), flag(r.Partial), micros(r.Due()), sum[:], before.Nonce[:], before.Fence)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if n > 0 {
		t.keep(sum, before, r)
	}
	return n > 0, err
}
