// Package sqlstore keeps operations in an SQL database, through database/sql
// and whatever driver the application has opened it with. At present it knows
// SQLite.
//
// # SQLite
//
// The database is a file on a local disk, which several processes of the same
// machine may use at once. It is switched to write-ahead logging, and every
// commit reaches the disk before its move is answered, except renewals and
// completions that their caller calls lazy. The pool that is handed to [New]
// must allow more than one connection: the store keeps one of its own to write
// with, and reads over the others. Moves that arrive while a commit is under way
// share the next one.
//
// The store's tables begin with a prefix, retrysafe_ by default, and may lie in
// the application's own database: then [Store.In] makes moves part of the
// application's transactions.
package sqlstore
