package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// repair answers a batch whose transaction failed: settles a commit whose
// answer was lost, rolls back anything else, and makes the moves that did not
// take effect one by one, so that one that cannot be made fails alone.
func (s *Store) repair(batch []*move, t *tx, cause error) {
	made, err := s.settle(t, cause)
	for _, m := range batch {
		switch {
		case err != nil:
			m.err = err
		case made:
		case m.alone:
			m.err = s.explain(cause)
		default:
			m.err = s.single(m)
		}
	}
	if made {
		s.tell(t)
	}
}

// settle ends a failed transaction, and reports whether it took effect after
// all. The error is store.ErrCommitUnknown if that cannot be told.
func (s *Store) settle(t *tx, cause error) (made bool, err error) {
	var commit *lost
	if !errors.As(cause, &commit) {
		if err := s.session.exec("ROLLBACK"); err != nil {
			s.dropSession()
		}
		return false, nil
	}
	// The old connection's transaction ends with it, and a new one that may
	// write shows that it has: what is read then stays true.
	s.dropSession()
	ctx, cancel := context.WithTimeout(background(), settleTime)
	defer cancel()
	if err := s.begin(ctx, false); err != nil {
		return false, unknown(commit, err)
	}
	made, err = s.landed(t)
	if rollback := s.session.exec("ROLLBACK"); rollback != nil {
		s.dropSession()
	}
	if err != nil {
		return false, unknown(commit, err)
	}
	return made, nil
}

const settleTime = 5 * time.Second

func unknown(commit *lost, why error) error {
	return fmt.Errorf("sqlstore: %w: %w, and then: %w", store.ErrCommitUnknown, commit, why)
}

var errUntellable = errors.New("what it wrote has been changed since")

// landed looks for what a transaction wrote. One record that is as it wrote it,
// or as it was before, tells for all.
func (s *Store) landed(t *tx) (bool, error) {
	before, after := t.span()
	for sum := range after {
		f, err := queryOne(background(), s.session.read, sum[:])
		if err != nil {
			return false, err
		}
		switch r := f.record; {
		case sameVersion(&r, after[sum]):
			return true, nil
		case sameVersion(&r, before[sum]):
			return false, nil
		}
	}
	if len(after) == 0 {
		return true, nil // there was nothing to lose
	}
	return false, errUntellable
}

// span is every record before and after a transaction, which may have made
// several moves on one.
func (t *tx) span() (before, after map[[16]byte]*store.Record) {
	before, after = make(map[[16]byte]*store.Record), make(map[[16]byte]*store.Record)
	for i := range t.written {
		w := &t.written[i]
		if before[w.sum] == nil {
			before[w.sum] = &w.before
		}
		after[w.sum] = &w.after
	}
	return before, after
}

// sameVersion reports whether two records are one state of one operation: no
// move leaves all of these as they were.
func sameVersion(a, b *store.Record) bool {
	return a.State == b.State && a.Fence == b.Fence && a.Nonce == b.Nonce && a.Updated.Equal(b.Updated) && a.Lease.Equal(b.Lease) &&
		a.Notice.Equal(b.Notice) && a.Conflicts == b.Conflicts && a.Purged == b.Purged
}

// single makes one move in a transaction of its own.
func (s *Store) single(m *move) error {
	ctx, cancel := context.WithTimeout(background(), settleTime)
	defer cancel()
	if err := s.begin(ctx, false); err != nil {
		return err
	}
	t, err := s.run([]*move{m})
	if err == nil {
		err = s.commit(t)
	}
	if err == nil {
		s.tell(t)
		return m.err
	}
	made, settled := s.settle(t, err)
	if made {
		s.tell(t)
		return m.err
	}
	if settled != nil {
		return settled
	}
	return s.explain(err)
}
