package sqlstore

import (
	"context"
	"errors"

	"github.com/retrysafe/retrysafe/store"
)

// do makes a move: queues it, and commits it together with what else is
// queued, unless another caller does. A ctx that ends before the move was begun
// keeps it from happening; after that the answer is what happened.
func (s *Store) do(ctx context.Context, m *move) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if err := s.queue.join(ctx, m); err != nil {
		return err
	}
	lead, err := s.queue.wait(ctx, m)
	if !lead {
		return err
	}
	if err := s.lead(ctx); err != nil {
		s.queue.leave(m)
		return err
	}
	return m.err
}

// lead begins a transaction and commits in it what is queued by then. The error
// is of a transaction that could not be begun.
func (s *Store) lead(ctx context.Context) error {
	lazy := s.queue.lazy()
	if err := s.begin(ctx, lazy); err != nil {
		return err
	}
	batch, ended := s.queue.take(lazy), false
	defer func() {
		if !ended { // a Batch's fn panicked
			s.dropSession()
		}
		s.queue.finish(batch)
	}()
	s.perform(batch)
	ended = true
	return nil
}

// perform makes the moves of a batch in the transaction that was begun, and answers them.
func (s *Store) perform(batch []*move) {
	t, err := s.run(batch)
	if err == nil {
		err = s.commit(t)
	}
	if err == nil {
		s.tell(t)
		return
	}
	s.repair(batch, t, err)
}

// begin opens the session if there is none, and a transaction on it.
func (s *Store) begin(ctx context.Context, lazy bool) error {
	if err := s.guard(); err != nil {
		return err
	}
	if s.session == nil {
		w, err := s.openSession(ctx)
		if err != nil {
			return s.explain(err)
		}
		s.session = w
	}
	err := s.patiently(ctx, func() error {
		if err := s.session.durability(lazy); err != nil {
			return err
		}
		return s.session.exec(s.engine.begin)
	})
	if err != nil && !errors.Is(err, ErrBusy) {
		s.dropSession()
	}
	return s.explain(err)
}

func (s *Store) dropSession() {
	if s.session != nil {
		s.session.discard()
		s.session = nil
	}
}

// run makes the moves of a batch in the transaction that was begun. The error
// is the first that is not of a move itself: nothing of the batch may stay.
func (s *Store) run(batch []*move) (*tx, error) {
	t := &tx{store: s, session: s.session}
	for _, m := range batch {
		if m.err = m.make(t); m.err != nil && !says(m.err) {
			return t, m.err
		}
	}
	return t, s.saveMark(t)
}

// make makes a move, by its fast path if that is open.
func (m *move) make(t *tx) error {
	if m.fast != nil {
		if done, err := m.fast(t); done || err != nil {
			return err
		}
	}
	return m.slow(t)
}

// says reports whether an error is a move's own answer, after which a
// transaction is as good as before.
func says(err error) bool {
	return errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrIllegal) || errors.Is(err, store.ErrNotFound)
}

// saveMark writes the high-water mark if it is time to, and takes over that of
// other processes.
func (s *Store) saveMark(t *tx) error {
	if len(t.written) == 0 {
		return nil
	}
	now := t.written[len(t.written)-1].after.Updated.UnixMicro()
	if now-s.clock.saved.Load() < markEvery.Microseconds() {
		return nil
	}
	var mark int64
	err := t.session.conn.QueryRowContext(background(), s.named(raiseMark), now).Scan(&mark)
	if err != nil {
		return err
	}
	s.clock.saved.Store(now)
	s.clock.raise(mark)
	return nil
}

const raiseMark = "UPDATE {prefix}meta SET value=max(value,?) WHERE name='clock' RETURNING value"

// lost is the error of a commit: whether it took effect is not known.
type lost struct{ cause error }

func (l *lost) Error() string { return "commit: " + l.cause.Error() }
func (l *lost) Unwrap() error { return l.cause }

func (s *Store) commit(t *tx) error {
	if err := s.session.exec("COMMIT"); err != nil {
		return &lost{err}
	}
	return nil
}

// tell wakes those who watch what was changed, other than by a renewal or a
// taken notice.
func (s *Store) tell(t *tx) {
	for _, w := range t.written {
		if !w.after.Updated.Equal(w.before.Updated) {
			s.watched.Tell(w.sum)
		}
	}
}

func (s *Store) explain(err error) error {
	if err == nil {
		return nil
	}
	return s.engine.explain(err)
}

// end closes the connections that the store has for itself.
func (s *Store) end() error {
	s.readers.close()
	s.dropSession()
	return nil
}
