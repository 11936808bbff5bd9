package sqlstore

import (
	"context"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// noteEntry adds a line to a trail. What the protocol adds by itself, it does
// not add twice, nor beyond store.MaxTrail.
const noteEntry = "INSERT INTO {prefix}trail (seq,at,fence,generation,event,state,reason,actor,evidence,result) SELECT ?,?,?,?,?,?,?,?,?,?"

const unlessNoted = " WHERE NOT EXISTS (SELECT 1 FROM {prefix}trail WHERE seq=? AND actor=x'' AND fence=? AND generation=? AND event=? AND state=? AND reason=?" +
	" AND evidence=? AND coalesce(result,x'')=?) AND (SELECT count(*) FROM {prefix}trail WHERE seq=? AND actor=x'')<?"

func (t *tx) note(seq int64, entries []store.Entry) error {
	for i := range entries {
		e := &entries[i]
		text, args := noteEntry, []any{seq, e.At.UnixMicro(), e.Fence, int64(e.Generation), []byte(e.Event), int64(e.State), int64(e.Reason),
			[]byte(e.Actor), []byte(e.Evidence), e.Result}
		if e.Actor == "" {
			text += unlessNoted
			args = append(args, seq, e.Fence, int64(e.Generation), []byte(e.Event), int64(e.State), int64(e.Reason), []byte(e.Evidence), notNil(e.Result),
				seq, int64(store.MaxTrail))
		}
		if err := t.exec(text, args...); err != nil {
			return err
		}
	}
	return nil
}

func notNil(b []byte) []byte { return present(b, true) }

const selectTrail = "SELECT at,fence,generation,event,state,reason,actor,evidence,result,result IS NOT NULL FROM {prefix}trail WHERE seq=? ORDER BY entry"

func (s *Store) trail(ctx context.Context, conn queryer, seq int64) ([]store.Entry, error) {
	rows, err := conn.QueryContext(ctx, s.named(selectTrail), seq)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var entries []store.Entry
	for rows.Next() {
		var e store.Entry
		var at, state, reason int64
		var event, actor, evidence []byte
		var there bool
		if err := rows.Scan(&at, &e.Fence, &e.Generation, &event, &state, &reason, &actor, &evidence, &e.Result, &there); err != nil {
			return nil, err
		}
		e.At, e.Event, e.State, e.Reason = time.UnixMicro(at).UTC(), store.Event(event), store.State(state), store.Reason(reason)
		e.Actor, e.Evidence, e.Result = string(actor), string(evidence), present(e.Result, there)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}
