package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
)

func opening(t *testing.T, db *sql.DB) error {
	s, err := sqlstore.New(db, sqlstore.SQLite, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Migrate(t.Context())
}

// TestAPoolThatCannotBeReliedOnIsRefused: at New or Migrate, in words.
func TestAPoolThatCannotBeReliedOnIsRefused(t *testing.T) {
	readOnly := file(t)
	opened := pool(t, readOnly)
	migrated(t, opened, nil)
	garbage := file(t)
	if err := os.WriteFile(garbage, []byte("this is not a database, but a text that is longer than its header"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{
		"in memory":           ":memory:",
		"in memory by name":   "file:name?mode=memory&cache=shared",
		"temporary":           "",
		"shared cache":        "file:" + file(t) + "?cache=shared",
		"read-only":           "file:" + readOnly + "?mode=ro",
		"query only":          "file:" + readOnly + "?mode=ro&_pragma=query_only(1)",
		"no such folder":      filepath.Join(t.TempDir(), "none", "operations.db"),
		"not a database":      garbage,
		"exclusively locking": "file:" + file(t) + "?_pragma=locking_mode(exclusive)",
	} {
		t.Run(name, func(t *testing.T) {
			err := opening(t, pool(t, source))
			if !errors.Is(err, sqlstore.ErrUnusable) {
				t.Errorf("error %v, want ErrUnusable", err)
			}
			t.Log(err)
		})
	}
	one := pool(t, file(t))
	one.SetMaxOpenConns(1)
	if err := opening(t, one); !errors.Is(err, sqlstore.ErrUnusable) {
		t.Errorf("a pool of one connection: %v", err)
	}
	if _, err := sqlstore.New(nil, sqlstore.SQLite, nil); !errors.Is(err, sqlstore.ErrUnusable) {
		t.Errorf("no pool: %v", err)
	}
}

func TestASchemaThatIsNotTheStoresIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change string
		want   error
	}{
		"newer":           {"UPDATE retrysafe_meta SET value=99 WHERE name='version'", sqlstore.ErrNewerSchema},
		"no version":      {"DELETE FROM retrysafe_meta", sqlstore.ErrSchema},
		"a column more":   {"ALTER TABLE retrysafe_operation ADD COLUMN mine TEXT", sqlstore.ErrSchema},
		"an index less":   {"DROP INDEX retrysafe_operation_due", sqlstore.ErrSchema},
		"an index more":   {"CREATE INDEX mine ON retrysafe_operation (state)", sqlstore.ErrSchema},
		"a trigger":       {"CREATE TRIGGER mine AFTER UPDATE ON retrysafe_operation BEGIN DELETE FROM retrysafe_operation; END", sqlstore.ErrSchema},
		"a table less":    {"DROP TABLE retrysafe_trail", sqlstore.ErrSchema},
		"another's table": {"CREATE TABLE retrysafe_mine (x)", sqlstore.ErrSchema},
	} {
		t.Run(name, func(t *testing.T) {
			db := pool(t, file(t))
			s := migrated(t, db, nil)
			s.Close()
			if _, err := db.Exec(c.change); err != nil {
				t.Fatal(err)
			}
			if err := opening(t, db); !errors.Is(err, c.want) {
				t.Errorf("Migrate: %v, want %v", err, c.want)
			}
			again, _ := sqlstore.New(db, sqlstore.SQLite, nil)
			defer again.Close()
			if _, err := again.Get(t.Context(), order(1)); !errors.Is(err, c.want) {
				t.Errorf("the first read: %v, want %v", err, c.want)
			}
		})
	}
	s, _ := sqlstore.New(pool(t, file(t)), sqlstore.SQLite, nil)
	defer s.Close()
	if _, err := s.Claim(t.Context(), claimOf(order(1))); !errors.Is(err, sqlstore.ErrSchema) {
		t.Errorf("without Migrate: %v", err)
	}
}

// TestTwoPrefixesAreTwoStores, beside the application's own tables.
func TestTwoPrefixesAreTwoStores(t *testing.T) {
	db := pool(t, file(t))
	if _, err := db.Exec("CREATE TABLE orders (id TEXT)"); err != nil {
		t.Fatal(err)
	}
	a, b := migrated(t, db, nil), migrated(t, db, &sqlstore.Options{Prefix: "other_"})
	if err := lifecycle(t.Context(), a, order(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), order(1)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the other store: %v", err)
	}
	for _, bad := range []string{"1st_", "a-b", "x'; --", "é"} {
		if _, err := sqlstore.New(db, sqlstore.SQLite, &sqlstore.Options{Prefix: bad}); err == nil {
			t.Errorf("prefix %q was accepted", bad)
		}
	}
}

func TestOnlyTheOwnerMayReadTheFiles(t *testing.T) {
	for _, keep := range []bool{false, true} {
		name := file(t)
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		s := migrated(t, pool(t, name), &sqlstore.Options{KeepFileMode: keep})
		if err := lifecycle(t.Context(), s, order(1)); err != nil {
			t.Fatal(err)
		}
		want := os.FileMode(0o600)
		if keep {
			want = 0o644
		}
		for _, f := range []string{name, name + "-wal", name + "-shm"} {
			info, err := os.Stat(f)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("keep=%t %s: %v, %v, want %v", keep, filepath.Base(f), info.Mode(), err, want)
			}
		}
	}
}

// TestManyMigrateAtOnce, each with a pool of its own.
func TestManyMigrateAtOnce(t *testing.T) {
	name := file(t)
	var group sync.WaitGroup
	for i := range 8 {
		db := pool(t, name)
		group.Go(func() {
			if err := opening(t, db); err != nil {
				t.Errorf("Migrate %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if err := lifecycle(t.Context(), migrated(t, pool(t, name), nil), order(1)); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	db := pool(t, file(t)+"?_pragma=max_page_count(60)")
	s := migrated(t, db, nil)
	var done int64
	for ; done < 10_000; done++ {
		if err := lifecycle(t.Context(), s, order(done)); err != nil {
			t.Log(err)
			break
		}
	}
	if done == 0 || done == 10_000 {
		t.Fatalf("full after %d", done)
	}
	for i := range done {
		if r, err := s.Get(t.Context(), order(i)); err != nil || r.State != store.StateSucceeded {
			t.Fatalf("%d: %v, %v", i, r.State, err)
		}
	}
	if g, err := s.Claim(t.Context(), claimOf(order(0))); err != nil || g.Status != store.ClaimSettled {
		t.Errorf("an answer: %v, %v", g.Status, err)
	}
}

func TestAFileThatWasReplacedIsFound(t *testing.T) {
	name := file(t)
	s := migrated(t, pool(t, name), nil)
	if err := lifecycle(t.Context(), s, order(1)); err != nil {
		t.Fatal(err)
	}
	other := file(t)
	migrated(t, pool(t, other), nil)
	if err := os.Rename(other, name); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), order(1)); !errors.Is(err, sqlstore.ErrUnusable) {
		t.Errorf("a read: %v", err)
	}
	if _, err := s.Claim(t.Context(), claimOf(order(2))); !errors.Is(err, sqlstore.ErrUnusable) {
		t.Errorf("a claim: %v", err)
	}
}

func TestATableThatIsDroppedMeanwhileIsFound(t *testing.T) {
	db := pool(t, file(t))
	s := migrated(t, db, nil)
	g, err := s.Claim(t.Context(), claimOf(order(1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("DROP TABLE retrysafe_operation"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Complete(t.Context(), g.Record.Token(), applied); !errors.Is(err, sqlstore.ErrSchema) {
		t.Errorf("a completion: %v", err)
	}
	if _, err := s.Begin(t.Context(), store.Intent{Name: order(2)}); !errors.Is(err, sqlstore.ErrSchema) {
		t.Errorf("a begin: %v", err)
	}
}
