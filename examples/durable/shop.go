package main

import (
	"context"
	"database/sql"
	"net/url"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store/sqlstore"
	_ "modernc.org/sqlite"
)

// shop is one SQLite file, with the shop's own table and the operations, and the
// client over it. Every process has one.
type shop struct {
	db         *sql.DB
	operations *sqlstore.Store
	client     *retrysafe.Client
}

const schema = `CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, outcome TEXT NOT NULL, charge TEXT NOT NULL)`

func open(ctx context.Context, file, providerURL, account string) (_ *shop, err error) {
	// A transaction takes the write lock when it begins, and waits for it.
	source := url.URL{Scheme: "file", Opaque: url.PathEscape(file), RawQuery: "_pragma=busy_timeout(30000)&_txlock=immediate"}
	s := &shop{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.db, err = sql.Open("sqlite", source.String()); err != nil {
		return nil, err
	}
	if s.operations, err = sqlstore.New(s.db, sqlstore.SQLite, nil); err != nil {
		return nil, err
	}
	if err = s.operations.Migrate(ctx); err != nil {
		return nil, err
	}
	if _, err = s.db.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	s.client, err = newClient(providerURL, account, s.operations)
	return s, err
}

// newClient returns a client with short times: nothing here is further away than
// the loopback interface, and its processes do not live long.
func newClient(providerURL, account string, operations *sqlstore.Store) (*retrysafe.Client, error) {
	return retrysafe.NewClient(providerURL, &retrysafe.Options{
		Account: account,
		Profile: profile,
		Store:   operations,
		Lease:   500 * time.Millisecond, // then a killed worker's orders are anybody's
		Resume: retrysafe.ResumePolicy{
			Parallel: 8, PerSecond: 1000, Poll: 50 * time.Millisecond,
			Backoff: retrysafe.Backoff{Base: 100 * time.Millisecond, Cap: time.Second},
		},
		Retry: retrysafe.RetryPolicy{
			MaxAttempts: 12, AttemptTimeout: 250 * time.Millisecond,
			Backoff: retrysafe.Backoff{Base: 5 * time.Millisecond, Cap: 40 * time.Millisecond},
		},
	})
}

func (s *shop) close() {
	if s.operations != nil {
		s.operations.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
}

// enqueue accepts an order: its row and the operation are one commit.
func (s *shop) enqueue(ctx context.Context, o order) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?, ?, '')", o.id, stillOpen); err != nil {
		return err
	}
	if _, err := createCharge.Enqueue(ctx, s.client, s.operations.In(tx), o.id, o.request()); err != nil {
		return err
	}
	return tx.Commit()
}

// settle writes down how an order ended. Doing so again does no harm, and doubt
// does not replace knowledge.
func (s *shop) settle(ctx context.Context, id string, w word) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO orders VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, charge = excluded.charge WHERE excluded.outcome <> ?`,
		id, w.Outcome, w.Charge, unknown)
	return err
}

// books returns the shop's own table.
func (s *shop) books(ctx context.Context) (map[string]word, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, outcome, charge FROM orders")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	books := map[string]word{}
	for rows.Next() {
		var id string
		var w word
		if err := rows.Scan(&id, &w.Outcome, &w.Charge); err != nil {
			return nil, err
		}
		books[id] = w
	}
	return books, rows.Err()
}

// settled counts the orders that are not open any more.
func (s *shop) settled(ctx context.Context) (n int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM orders WHERE outcome <> ?", stillOpen).Scan(&n)
	return n, err
}
