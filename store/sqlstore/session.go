package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// session is the connection that writes, with its statements. Only whoever
// leads the queue uses it.
type session struct {
	conn     *sql.Conn
	engine   *engine
	lazy     bool // commits do not wait for the disk at present
	read     *sql.Stmt
	insert   *sql.Stmt
	update   *sql.Stmt
	complete *sql.Stmt
	renew    *sql.Stmt
	prepared []*sql.Stmt
}

// background is for statements on behalf of several callers, and for those
// whose end must be known: none of them may be cut short by one context.
var background = context.Background

// openSession takes a connection from the pool and prepares it.
func (s *Store) openSession(ctx context.Context) (_ *session, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &session{conn: conn, engine: s.engine}
	defer func() {
		if err != nil {
			w.discard()
		}
	}()
	if err := s.patiently(ctx, func() error { return s.engine.setUp(ctx, conn, &s.opts) }); err != nil {
		return nil, err
	}
	if err := s.checkVersion(ctx, conn); err != nil {
		return nil, err
	}
	return w, w.prepare(ctx, s)
}

func (w *session) prepare(ctx context.Context, s *Store) error {
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.read, selectOne},
		{&w.insert, insertNew},
		{&w.update, updateAll},
		{&w.complete, completeHeld},
		{&w.renew, renewHeld},
	} {
		stmt, err := w.conn.PrepareContext(ctx, s.named(p.text))
		if err != nil {
			return fmt.Errorf("sqlstore: %w: %w", ErrSchema, err)
		}
		*p.stmt = stmt
		w.prepared = append(w.prepared, stmt)
	}
	return nil
}

// exec runs a statement that is too rare to be kept prepared.
func (w *session) exec(statement string, args ...any) error {
	_, err := w.conn.ExecContext(background(), statement, args...)
	return err
}

// durability says whether the next transaction's commit waits for the disk.
func (w *session) durability(lazy bool) error {
	if w.lazy == lazy {
		return nil
	}
	say := w.engine.durable
	if lazy {
		say = w.engine.lazy
	}
	if err := w.exec(say); err != nil {
		return err
	}
	w.lazy = lazy
	return nil
}

// discard closes the connection instead of giving it back: whatever state it is
// in, and with the settings that it has, nobody else shall have it.
func (w *session) discard() {
	for _, stmt := range w.prepared {
		stmt.Close()
	}
	drop(w.conn)
}

// drop closes a connection for good.
func drop(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	conn.Close()
}

// How long others may keep the database locked: for the engine's own patience
// many times over, until the caller's time is up.
const (
	patience     = 30 * time.Second
	lockTimeout  = 50 * time.Millisecond
	firstPause   = time.Millisecond
	longestPause = 20 * time.Millisecond
)

// patiently repeats what others' locks keep from happening. Fn must not have
// done anything when it is busy.
func (s *Store) patiently(ctx context.Context, fn func() error) error {
	until, pause := time.Now().Add(patience), firstPause
	for {
		err := fn()
		if !s.engine.busy(err) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("sqlstore: %w: %w", ErrBusy, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("sqlstore: %w: %w: %w", ErrBusy, context.Cause(ctx), err)
		}
		pause = min(2*pause, longestPause)
	}
}

var (
	selectOne = "SELECT " + allColumns + " FROM {prefix}operation o WHERE sum=?"
	insertNew = "INSERT INTO {prefix}operation (" + strings.Join(columns[:], ",") + ") VALUES (" + list(len(columns)) + ") ON CONFLICT (sum) DO NOTHING"
	updateAll = "UPDATE {prefix}operation SET " + strings.Join(columns[:], "=?,") + "=? WHERE seq=?"
)

// The holder's completion sets what Completion.Apply may change of a record that
// is held; the token, as long as the record is in flight, vouches for the rest
// except the lease.
const completeHeld = "UPDATE {prefix}operation SET state=?,reason=?,passes=?,lease=NULL,next=?,advised=?,abandoned=?,resend=?,first_sent=?,last_held=?," +
	"updated=?,settled=?,purge_at=?,notice=?,result=?,partial=?,aside=aside&1,due=? WHERE sum=? AND state=2 AND nonce=? AND fence=? AND aside&2=0"

const renewHeld = "UPDATE {prefix}operation SET lease=max(lease,?),due=max(lease,?) WHERE sum=? AND state=2 AND nonce=? AND (?=0 OR fence=?)"
