package sqlstore

import (
	"errors"
	"strings"
)

// What New, Migrate and the first move return, wrapped, of a database that the
// store does not work with.
var (
	// ErrUnusable: the pool or the database is one on which the store cannot keep
	// its promises. The text says why.
	ErrUnusable = errors.New("database cannot be relied on")
	// ErrNewerSchema: the tables were made by a newer version of this package.
	ErrNewerSchema = errors.New("schema is newer than this program")
	// ErrSchema: the tables are not what this package made: absent, because
	// Migrate was not called, or changed by somebody.
	ErrSchema = errors.New("schema is not as expected")
	// ErrBusy: others kept the database locked until the caller's time was over,
	// or for half a minute. Nothing changed.
	ErrBusy = errors.New("database is locked by others")
)

// resultCode returns the engine's own code of an error, without its extension,
// if the driver gives it.
func resultCode(err error) (int, bool) {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code() & 0xff, true
	}
	return 0, false
}

// The codes of SQLite (sqlite.org/rescode.html) that the store tells apart.
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadonly = 8
	sqliteError    = 1
	sqliteCorrupt  = 11
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// sqliteIs reports whether err is of a code, or, where the driver has none to
// show, says so in SQLite's words.
func sqliteIs(err error, code int, words string) bool {
	if err == nil {
		return false
	}
	if got, ok := resultCode(err); ok {
		return got == code
	}
	return strings.Contains(err.Error(), words)
}

func isBusy(err error) bool {
	return sqliteIs(err, sqliteBusy, "database is locked") || sqliteIs(err, sqliteLocked, "table is locked")
}
