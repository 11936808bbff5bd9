package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
)

// Migrate makes the store's tables, or brings them up to date. Several
// processes may call it at once. The errors are ErrUnusable for a database that
// the store does not work with, ErrNewerSchema for tables of a newer version of
// this package and ErrSchema for tables that somebody has changed; nothing is
// changed then.
func (s *Store) Migrate(ctx context.Context) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.explain(err)
	}
	defer drop(conn) // Nobody else shall have its settings.
	if err := s.patiently(ctx, func() error { return s.engine.setUp(ctx, conn, &s.opts) }); err != nil {
		return s.explain(err)
	}
	err = s.inside(ctx, conn, false, func() error { return s.climb(ctx, conn, steps) })
	if err != nil {
		return s.explain(err)
	}
	return s.open(ctx)
}

// inside runs fn in a transaction, which is rolled back if it is only a trial.
func (s *Store) inside(ctx context.Context, conn *sql.Conn, trial bool, fn func() error) error {
	begin := func() error { return execAll(conn, s.engine.begin) }
	if err := s.patiently(ctx, begin); err != nil {
		return err
	}
	err := fn()
	if err == nil && !trial {
		err = execAll(conn, "COMMIT")
	}
	if err != nil || trial {
		_ = execAll(conn, "ROLLBACK")
	}
	return err
}

// climb makes the steps that the schema has not made yet.
func (s *Store) climb(ctx context.Context, conn *sql.Conn, steps []string) error {
	version, err := s.version(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return newer(version, len(steps))
	}
	if err := s.compare(ctx, conn, steps[:version]); err != nil {
		return err
	}
	for n := version; n < len(steps); n++ {
		for _, statement := range statements(steps[n]) {
			if _, err := conn.ExecContext(background(), statement); err != nil {
				return fmt.Errorf("sqlstore: schema version %d: %w", n+1, err)
			}
		}
		if _, err := conn.ExecContext(background(), s.named("UPDATE {prefix}meta SET value=? WHERE name='version'"), n+1); err != nil {
			return err
		}
	}
	return nil
}

// steps are the numbered migrations, with the tables' prefix put in.
func (s *Store) steps() ([]string, error) {
	files, err := fs.Glob(migrations, s.engine.migrations+"/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []string
	for _, file := range files {
		text, err := migrations.ReadFile(file)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s.named(string(text)))
	}
	return steps, nil
}

// statements splits a migration, none of which has a semicolon within a
// statement or a comment.
func statements(migration string) []string {
	var found []string
	for statement := range strings.SplitSeq(migration, ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			found = append(found, statement)
		}
	}
	return found
}

// version reads which version the schema has: 0 if there is none.
func (s *Store) version(ctx context.Context, conn queryer) (int, error) {
	objects, err := s.engine.objects(ctx, conn, s.opts.Prefix)
	if err != nil || len(objects) == 0 {
		return 0, err
	}
	var version int
	err = conn.QueryRowContext(ctx, s.named("SELECT value FROM {prefix}meta WHERE name='version'")).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("sqlstore: %w: its version cannot be read: %w", ErrSchema, err)
	}
	return version, nil
}
