package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
)

var sqlite = engine{
	name:       "SQLite",
	migrations: "migrations/sqlite",
	begin:      "BEGIN IMMEDIATE",
	durable:    "PRAGMA synchronous=FULL",
	lazy:       "PRAGMA synchronous=NORMAL",
	setUp:      sqliteSetUp,
	guard:      sqliteGuard,
	objects:    sqliteObjects,
	busy:       sqliteBusyError,
	explain:    sqliteExplain,
}

// sqliteSettings are said on every connection that writes, whatever the data
// source name says, and what reading them must then give.
var sqliteSettings = []struct{ name, value, want string }{
	{"synchronous", "FULL", "2"},
	{"fullfsync", "1", "1"}, // on macOS a plain fsync does not reach the disk
	{"checkpoint_fullfsync", "1", "1"},
	{"query_only", "0", "0"},
	{"cache_size", "-16384", "-16384"}, // KiB
}

func sqliteSetUp(ctx context.Context, conn *sql.Conn, opts *Options) error {
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout=%d", lockTimeout.Milliseconds())); err != nil {
		return err
	}
	var locking string
	if err := conn.QueryRowContext(ctx, "PRAGMA locking_mode").Scan(&locking); err != nil {
		return err
	}
	if locking != "normal" { // and it cannot be changed any more
		return unusable("its connections lock it for themselves (locking_mode=%s)", locking)
	}
	file, err := sqliteFile(ctx, conn)
	if err != nil {
		return err
	}
	for _, set := range sqliteSettings {
		if _, err := conn.ExecContext(ctx, "PRAGMA "+set.name+"="+set.value); err != nil {
			return err
		}
		var got string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+set.name).Scan(&got); err != nil {
			return err
		}
		if got != set.want {
			return unusable("%s is %s and will not become %s", set.name, got, set.want)
		}
	}
	if err := sqliteJournal(ctx, conn); err != nil {
		return err
	}
	if opts.KeepFileMode {
		return nil
	}
	return ownFiles(file)
}

// sqliteFile returns the path of the database's file, which must have one.
func sqliteFile(ctx context.Context, conn *sql.Conn) (string, error) {
	var file string
	err := conn.QueryRowContext(ctx, "SELECT coalesce(file, '') FROM pragma_database_list WHERE name='main'").Scan(&file)
	if err == nil && file == "" {
		return "", unusable("it is in memory or temporary")
	}
	return file, err
}

// sqliteGuard looks whether the path still leads to the file that is open: what
// is written to one that was removed or replaced is lost to everybody else.
func sqliteGuard(ctx context.Context, conn *sql.Conn) (func() error, error) {
	file, err := sqliteFile(ctx, conn)
	if err != nil {
		return nil, err
	}
	opened, err := os.Stat(file)
	if err != nil {
		return nil, unusable("%v", err)
	}
	return func() error {
		now, err := os.Stat(file)
		if err != nil {
			return unusable("%v", err)
		}
		if !os.SameFile(opened, now) {
			return unusable("its file was replaced while it was open")
		}
		return nil
	}, nil
}

func sqliteJournal(ctx context.Context, conn *sql.Conn) error {
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return unusable("its journal mode is %s and will not become wal", mode)
	}
	return nil
}

// ownFiles takes from others the permission to read and write a database, also
// what of it is not there yet: SQLite gives a new -wal and -shm the mode of
// the database.
func ownFiles(file string) error {
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		info, err := os.Stat(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(name, 0o600)
		}
		if err != nil {
			return unusable("%v", err)
		}
	}
	return nil
}

func unusable(format string, args ...any) error {
	return fmt.Errorf("sqlstore: %w: "+format, append([]any{ErrUnusable}, args...)...)
}

// sqliteObjects reads what the database says of the store's tables, and of
// whatever is attached to them. White space does not count.
func sqliteObjects(ctx context.Context, conn queryer, prefix string) (map[string]string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT type||' '||name, coalesce(sql, '') FROM sqlite_schema WHERE substr(tbl_name,1,?)=? OR substr(name,1,?)=?",
		len(prefix), prefix, len(prefix), prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	objects := make(map[string]string)
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		objects[name] = strings.Join(strings.Fields(text), " ")
	}
	return objects, errors.Join(rows.Err(), rows.Close())
}

func sqliteBusyError(err error) bool { return isBusy(err) }

func sqliteExplain(err error) error {
	for _, known := range []struct {
		code  int
		words string
		says  string
	}{
		{sqliteReadonly, "readonly database", "it is read-only"},
		{sqliteNotADB, "not a database", "it is not an SQLite database, or an encrypted one"},
		{sqliteCorrupt, "malformed", "it is corrupt"},
		{sqliteCantOpen, "unable to open", "its file cannot be opened"},
	} {
		if sqliteIs(err, known.code, known.words) && !errors.Is(err, ErrUnusable) {
			return fmt.Errorf("sqlstore: %w: %s: %w", ErrUnusable, known.says, err)
		}
	}
	for _, words := range []string{"no such table", "no such column", "no such index", "has no column"} {
		if sqliteIs(err, sqliteError, words) && strings.Contains(err.Error(), words) && !errors.Is(err, ErrSchema) {
			return fmt.Errorf("sqlstore: %w: %w", ErrSchema, err)
		}
	}
	return err
}
