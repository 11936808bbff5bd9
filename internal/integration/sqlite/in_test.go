package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
	"github.com/retrysafe/retrysafe/store/storetest"
)

// inside makes Begin, Claim and Complete through In, each in a transaction of
// its own, and everything else through the store. What In does not tell of a
// record is read afterwards.
type inside struct {
	store.Admin
	store.Notifier
	store.Batcher
	store.Capable
	*base
	db *sql.DB
}

// base hides that the store is a Watcher: nobody is told of moves through In.
type base struct{ s *sqlstore.Store }

func (b *base) Renew(ctx context.Context, lease time.Duration, tokens []store.Token) ([]bool, error) {
	return b.s.Renew(ctx, lease, tokens)
}

func (b *base) Get(ctx context.Context, name store.Name) (store.Record, error) {
	return b.s.Get(ctx, name)
}

// transaction runs fn in one that writes, and commits it unless fn fails.
func transaction(ctx context.Context, db *sql.DB, fn func(tx *sql.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout=5000"); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	end := "COMMIT"
	if err = fn(conn); err != nil {
		end = "ROLLBACK"
	}
	_, ended := conn.ExecContext(context.WithoutCancel(ctx), end)
	return errors.Join(err, ended)
}

func (s inside) read(name store.Name) store.Record {
	r, _ := s.Get(context.Background(), name)
	return r
}

func (s inside) Begin(ctx context.Context, intent store.Intent) (b store.Begun, err error) {
	err = transaction(ctx, s.db, func(tx *sql.Conn) error { b, err = s.s.In(tx).Begin(ctx, intent); return err })
	if err != nil {
		return store.Begun{}, err
	}
	r := s.read(intent.Name)
	if b.Record.State != r.State || b.Record.Reason != r.Reason {
		return b, errors.New("a begin says " + b.Record.State.String() + ", and it is " + r.State.String())
	}
	b.Record, b.Record.Trail = r, nil
	return b, nil
}

func (s inside) Claim(ctx context.Context, claim store.Claim) (g store.Grant, err error) {
	old := s.read(claim.Name)
	err = transaction(ctx, s.db, func(tx *sql.Conn) error { g, err = s.s.In(tx).Claim(ctx, claim); return err })
	if err != nil {
		return store.Grant{}, err
	}
	r := s.read(claim.Name)
	if g.Record.State != r.State || g.Record.Reason != r.Reason {
		return g, errors.New("a claim says " + g.Record.State.String() + ", and it is " + r.State.String())
	}
	doubt := old.LastHeld
	if old.State == store.StateInFlight && old.Nonce != claim.Nonce && old.Mode != store.ModeReconcile {
		doubt = old.Lease
	}
	if !g.Doubt.IsZero() {
		if g.Doubt.Before(doubt) {
			return g, errors.New("a claim says that nothing began later than is known")
		}
		g.Doubt = doubt
	}
	g.Record, g.Record.Trail = r, nil
	return g, nil
}

func (s inside) Complete(ctx context.Context, token store.Token, completion store.Completion) (c store.Completed, err error) {
	old, now := s.read(token.Name), s.now()
	err = transaction(ctx, s.db, func(tx *sql.Conn) error { c, err = s.s.In(tx).Complete(ctx, token, completion); return err })
	if err != nil {
		return store.Completed{}, err
	}
	c.Record = s.read(token.Name)
	old.Trail = nil
	_, _ = completion.Apply(&old, token, now)
	c.Record.Trail = old.Trail
	return c, nil
}

// now is the store's time: a sweep of what is not there changes nothing.
func (s inside) now() time.Time {
	g, _ := s.s.Claim(context.Background(), store.Claim{Intent: store.Intent{Name: store.Name{Kind: "clock", ID: "nothing"}}, Mode: store.ModeSweep})
	return g.Now
}

// TestInsideATransactionTheAnswersAreTheSame runs the whole suite through In.
func TestInsideATransactionTheAnswersAreTheSame(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		db := pool(t, file(t))
		subject := leapingOn(t, db)
		s := subject.Store.(*sqlstore.Store)
		subject.Store = inside{s, s, s, s, &base{s}, db}
		return subject
	})
}
