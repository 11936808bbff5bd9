package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// maxInline is the size up to which a request or result lies in its operation's
// row. A row with larger ones would make every probe of the table slower.
const maxInline = 2 << 10

// What lies in the table of large bytes.
const (
	asideRequest = 1
	asideResult  = 2
)

// columns are written in this order by insert and update.
var columns = [...]string{
	"sum", "scope", "kind", "id", "owner", "generation", "generation_fence", "fingerprint",
	"state", "reason", "fence", "nonce", "mode", "runner", "told", "claims", "passes",
	"lease", "next", "advised", "abandoned", "resend", "on_lapse", "key_window", "first_sent", "last_held",
	"created", "updated", "settled", "retain", "purge_at", "notice", "purged", "conflicts",
	"request", "result", "partial", "aside", "due",
}

// values are what columns says.
func values(sum []byte, r *store.Record) []any {
	return []any{
		sum, []byte(r.Scope), []byte(r.Kind), []byte(r.ID), []byte(r.Owner), int64(r.Generation), r.GenerationFence, r.Fingerprint[:],
		int64(r.State), int64(r.Reason), r.Fence, r.Nonce[:], int64(r.Mode), flag(r.Runner), flag(r.Told), int64(r.Claims), int64(r.Passes),
		micros(r.Lease), micros(r.Next), flag(r.Advised), flag(r.Abandoned), flag(r.Resend), int64(r.OnLapse), int64(r.Window), micros(r.FirstSent), micros(r.LastHeld),
		micros(r.Created), micros(r.Updated), micros(r.Settled), int64(r.Retain), micros(r.PurgeAt), micros(r.Notice), flag(r.Purged), int64(r.Conflicts),
		inline(r.Request), inline(r.Result), flag(r.Partial), aside(r), micros(r.Due()),
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func inline(b []byte) any {
	if b == nil || len(b) > maxInline {
		return nil
	}
	return b
}

func aside(r *store.Record) (which int64) {
	if len(r.Request) > maxInline {
		which |= asideRequest
	}
	if len(r.Result) > maxInline {
		which |= asideResult
	}
	return which
}

// small is every column of few bits, in one: drivers take longer to fetch a
// column than the database takes to find it. The top bits say which bytes are
// there, for drivers that do not tell empty from absent.
const small = "state|(reason<<4)|(mode<<8)|(on_lapse<<12)|(runner<<16)|(told<<17)|(advised<<18)|(abandoned<<19)|(resend<<20)|(purged<<21)|(partial<<22)" +
	"|((request IS NOT NULL)<<23)|((result IS NOT NULL)<<24)"

const (
	bitRunner = 1 << (16 + iota)
	bitTold
	bitAdvised
	bitAbandoned
	bitResend
	bitPurged
	bitPartial
	bitRequest
	bitResult
)

// headColumns are those of a record without its bytes.
const headColumns = "seq," + small + ",scope,kind,id,owner,generation,generation_fence,fingerprint,fence,nonce,claims,passes,lease,next,key_window,first_sent,last_held," +
	"created,updated,settled,retain,purge_at,notice,conflicts"

// allColumns are those of a whole record, except its trail.
const allColumns = headColumns +
	",CASE WHEN aside&1 THEN (SELECT data FROM {prefix}bytes b WHERE b.seq=o.seq AND part=1) ELSE request END" +
	",CASE WHEN aside&2 THEN (SELECT data FROM {prefix}bytes b WHERE b.seq=o.seq AND part=2) ELSE result END"

// row receives a record from the database.
type row struct {
	seq    int64
	record store.Record

	small                      int64
	scope, kind, id, owner     sql.RawBytes
	fingerprint, nonce         sql.RawBytes
	window, retain             int64
	lease, next, firstSent     sql.NullInt64
	lastHeld, created, updated sql.NullInt64
	settled, purgeAt, notice   sql.NullInt64
	request, result            []byte
}

// head are the targets for headColumns.
func (w *row) head() []any {
	r := &w.record
	return []any{
		&w.seq, &w.small, &w.scope, &w.kind, &w.id, &w.owner, &r.Generation, &r.GenerationFence, &w.fingerprint, &r.Fence, &w.nonce, &r.Claims, &r.Passes,
		&w.lease, &w.next, &w.window, &w.firstSent, &w.lastHeld,
		&w.created, &w.updated, &w.settled, &w.retain, &w.purgeAt, &w.notice, &r.Conflicts,
	}
}

// all are the targets for allColumns.
func (w *row) all() []any { return append(w.head(), &w.request, &w.result) }

// decode completes the record after a scan, whose raw bytes are only valid
// until the next one.
func (w *row) decode() *store.Record {
	r := &w.record
	r.Name = store.Name{Scope: string(w.scope), Kind: string(w.kind), ID: string(w.id)}
	r.Owner = string(w.owner)
	copy(r.Fingerprint[:], w.fingerprint)
	copy(r.Nonce[:], w.nonce)
	r.State, r.Reason = store.State(w.small&15), store.Reason(w.small>>4&15)
	r.Mode, r.OnLapse = store.Mode(w.small>>8&15), store.OnLapse(w.small>>12&15)
	r.Runner, r.Told, r.Advised = w.has(bitRunner), w.has(bitTold), w.has(bitAdvised)
	r.Abandoned, r.Resend, r.Purged, r.Partial = w.has(bitAbandoned), w.has(bitResend), w.has(bitPurged), w.has(bitPartial)
	r.Window, r.Retain = time.Duration(w.window), time.Duration(w.retain)
	r.Lease, r.Next, r.FirstSent, r.LastHeld = moment(w.lease), moment(w.next), moment(w.firstSent), moment(w.lastHeld)
	r.Created, r.Updated, r.Settled = moment(w.created), moment(w.updated), moment(w.settled)
	r.PurgeAt, r.Notice = moment(w.purgeAt), moment(w.notice)
	r.Request, r.Result = present(w.request, w.has(bitRequest)), present(w.result, w.has(bitResult))
	return r
}

func (w *row) has(bit int64) bool { return w.small&bit != 0 }

func moment(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

func present(b []byte, there bool) []byte {
	if b == nil && there {
		return []byte{}
	}
	return b
}

// found is one record as a statement found it: seq is 0 if there is none.
type found struct {
	seq    int64
	record store.Record
}

// queryOne runs selectOne.
func queryOne(ctx context.Context, stmt *sql.Stmt, sum []byte) (found, error) {
	return scanOne(stmt.QueryContext(ctx, sum))
}

func scanOne(rows *sql.Rows, err error) (found, error) {
	if err != nil {
		return found{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		return found{}, rows.Err()
	}
	var w row
	if err := rows.Scan(w.all()...); err != nil {
		return found{}, err
	}
	f := found{record: *w.decode()}
	f.seq = w.seq
	return f, errors.Join(rows.Err(), rows.Close())
}

// whole cuts a record's times to what is stored, so that a move's answer and a
// later look are equal.
func whole(r *store.Record) {
	for _, t := range [...]*time.Time{&r.Lease, &r.Next, &r.FirstSent, &r.LastHeld, &r.PurgeAt, &r.Notice} {
		*t = t.Truncate(time.Microsecond)
	}
}

func list(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
