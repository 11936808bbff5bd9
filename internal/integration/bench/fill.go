package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
)

// filledAtOnce is how many rows one statement makes.
const filledAtOnce = 500_000

// distinct says what differs from one record to the next. The random ones come
// in random order, as hashes do, so that the index on them becomes what it would
// have become with time.
var distinct = map[string]string{
	"sum": "randomblob(16)", "nonce": "randomblob(16)", "fingerprint": "randomblob(32)", "id": "CAST('order-'||i AS BLOB)",
}

// fill copies a database's only operation many times, with the schema as it is.
// Nobody else may have the file open.
func fill(ctx context.Context, file string, records int) (err error) {
	pool, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close(), syncFile(file)) }()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	insert, err := copying(ctx, conn)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		// What is lost by a crash now can be made again.
		"PRAGMA journal_mode=DELETE", "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1500000",
		"CREATE TEMP TABLE sample AS SELECT * FROM retrysafe_operation WHERE seq=1",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	for from := 0; from < records; from += filledAtOnce {
		if _, err := conn.ExecContext(ctx, insert, from+1, min(from+filledAtOnce, records)); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, "PRAGMA journal_mode=WAL")
	return err
}

// copying is the statement that copies the sample.
func copying(ctx context.Context, conn *sql.Conn) (string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM pragma_table_info('retrysafe_operation') WHERE name<>'seq'")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var columns, values []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return "", err
		}
		value := distinct[name]
		if value == "" {
			value = name
		}
		columns, values = append(columns, name), append(values, value)
	}
	return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i+1 FROM n WHERE i<?) INSERT INTO retrysafe_operation (%s) SELECT %s FROM sample, n",
		strings.Join(columns, ","), strings.Join(values, ",")), errors.Join(rows.Err(), rows.Close())
}

// syncFile waits until the disk has all of a file, so that writing it does not
// go on while something is measured.
func syncFile(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
