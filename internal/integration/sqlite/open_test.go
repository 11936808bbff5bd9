package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store/sqlstore"
	"github.com/retrysafe/retrysafe/store/storetest"
	_ "modernc.org/sqlite"
)

// pool opens a database file with the driver's defaults.
func pool(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "operations.db") }

// migrated returns a store over a pool, with its tables made.
func migrated(t testing.TB, db *sql.DB, opts *sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.New(db, sqlstore.SQLite, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// opened returns a store in a file of its own.
func opened(t testing.TB) *sqlstore.Store { return migrated(t, pool(t, file(t)), nil) }

// leaping is a store whose wall clock can be moved ahead.
func leaping(t *testing.T) storetest.Subject { return leapingOn(t, pool(t, file(t))) }

func leapingOn(t *testing.T, db *sql.DB) storetest.Subject {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	return storetest.Subject{
		Store:   migrated(t, db, &sqlstore.Options{Now: now}),
		Unit:    time.Second,
		Advance: func(by time.Duration) { ahead.Add(int64(by)) },
		Leaps:   true,
	}
}

// stepping is a store whose wall clock can be set, and which else takes the time
// that it takes.
func stepping(t *testing.T) storetest.Subject {
	var off atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	return storetest.Subject{
		Store:   migrated(t, pool(t, file(t)), &sqlstore.Options{Now: now}),
		Unit:    50 * time.Millisecond,
		Advance: time.Sleep,
		Step:    func(by time.Duration) { off.Add(int64(by)) },
	}
}
