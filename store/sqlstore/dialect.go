package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strings"
)

// Dialect says which database engine a pool belongs to. There is no default.
type Dialect uint8

// SQLite is version 3.37 or newer (sqlite.org), which has STRICT tables.
const SQLite Dialect = 1

// String returns the engine's name.
func (d Dialect) String() string {
	if e := engineOf(d); e != nil {
		return e.name
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// engine is everything in which one database engine differs from others.
type engine struct {
	name string
	// migrations is the folder of its schema's versions.
	migrations string
	// begin starts a transaction that may write.
	begin string
	// durable and lazy are said before begin: whether the transaction's commit
	// waits for the disk.
	durable, lazy string
	// setUp prepares the connection that writes, and refuses one whose settings
	// cannot be relied on.
	setUp func(ctx context.Context, conn *sql.Conn, opts *Options) error
	// guard returns what tells before every transaction that the database is
	// still the one that was looked at.
	guard func(ctx context.Context, conn *sql.Conn) (func() error, error)
	// objects are the schema's objects whose names begin with a prefix, or that
	// belong to a table of which that is true, as the engine describes them.
	objects func(ctx context.Context, conn queryer, prefix string) (map[string]string, error)
	// busy reports whether an error says that others hold a lock.
	busy func(error) bool
	// explain adds to an error what the store can tell of its cause.
	explain func(error) error
}

func engineOf(d Dialect) *engine {
	if d == SQLite {
		return &sqlite
	}
	return nil
}

//go:embed migrations
var migrations embed.FS

// queryer is what both connections and transactions can do.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// named puts the tables' prefix into a statement.
func (s *Store) named(statement string) string {
	return strings.ReplaceAll(statement, "{prefix}", s.opts.Prefix)
}
