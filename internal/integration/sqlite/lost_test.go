package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/retrysafe/retrysafe/store"
)

// fault says what goes wrong with the statements that begin with its words.
type fault struct {
	words string
	after bool         // they take effect all the same
	left  atomic.Int64 // how many more times
	// andThen begins statements that fail too, after the first, without effect.
	andThen string
	struck  atomic.Bool
}

var errCut = errors.New("the connection was cut")

// faulty is the SQLite driver with one fault.
type faulty struct {
	of    driver.Driver
	fault *fault
	name  string
}

func (f *faulty) Driver() driver.Driver { return f.of }

func (f *faulty) Connect(context.Context) (driver.Conn, error) {
	c, err := f.of.Open(f.name)
	if err != nil {
		return nil, err
	}
	return &faultyConn{c, f.fault}, nil
}

type faultyConn struct {
	driver.Conn
	fault *fault
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.fault.andThen != "" && c.fault.struck.Load() && strings.HasPrefix(query, c.fault.andThen) && c.fault.left.Load() > 0 {
		return nil, errCut
	}
	hit := strings.HasPrefix(query, c.fault.words) && c.fault.left.Add(-1) >= 0
	if hit && !c.fault.after {
		return nil, errCut
	}
	c.fault.struck.Store(c.fault.struck.Load() || hit)
	r, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if hit {
		return nil, errCut
	}
	return r, err
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// cutting returns a pool over the driver with a fault.
func cutting(t *testing.T, f *fault) *sql.DB {
	plain := pool(t, "")
	db := sql.OpenDB(&faulty{plain.Driver(), f, file(t)})
	t.Cleanup(func() { db.Close() })
	return db
}

// together calls fn n times at once.
func together(n int, fn func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { fn(i) })
	}
	group.Wait()
}

// TestALostCommitIsSettledByReading: the answer to COMMIT is lost, before or
// after it took effect, and every move's answer is still true.
func TestALostCommitIsSettledByReading(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%t", after), func(t *testing.T) {
			f := &fault{words: "COMMIT", after: after}
			s := migrated(t, cutting(t, f), nil)
			for round := range int64(10) {
				tokens := make([]store.Token, 5)
				f.left.Store(1)
				together(len(tokens), func(i int) {
					g, err := s.Claim(t.Context(), claimOf(order(round*5+int64(i))))
					if err != nil || g.Status != store.ClaimAcquired {
						t.Errorf("a claim: %v, %v", g.Status, err)
					}
					tokens[i] = g.Record.Token()
				})
				f.left.Store(1)
				together(len(tokens), func(i int) {
					c, err := s.Complete(t.Context(), tokens[i], applied)
					if err != nil || c.Status != store.CompleteDone {
						t.Errorf("a completion: %v, %v", c.Status, err)
					}
					r, err := s.Get(t.Context(), tokens[i].Name)
					if err != nil || r.State != store.StateSucceeded || r.Claims != 1 || r.Conflicts != 0 {
						t.Errorf("the record: %v claimed %d times, %v", r.State, r.Claims, err)
					}
				})
			}
			i := store.Intent{Name: order(1000), Request: request}
			f.left.Store(1)
			if b, err := s.Begin(t.Context(), i); err != nil || b.Status != store.BeginCreated {
				t.Errorf("a begin: %v, %v", b.Status, err)
			}
		})
	}
}

// TestWhatCannotBeSettledIsSaid: the commit's answer is lost, and from then on
// nobody can write, so that reading proves nothing. Calling again tells.
func TestWhatCannotBeSettledIsSaid(t *testing.T) {
	f := &fault{words: "COMMIT", after: true, andThen: "BEGIN"}
	s := migrated(t, cutting(t, f), nil)
	f.left.Store(1 << 40)
	claim := claimOf(order(1))
	if _, err := s.Claim(t.Context(), claim); !errors.Is(err, store.ErrCommitUnknown) || !errors.Is(err, errCut) {
		t.Errorf("error %v, want ErrCommitUnknown and its cause", err)
	}
	if _, err := s.Claim(t.Context(), claimOf(order(2))); err == nil || errors.Is(err, store.ErrCommitUnknown) {
		t.Errorf("nothing was begun, and the error is %v", err)
	}
	f.left.Store(0)
	g, err := s.Claim(t.Context(), claim)
	if err != nil || g.Status != store.ClaimAcquired || g.Record.Claims != 1 {
		t.Errorf("the same claim again: %v of %d, %v", g.Status, g.Record.Claims, err)
	}
	if _, err := s.Get(t.Context(), order(2)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was not begun: %v", err)
	}
}
