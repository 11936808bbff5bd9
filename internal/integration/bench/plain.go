package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/retrysafe/retrysafe/store"
)

// plain is the peer: a table of the application's own with the same kind of
// identifier under the same kind of index, the same bytes and the same settings
// of the database, and no rule at all. It has one connection.
type plain struct {
	pool                  *sql.DB
	sample                store.Record
	insert, update, probe *sql.Stmt
}

// plain returns a table with that many rows.
func (b *bench) plain(ctx context.Context, rows int, sample store.Record) (_ *plain, err error) {
	p := &plain{sample: sample}
	p.pool, err = sql.Open("sqlite", filepath.Join(b.dir, fmt.Sprintf("plain-%d.db", rows)))
	if err != nil {
		return nil, err
	}
	p.pool.SetMaxOpenConns(1)
	if err := p.prepare(ctx, rows); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *plain) close() error { return p.pool.Close() }

func (p *plain) prepare(ctx context.Context, rows int) error {
	for _, statement := range []string{
		"PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-16384",
		"CREATE TABLE IF NOT EXISTS plain (seq INTEGER PRIMARY KEY, sum BLOB NOT NULL, id BLOB NOT NULL, request BLOB, result BLOB) STRICT",
		"CREATE UNIQUE INDEX IF NOT EXISTS plain_sum ON plain (sum)",
	} {
		if _, err := p.pool.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := p.top(ctx, rows); err != nil {
		return err
	}
	if _, err := p.pool.ExecContext(ctx, "PRAGMA synchronous=FULL"); err != nil {
		return err
	}
	for stmt, text := range map[**sql.Stmt]string{
		&p.insert: "INSERT INTO plain (sum, id, request) VALUES (?,?,?)",
		&p.update: "UPDATE plain SET result=? WHERE sum=?",
		&p.probe:  "SELECT request, result FROM plain WHERE sum=?",
	} {
		s, err := p.pool.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		*stmt = s
	}
	return nil
}

// top fills the table up to a number of rows, if it has fewer, and brings the
// database into its file.
func (p *plain) top(ctx context.Context, rows int) error {
	var present int
	if err := p.pool.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM plain").Scan(&present); err != nil || present >= rows {
		return err
	}
	const fill = "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i+1 FROM n WHERE i<?)" +
		" INSERT INTO plain (sum, id, request, result) SELECT randomblob(16), CAST('order-'||i AS BLOB), ?, ? FROM n"
	if _, err := p.pool.ExecContext(ctx, fill, present+1, rows, p.sample.Request, p.sample.Result); err != nil {
		return err
	}
	_, err := p.pool.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// rowsTogether is how many rows insertTogether commits at once.
const rowsTogether = 64

// insertTogether inserts rows, committed together.
func (p *plain) insertTogether(ctx context.Context, newID func() string) error {
	tx, err := p.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := tx.StmtContext(ctx, p.insert)
	for range rowsTogether {
		if err := p.put(ctx, insert, newID()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (p *plain) put(ctx context.Context, insert *sql.Stmt, id string) error {
	sum := p.sum(id)
	_, err := insert.ExecContext(ctx, sum[:], []byte(id), p.sample.Request)
	return err
}

// oneByOne inserts a row and then writes its result, in a commit each.
func (p *plain) oneByOne(ctx context.Context, id string) error {
	if err := p.put(ctx, p.insert, id); err != nil {
		return err
	}
	sum := p.sum(id)
	_, err := p.update.ExecContext(ctx, p.sample.Result, sum[:])
	return err
}

// read reads one row.
func (p *plain) read(ctx context.Context, id string) error {
	sum := p.sum(id)
	var request, result []byte
	return p.probe.QueryRowContext(ctx, sum[:]).Scan(&request, &result)
}

func (p *plain) sum(id string) [16]byte {
	return store.Name{Scope: p.sample.Scope, Kind: p.sample.Kind, ID: id}.Sum()
}
