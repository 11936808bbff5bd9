package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// purgeStep is how many records one commit of a purge touches at most, so that
// other writers need not wait long.
const purgeStep = 100

// Purge makes tombstones of what is past its time, and removes old ones, by
// scans of those alone. It takes several commits if there are many; an error
// may come after some of them.
func (s *Store) Purge(ctx context.Context, limits store.PurgeLimits) (purged store.Purged, err error) {
	if err := limits.Check(); err != nil {
		return store.Purged{}, err
	}
	for left := limits.Limit; left > 0; {
		var now store.Purged
		step := limits
		step.Limit = min(left, purgeStep)
		err := s.do(ctx, &move{slow: func(t *tx) (err error) {
			now, err = t.purge(&step)
			return err
		}})
		if err != nil {
			return purged, err
		}
		purged.Emptied += now.Emptied
		purged.Forgotten += now.Forgotten
		if now.Emptied+now.Forgotten < step.Limit {
			break
		}
		left -= step.Limit
	}
	return purged, nil
}

const (
	selectPurge  = "SELECT sum FROM {prefix}operation WHERE purge_at<=? AND notice IS NULL ORDER BY purge_at LIMIT ?"
	selectForget = "SELECT sum FROM {prefix}operation WHERE purged=1 AND updated<=? ORDER BY updated LIMIT ?"
)

func (t *tx) purge(limits *store.PurgeLimits) (purged store.Purged, err error) {
	now := t.store.clock.Now()
	sums, err := t.sums(selectPurge, now, limits.Limit)
	if err != nil {
		return store.Purged{}, err
	}
	for _, sum := range sums {
		emptied := false
		_, err := t.moveSum(sum, func(r *store.Record, _ time.Time) error {
			emptied = r.Purge(now)
			return nil
		})
		if err != nil {
			return store.Purged{}, err
		}
		if !emptied {
			continue
		}
		purged.Emptied++
		if err := t.exec("UPDATE {prefix}trail SET result=NULL WHERE seq=(SELECT seq FROM {prefix}operation WHERE sum=?)", sum[:]); err != nil {
			return store.Purged{}, err
		}
	}
	if limits.Forget == 0 || len(sums) == limits.Limit {
		return purged, nil
	}
	purged.Forgotten, err = t.forget(now.Add(-limits.Forget), limits.Limit-len(sums))
	return purged, err
}

// forget removes tombstones that were made until then.
func (t *tx) forget(until time.Time, limit int) (int, error) {
	sums, err := t.sums(selectForget, until, limit)
	if err != nil {
		return 0, err
	}
	for _, sum := range sums {
		f, err := queryOne(background(), t.session.read, sum[:])
		if err != nil {
			return 0, err
		}
		for _, statement := range [...]string{
			"DELETE FROM {prefix}bytes WHERE seq=?",
			"DELETE FROM {prefix}trail WHERE seq=?",
			"DELETE FROM {prefix}operation WHERE seq=?",
		} {
			if err := t.exec(statement, f.seq); err != nil {
				return 0, err
			}
		}
		t.keep(sum, &f.record, &store.Record{})
	}
	return len(sums), nil
}

func (t *tx) sums(query string, until time.Time, limit int) (sums [][16]byte, err error) {
	rows, err := t.session.conn.QueryContext(background(), t.store.named(query), until.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var sum sql.RawBytes
		if err := rows.Scan(&sum); err != nil {
			return nil, err
		}
		sums = append(sums, [16]byte(sum))
	}
	return sums, errors.Join(rows.Err(), rows.Close())
}
