package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/sqlstore"
	_ "modernc.org/sqlite"
)

// database is a file with a store, in which there are records already.
type database struct {
	file   string
	pool   *sql.DB
	store  *sqlstore.Store
	sample store.Record // what every record that was filled in looks like
}

const sampleID = "sample"

// database returns the one with that many records, made at the first call.
func (b *bench) database(ctx context.Context, records int) (*database, error) {
	if d := b.filled[records]; d != nil {
		return d, nil
	}
	file := filepath.Join(b.dir, fmt.Sprintf("operations-%d.db", records))
	d, err := b.open(ctx, file)
	if err == nil && records > 0 {
		err = b.top(ctx, d, records)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	b.filled[records] = d
	return d, nil
}

// open opens a store, and makes one operation in it, from which others are copied.
func (b *bench) open(ctx context.Context, file string) (d *database, err error) {
	d = &database{file: file}
	if d.pool, err = sql.Open("sqlite", file); err != nil {
		return d, err
	}
	if b.pool > 0 {
		d.pool.SetMaxIdleConns(b.pool)
	}
	if d.store, err = sqlstore.New(d.pool, sqlstore.SQLite, nil); err != nil {
		return d, err
	}
	if err := d.store.Migrate(ctx); err != nil {
		return d, err
	}
	client, err := newClient(d.store, accepted, windowKnown)
	if err != nil {
		return d, err
	}
	if err := callNamed(ctx, client, sampleID, retrysafe.Applied); err != nil {
		return d, err
	}
	d.sample, err = d.store.Get(ctx, store.Name{Scope: account, Kind: createCharge.Name, ID: sampleID})
	return d, err
}

func (d *database) close() (err error) {
	if d.store != nil {
		err = d.store.Close()
	}
	if d.pool != nil {
		err = errors.Join(err, d.pool.Close())
	}
	return err
}

// top fills the database up to a number of records, if it has fewer.
func (b *bench) top(ctx context.Context, d *database, records int) error {
	present, err := d.rows(ctx)
	if err != nil || present >= records {
		return err
	}
	if err := d.close(); err != nil {
		return err
	}
	begin := time.Now()
	if err := fill(ctx, d.file, records-present); err != nil {
		return err
	}
	fmt.Fprintf(b.w, "filled in %d records in %.1f s\n", records-present, time.Since(begin).Seconds())
	opened, err := b.open(ctx, d.file)
	*d = *opened
	return err
}

// rows is how many records the database has, none having been removed.
func (d *database) rows(ctx context.Context) (n int, err error) {
	err = d.pool.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM retrysafe_operation").Scan(&n)
	return n, err
}

// wal is the content of the file to which every commit is appended.
func (d *database) wal() ([]byte, error) { return os.ReadFile(d.file + "-wal") }
