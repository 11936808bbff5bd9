package sqlstore

import (
	"context"

	"github.com/retrysafe/retrysafe/store"
)

// look reads a record, without its trail: it sees the latest commit at its
// beginning, and waits for no writer.
func (s *Store) look(ctx context.Context, name store.Name) (f found, err error) {
	sum := name.Sum()
	err = s.reading(ctx, func(r *reader) error {
		f, err = queryOne(background(), r.one, sum[:])
		return err
	})
	return f, err
}

// reading calls fn, which only reads, with a connection, and again if others
// hold a lock.
func (s *Store) reading(ctx context.Context, fn func(*reader) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if err := s.guard(); err != nil {
		return err
	}
	return s.explain(s.patiently(ctx, func() error { return s.readers.with(ctx, s.one, fn) }))
}

// usable opens the store if that was not done, unless it was closed.
func (s *Store) usable(ctx context.Context) error {
	switch {
	case s.queue.isClosed():
		return store.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return s.open(ctx)
}

// Get reads a record with its trail.
func (s *Store) Get(ctx context.Context, name store.Name) (record store.Record, err error) {
	sum := name.Sum()
	err = s.reading(ctx, func(r *reader) error {
		record, err = s.get(r, sum)
		return err
	})
	return answer(record, err)
}

// get reads record and trail from one state of the database.
func (s *Store) get(r *reader, sum [16]byte) (store.Record, error) {
	if err := execAll(r.conn, "BEGIN"); err != nil {
		return store.Record{}, err
	}
	defer func() { _ = execAll(r.conn, "ROLLBACK") }()
	f, err := queryOne(background(), r.one, sum[:])
	switch {
	case err != nil:
		return store.Record{}, err
	case f.seq == 0:
		return store.Record{}, store.ErrNotFound
	}
	f.record.Trail, err = s.trail(background(), r.conn, f.seq)
	return f.record, err
}

// scan reads the rows of a query.
func (s *Store) scan(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	return s.reading(ctx, func(r *reader) error {
		rows, err := r.conn.QueryContext(ctx, s.named(query), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := each(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
