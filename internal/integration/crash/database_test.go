//go:build unix

package crash_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
)

// migrated is a database file with the store's tables and nothing in them.
var migrated = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "crash")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "empty.db")
	s, err := opened(file, &trap{}, func() time.Duration { return 0 })
	if err != nil {
		return nil, err
	}
	err = s.Migrate(context.Background())
	s.close() // What the log holds goes into the file.
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// opened is a store over an SQLite file, with points around its moves and their
// commits. Its clock is ahead of the machine's by what ahead returns.
func opened(file string, t *trap, ahead func() time.Duration) (*trappedStore, error) {
	db := sql.OpenDB(&connector{file, t})
	s, err := sqlstore.New(db, sqlstore.SQLite, &sqlstore.Options{Now: func() time.Time { return time.Now().Add(ahead()) }})
	if err != nil {
		return nil, err
	}
	return &trappedStore{s, db, t}, nil
}

// trappedStore has points before and after every move.
type trappedStore struct {
	*sqlstore.Store
	db   *sql.DB
	trap *trap
}

func (s *trappedStore) Begin(ctx context.Context, intent store.Intent) (store.Begun, error) {
	defer s.trap.moving("begin")()
	return s.Store.Begin(ctx, intent)
}

func (s *trappedStore) Claim(ctx context.Context, claim store.Claim) (store.Grant, error) {
	defer s.trap.moving("claim")()
	return s.Store.Claim(ctx, claim)
}

func (s *trappedStore) Complete(ctx context.Context, token store.Token, c store.Completion) (store.Completed, error) {
	defer s.trap.moving("complete")()
	return s.Store.Complete(ctx, token, c)
}

func (s *trappedStore) Renew(ctx context.Context, lease time.Duration, tokens []store.Token) ([]bool, error) {
	defer s.trap.moving("renew")()
	return s.Store.Renew(ctx, lease, tokens)
}

func (s *trappedStore) Notice(ctx context.Context, n store.Notice) (bool, store.Record, error) {
	move := "notice"
	if n.Again == 0 {
		move = "notice end"
	}
	defer s.trap.moving(move)()
	return s.Store.Notice(ctx, n)
}

func (s *trappedStore) close() {
	s.Store.Close()
	s.db.Close()
}

// connector opens SQLite connections with a point before and after a COMMIT.
type connector struct {
	file string
	trap *trap
}

func (c *connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.file)
	if err != nil {
		return nil, err
	}
	return &trappedDatabase{conn.(sqliteConn), c.trap}, nil
}

// sqliteConn is what the driver's connections can do for database/sql.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type trappedDatabase struct {
	sqliteConn
	trap *trap
}

func (c *trappedDatabase) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	if statement == "COMMIT" {
		defer c.trap.committing()()
	}
	return c.sqliteConn.ExecContext(ctx, statement, args)
}
