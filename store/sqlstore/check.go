package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// open looks at the database before the first move: whether it is one on which
// the store can keep its promises, and has the store's tables.
func (s *Store) open(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	select {
	case s.opening <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.opening }()
	if s.ready.Load() {
		return nil
	}
	if err := s.check(ctx); err != nil {
		return s.explain(err)
	}
	s.ready.Store(true)
	return nil
}

func (s *Store) check(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer drop(conn) // Nobody else shall have its settings.
	if err := s.patiently(ctx, func() error { return s.engine.setUp(ctx, conn, &s.opts) }); err != nil {
		return err
	}
	if s.guard, err = s.engine.guard(ctx, conn); err != nil {
		return err
	}
	return s.inspect(ctx, conn)
}

// inspect looks at the schema and tries how connections stand to each other. It
// changes nothing.
func (s *Store) inspect(ctx context.Context, conn *sql.Conn) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	return s.inside(ctx, conn, true, func() error {
		if err := s.checkVersion(ctx, conn); err != nil {
			return err
		}
		if err := s.compare(ctx, conn, steps); err != nil {
			return err
		}
		return s.probe(ctx, conn)
	})
}

// checkVersion refuses every version of the schema but this program's.
func (s *Store) checkVersion(ctx context.Context, conn queryer) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	version, err := s.version(ctx, conn)
	switch {
	case err != nil:
		return err
	case version == 0:
		return fmt.Errorf("sqlstore: %w: the database has no tables of the store: call Migrate", ErrSchema)
	case version < len(steps):
		return fmt.Errorf("sqlstore: %w: it is of version %d and this program needs %d: call Migrate", ErrSchema, version, len(steps))
	case version > len(steps):
		return newer(version, len(steps))
	}
	return nil
}

func newer(version, known int) error {
	return fmt.Errorf("sqlstore: %w: it is of version %d and this program knows %d", ErrNewerSchema, version, known)
}

// compare looks whether the schema is what its steps make. To know what that is,
// as the engine would write it, it makes them once more under another prefix:
// the caller's transaction is to be rolled back, or at least those tables.
func (s *Store) compare(ctx context.Context, conn *sql.Conn, steps []string) error {
	if len(steps) == 0 {
		return nil
	}
	have, err := s.engine.objects(ctx, conn, s.opts.Prefix)
	if err != nil {
		return err
	}
	want, err := s.expected(ctx, conn, steps)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := have[name]; !ok {
			return fmt.Errorf("sqlstore: %w: %s is missing", ErrSchema, name)
		}
		if have[name] != want[name] {
			return fmt.Errorf("sqlstore: %w: %s was changed", ErrSchema, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			return fmt.Errorf("sqlstore: %w: %s is not the store's", ErrSchema, name)
		}
	}
	return nil
}

const (
	savepoint  = "SAVEPOINT retrysafe_expected"
	undoneTo   = "ROLLBACK TO retrysafe_expected"
	unsaved    = "RELEASE retrysafe_expected"
	otherNames = "expected_"
)

// expected are the objects that the steps make.
func (s *Store) expected(ctx context.Context, conn *sql.Conn, steps []string) (map[string]string, error) {
	prefix := otherNames + s.opts.Prefix
	if err := execAll(conn, savepoint); err != nil {
		return nil, err
	}
	var found map[string]string
	err := func() (err error) {
		for _, step := range steps {
			if err := execAll(conn, statements(strings.ReplaceAll(step, s.opts.Prefix, prefix))...); err != nil {
				return err
			}
		}
		found, err = s.engine.objects(ctx, conn, prefix)
		return err
	}()
	if err := execAll(conn, undoneTo, unsaved); err != nil {
		return nil, err
	}
	want := make(map[string]string, len(found))
	for name, text := range found {
		want[strings.ReplaceAll(name, prefix, s.opts.Prefix)] = strings.ReplaceAll(text, prefix, s.opts.Prefix)
	}
	return want, err
}

func execAll(conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(background(), statement); err != nil {
			return err
		}
	}
	return nil
}

// probeTime is how long a reader may take while a writer is at work.
const probeTime = 2 * time.Second

// probe tries what the store stands on: that another connection of the pool
// reads the same database, at once, and does not see what is not committed. It
// also takes over the high-water mark.
func (s *Store) probe(ctx context.Context, conn *sql.Conn) error {
	const read = "SELECT value FROM {prefix}meta WHERE name='clock'"
	var mark int64
	if err := conn.QueryRowContext(ctx, s.named(read)).Scan(&mark); err != nil {
		return err
	}
	if err := execAll(conn, s.named("UPDATE {prefix}meta SET value=value+1 WHERE name='clock'")); err != nil {
		return err
	}
	var seen int64
	done := make(chan error, 1)
	go func() { done <- s.db.QueryRowContext(ctx, s.named(read)).Scan(&seen) }()
	timer := time.NewTimer(probeTime)
	defer timer.Stop()
	select {
	case err := <-done:
		if err == nil && seen == mark {
			s.clock.raise(mark)
			return nil
		}
		return unusable("the connections of its pool do not stand to each other as they must: another one saw %d for %d: %v", seen, mark, err)
	case <-timer.C:
	case <-ctx.Done():
	}
	// What the reader waits for ends with the transaction.
	_ = execAll(conn, "ROLLBACK")
	<-done
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return unusable("a connection of its pool cannot read while another one writes, or there are too few of them")
}
