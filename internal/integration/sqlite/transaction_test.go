package sqlite_test

import (
	"errors"
	"testing"

	"github.com/retrysafe/retrysafe/store"
)

// TestAMoveIsPartOfTheApplicationsTransaction: it stands and falls with it.
func TestAMoveIsPartOfTheApplicationsTransaction(t *testing.T) {
	db := pool(t, file(t))
	s := migrated(t, db, nil)
	if _, err := db.Exec("CREATE TABLE orders (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	for id, commit := range map[int64]bool{1: false, 2: true} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.In(tx).Begin(t.Context(), store.Intent{Name: order(id), Request: make([]byte, 5000)})
		if err != nil || b.Status != store.BeginCreated {
			t.Fatal(b.Status, err)
		}
		if _, err := tx.Exec("INSERT INTO orders VALUES (?)", id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), order(id)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before the commit: %v", err)
		}
		if commit {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Get(t.Context(), order(id))
		if commit != (err == nil) {
			t.Errorf("commit=%t: %v", commit, err)
		}
		if commit && (r.State != store.StatePending || len(r.Request) != 5000) {
			t.Errorf("it is %s with %d bytes", r.State, len(r.Request))
		}
	}
}

// TestAConflictInsideATransactionIsAnAnswer, and the transaction goes on.
func TestAConflictInsideATransactionIsAnAnswer(t *testing.T) {
	db := pool(t, file(t))
	s := migrated(t, db, nil)
	held, err := s.Claim(t.Context(), claimOf(order(1)))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.In(tx).Claim(t.Context(), claimOf(order(1)))
	if err != nil || g.Status != store.ClaimHeld {
		t.Errorf("a claim: %v, %v", g.Status, err)
	}
	stranger := store.Token{Name: order(1), Nonce: store.Nonce{9}}
	c, err := s.In(tx).Complete(t.Context(), stranger, store.Completion{State: store.StateUnknown})
	if err != nil || c.Status != store.CompleteLost {
		t.Errorf("a stranger's completion: %v, %v", c.Status, err)
	}
	own, err := s.In(tx).Claim(t.Context(), claimOf(order(2)))
	if err != nil || own.Status != store.ClaimAcquired || own.Record.Token().Fence != 0 {
		t.Errorf("another claim: %v, %v", own.Status, err)
	}
	if c, err := s.In(tx).Complete(t.Context(), own.Record.Token(), applied); err != nil || c.Status != store.CompleteDone {
		t.Errorf("its completion: %v, %v", c.Status, err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Complete(t.Context(), held.Record.Token(), applied); err != nil || c.Status != store.CompleteDone {
		t.Errorf("the holder's completion: %v, %v", c.Status, err)
	}
	if r, err := s.Get(t.Context(), order(2)); err != nil || r.State != store.StateSucceeded {
		t.Errorf("the other: %v, %v", r.State, err)
	}
}
