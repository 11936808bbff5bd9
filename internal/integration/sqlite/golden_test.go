package sqlite_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
)

var golden = flag.Int("golden", 0, "write the golden file of this schema version, the program's own, instead of reading all")

// goldenTime is when everything in a golden file happened.
var goldenTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func goldenName(version int) string {
	return filepath.Join("testdata", fmt.Sprintf("schema-%d.db", version))
}

// TestGoldenFilesOfEverySchemaVersion must open, migrate and answer. A new
// version adds a file and leaves the old ones alone.
func TestGoldenFilesOfEverySchemaVersion(t *testing.T) {
	if *golden != 0 {
		writeGolden(t, goldenName(*golden))
	}
	files, err := filepath.Glob(filepath.Join("testdata", "schema-*.db"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for i := range files {
		t.Run(fmt.Sprintf("version %d", i+1), func(t *testing.T) {
			b, err := os.ReadFile(goldenName(i + 1))
			if err != nil {
				t.Fatal(err)
			}
			name := file(t)
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			now := func() time.Time { return goldenTime.Add(time.Minute) }
			s := migrated(t, pool(t, name), &sqlstore.Options{Now: now})
			readGolden(t, s)
		})
	}
}

func goldenClaim(id string) store.Claim {
	return store.Claim{
		Intent: store.Intent{
			Name: store.Name{Scope: "acme/stripe/live", Kind: "charges.create", ID: id}, Owner: "acme", Fingerprint: store.Fingerprint{1, 2, 3},
			OnLapse: store.LapseResume, Window: 23 * time.Hour, Retain: 1000 * time.Hour, Request: []byte("request of " + id),
		},
		Lease: time.Hour, Nonce: store.Nonce([]byte(fmt.Sprintf("%-16s", id))),
	}
}

// goldenEnds are the operations of a golden file that were completed, by ID.
var goldenEnds = map[string]store.Completion{
	"succeeded": {State: store.StateSucceeded, Result: []byte("answer")},
	"large":     {State: store.StateSucceeded, Result: make([]byte, 5000)},
	"refused":   {State: store.StateFailed, Reason: store.ReasonRefused, Result: []byte("no")},
	"not-run":   {State: store.StateFailed, Reason: store.ReasonNotRun},
	"unknown":   {State: store.StateUnknown, Resend: true},
	"notice":    {State: store.StateSucceeded, Notice: true},
}

func writeGolden(t *testing.T, name string) {
	_ = os.Remove(name)
	db := pool(t, name)
	s := migrated(t, db, &sqlstore.Options{Now: func() time.Time { return goldenTime }})
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for id, end := range goldenEnds {
		g, err := s.Claim(t.Context(), goldenClaim(id))
		must(err)
		_, err = s.Complete(t.Context(), g.Record.Token(), end)
		must(err)
	}
	stranger := store.Token{Name: goldenClaim("succeeded").Name, Fence: 1, Nonce: store.Nonce{1}}
	_, err := s.Complete(t.Context(), stranger, goldenEnds["refused"])
	must(err)
	_, err = s.Claim(t.Context(), goldenClaim("held"))
	must(err)
	_, err = s.Begin(t.Context(), goldenClaim("pending").Intent)
	must(err)
	must(s.Close())
	must(db.Close())
	db = pool(t, name)
	_, err = db.Exec("PRAGMA journal_mode=DELETE") // one file, without -wal
	must(err)
	must(db.Close())
}

func readGolden(t *testing.T, s *sqlstore.Store) {
	for id, end := range goldenEnds {
		r, err := s.Get(t.Context(), goldenClaim(id).Name)
		if err != nil || r.State != end.State || r.Reason != end.Reason || string(r.Result) != string(end.Result) || string(r.Request) != "request of "+id {
			t.Errorf("%s: %s %s with %q, %v", id, r.State, r.Reason, r.Result, err)
		}
		if at := r.Created; at.Before(goldenTime) || at.After(goldenTime.Add(time.Minute)) || r.Window != 23*time.Hour || r.OnLapse != store.LapseResume {
			t.Errorf("%s: created %v, window %v, on lapse %v", id, at, r.Window, r.OnLapse)
		}
	}
	r, err := s.Get(t.Context(), goldenClaim("succeeded").Name)
	if err != nil || r.Conflicts != 1 || len(r.Trail) != 1 || r.Trail[0].Event != store.EventConflict || string(r.Trail[0].Result) != "no" {
		t.Errorf("the trail: %+v, %v", r.Trail, err)
	}
	for id, want := range map[string]store.ClaimStatus{
		"succeeded": store.ClaimSettled, "refused": store.ClaimSettled, "not-run": store.ClaimAcquired, "unknown": store.ClaimUnknown,
		"held": store.ClaimHeld, "pending": store.ClaimAcquired, "new": store.ClaimAcquired,
	} {
		c := goldenClaim(id)
		c.Nonce[15] = '!'
		if g, err := s.Claim(t.Context(), c); err != nil || g.Status != want {
			t.Errorf("a claim of %s: %v, %v, want %v", id, g.Status, err, want)
		}
	}
	due, err := s.Due(t.Context(), store.DueFilter{Owner: "acme", Others: true, Limit: 10})
	if err != nil || len(due) != 2 {
		t.Errorf("due: %+v, %v, want the unknown one and the notice", due, err)
	}
	if _, err := s.Get(t.Context(), goldenClaim("none").Name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}
