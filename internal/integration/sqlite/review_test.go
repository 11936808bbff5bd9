package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
)

// A commit of renewals alone fails without effect, and is reported as made.
func TestARenewalWhoseCommitFailedIsNotReportedAsMade(t *testing.T) {
	f := &fault{words: "COMMIT"}
	s := migrated(t, cutting(t, f), nil)
	c := claimOf(order(1))
	c.Lease = time.Second
	g, err := s.Claim(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	f.left.Store(1)
	held, err := s.Renew(t.Context(), time.Hour, []store.Token{g.Record.Token()})
	r, _ := s.Get(t.Context(), order(1))
	if err == nil && held[0] && !r.Lease.After(g.Record.Lease) {
		t.Errorf("Renew says held for an hour (%v, %v); the lease in the record ends in %v", held, err, r.Lease.Sub(g.Now))
	}
}

// The completion's time is taken before it queues: a call that began while it
// waited for the lock (and so before anybody was told) begins it again.
func TestAFastCompletionIsSettledWhenItIsMade(t *testing.T) {
	db := pool(t, file(t))
	s := migrated(t, db, nil)
	for _, fast := range []bool{false, true} {
		name := order(map[bool]int64{true: 1, false: 2}[fast])
		c := claimOf(name)
		g, err := s.Claim(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !fast { // a result above the inline size has no fast path
			_ = fast
		}
		result := []byte("x")
		if !fast {
			result = make([]byte, 4<<10)
		}
		lock, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lock.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := s.Complete(context.Background(), g.Record.Token(), store.Completion{State: store.StateFailed, Reason: store.ReasonNotRun, Result: result})
			done <- err
		}()
		time.Sleep(100 * time.Millisecond)
		begun := time.Now() // another call of the application begins; nobody has been told anything
		time.Sleep(100 * time.Millisecond)
		if _, err := lock.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		lock.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		again := claimOf(name)
		again.Nonce[0] ^= 0xff
		again.Age = time.Since(begun)
		got, err := s.Claim(t.Context(), again)
		if err != nil || got.Status != store.ClaimSettled {
			t.Errorf("fast=%t: a call begun before the completion was made got %v %v, want settled", fast, got.Status, err)
		}
	}
}

type panicky struct {
	of   driver.Driver
	name string
	arm  *atomic.Bool
}

func (p *panicky) Driver() driver.Driver { return p.of }
func (p *panicky) Connect(context.Context) (driver.Conn, error) {
	c, err := p.of.Open(p.name)
	return &panickyConn{c, p.arm}, err
}

type panickyConn struct {
	driver.Conn
	arm *atomic.Bool
}

func (c *panickyConn) ExecContext(ctx context.Context, q string, a []driver.NamedValue) (driver.Result, error) {
	if strings.HasPrefix(q, "COMMIT") && c.arm.Load() {
		panic("driver")
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, a)
}
func (c *panickyConn) QueryContext(ctx context.Context, q string, a []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, a)
}

func TestAPanicOfTheLeaderIsNoSuccessForOthers(t *testing.T) {
	var arm atomic.Bool
	name := file(t)
	db := sql.OpenDB(&panicky{pool(t, "").Driver(), name, &arm})
	defer db.Close()
	s := migrated(t, db, nil)
	lock, err := pool(t, name).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(t.Context(), claimOf(order(100))); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	arm.Store(true)
	type said struct {
		n        int64
		panicked bool
		g        store.Grant
		err      error
	}
	answers := make(chan said, 5)
	for i := range int64(5) {
		go func() {
			a := said{n: i, panicked: true}
			defer func() { recover(); answers <- a }()
			a.g, a.err = s.Claim(context.Background(), claimOf(order(i)))
			a.panicked = false
		}()
	}
	time.Sleep(200 * time.Millisecond)
	_, _ = lock.ExecContext(t.Context(), "ROLLBACK")
	lock.Close()
	var all []said
	for range 5 {
		all = append(all, <-answers)
	}
	arm.Store(false)
	for _, a := range all {
		_, err := s.Get(t.Context(), order(a.n))
		t.Logf("%d panicked=%t %v %v; get: %v", a.n, a.panicked, a.g.Status, a.err, err)
		if !a.panicked && a.err == nil && err != nil {
			t.Errorf("claim %d: %v, and there is no record", a.n, a.g.Status)
		}
	}
}

// Wall clock set back an hour while P1 is idle; P2 starts after.
func TestALiveClaimIsNotTakenOverByAProcessWhoseClockIsAhead(t *testing.T) {
	db := pool(t, file(t))
	wall := time.Now()
	p1 := migrated(t, db, &sqlstore.Options{Now: func() time.Time { return wall }})
	if _, err := p1.Claim(t.Context(), claimOf(order(50))); err != nil { // saves the mark
		t.Fatal(err)
	}
	wall = wall.Add(time.Hour) // idle for an hour: p1 only reads
	if _, err := p1.Due(t.Context(), store.DueFilter{Kinds: []string{"x"}, Limit: 1}); err != nil {
		t.Fatal(err)
	}
	wall = wall.Add(-time.Hour) // and then the clock is set back
	p2 := migrated(t, db, &sqlstore.Options{Now: func() time.Time { return wall }})
	c := claimOf(order(1))
	c.Lease = time.Minute
	c.OnLapse = store.LapseUnknown
	g, err := p2.Claim(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	sweep := claimOf(order(1))
	sweep.Mode = store.ModeSweep
	got, err := p1.Claim(t.Context(), sweep)
	if err != nil || got.Status != store.ClaimHeld || g.Status != store.ClaimAcquired {
		t.Errorf("a claim of this very moment, for a minute: %v %v, want held (lease %v, now %v)", got.Status, err, g.Record.Lease, got.Now)
	}
}
