package store

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Name is what an operation is called in a store. Scope says whose it is (an
// account, a tenant), Kind what it is of (a command, a route, a task) and ID is
// the caller's stable name for it. Scope may be empty; each has at most
// MaxNameLength bytes, of any value.
type Name struct{ Scope, Kind, ID string }

// MaxBytes limits a request and a result: 16 MiB.
const MaxBytes = 16 << 20

// MaxNameLength limits each part of a Name, in bytes.
const MaxNameLength = 1024

// Sum is the 16 bytes under which a store looks an operation up: the beginning
// of the SHA-256 over the parts "retrysafe/record/1", scope, kind and ID, each
// preceded by its length as 8 bytes big-endian.
func (n Name) Sum() [16]byte {
	var buffer [512]byte
	b := buffer[:0]
	for _, part := range [...]string{"retrysafe/record/1", n.Scope, n.Kind, n.ID} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

func (n Name) check() error {
	switch {
	case n.Kind == "" || n.ID == "":
		return invalid("a name without kind or ID")
	case len(n.Scope) > MaxNameLength || len(n.Kind) > MaxNameLength || len(n.ID) > MaxNameLength:
		return invalid("a name with a part longer than %d bytes", MaxNameLength)
	}
	return nil
}

// Fingerprint is the SHA-256 over what an operation asks for. Its formula's
// version is part of what is summed, so one of an unknown formula is equal to
// none.
type Fingerprint [sha256.Size]byte

// Nonce is the secret half of a Token.
type Nonce [16]byte

// Token is the proof of holding an operation. The fence grows with every claim;
// a zero fence, from a claim inside a caller's transaction, leaves the nonce to
// prove it alone.
type Token struct {
	Name
	Fence int64
	Nonce Nonce
}

// Record is one operation. The zero State means that there is none. Times are
// the store's, in UTC and whole microseconds.
type Record struct {
	Name
	// Owner is the account whose runners carry the operation on.
	Owner      string
	Generation int
	// GenerationFence is the fence with which a generation from 1 on began: an
	// older token is of an older key.
	GenerationFence int64
	Fingerprint     Fingerprint
	State           State
	Reason          Reason // of a failed one

	// Fence and Nonce are of the last claim, as are Mode and Runner.
	Fence  int64
	Nonce  Nonce
	Mode   Mode
	Runner bool
	// Told: some call of the application has been waiting for the outcome, and
	// may have been told one.
	Told bool
	// Claims counts the claims, Passes the runners' passes that settled nothing
	// since something was last settled.
	Claims, Passes int

	Lease time.Time // in flight: others may take over from here on
	Next  time.Time // pending, unknown: due from here on
	// Advised: the wait until Next is the server's advice.
	Advised bool
	// Abandoned: the last holder's caller left, so who waits may carry on.
	Abandoned bool
	// Resend: sending the request again may still tell how it ended.
	Resend  bool
	OnLapse OnLapse
	// Window is how long after FirstSent the key may be sent; 0: not known.
	Window    time.Duration
	FirstSent time.Time // zero: nothing of it can have been sent
	LastHeld  time.Time // no delivery began later than this, as far as is known

	Created, Updated time.Time
	Settled          time.Time // zero: it is not
	Retain           time.Duration
	PurgeAt          time.Time // zero: never
	Notice           time.Time // settled without its caller: to be told from here on; zero: no
	Purged           bool      // a tombstone: request and result are gone
	Conflicts        int       // how often an answer was heard that contradicts what it was settled as

	// Request and Result are the holder's bytes; a store does not look at them.
	Request, Result []byte
	// Partial: the result is not the whole answer.
	Partial bool
	// Trail is what was decided by people, and what was heard too late. Only
	// Get reads it; a move's answer has the entries that it added.
	Trail []Entry
}

// Entry is one line of a record's trail, which is never changed.
type Entry struct {
	At         time.Time
	Fence      int64
	Generation int
	Event      Event
	State      State // that was asked for
	Reason     Reason
	Actor      string
	Evidence   string
	Result     []byte
}

// MaxTrail limits the entries of a record that the protocol adds by itself.
// Decisions of people are always kept.
const MaxTrail = 32

// Event is what an Entry tells of.
type Event string

// The events of a trail.
const (
	EventLate      Event = "late answer"        // of a holder that had lost its claim
	EventConflict  Event = "conflict"           // an answer that contradicts the record
	EventResolved  Event = "resolved"           // an operator's or reconciler's decision
	EventReopened  Event = "reopened"           // a failed operation is to be done after all
	EventCancelled Event = "cancelled"          // a pending one is not
	EventLapsed    Event = "lapsed"             // the holder went silent and it is not known how it ended
	EventFinding   Event = "found by reconcile" // a completion of a claim to reconcile
)

// Outcome returns how the operation ended, as far as the record says. What
// failed, and of which somebody then heard that it was done, is Applied: the
// conflict stays for a person to look at, but nothing is sent again.
func (r *Record) Outcome() Outcome {
	switch r.State {
	case StateSucceeded:
		return Applied
	case StateFailed:
		if r.Conflicts > 0 {
			return Applied
		}
		return NotApplied
	default:
		return Unknown
	}
}

// Token returns the proof of holding the record that its last claim gave.
func (r *Record) Token() Token { return Token{r.Name, r.Fence, r.Nonce} }

// ResendUntil returns the end of the key's window: zero if nothing was sent or
// the window is not known.
func (r *Record) ResendUntil() time.Time {
	if r.FirstSent.IsZero() || r.Window == 0 {
		return time.Time{}
	}
	return r.FirstSent.Add(r.Window)
}

// Due returns from when on a runner has something to do with the record: start
// what is pending, take over what lapsed, find out what is unknown, tell what
// was settled without its caller. Zero: never.
func (r *Record) Due() time.Time {
	switch r.State {
	case StatePending, StateUnknown:
		return r.Next
	case StateInFlight:
		return r.Lease
	default:
		return r.Notice
	}
}

// open reports whether a request under the record's key may be sent at now.
// Where the window is not known, within says how long after first-sent a call
// of the application may carry on.
func (r *Record) open(now time.Time, within time.Duration) bool {
	if r.FirstSent.IsZero() {
		return true
	}
	limit := r.Window
	if limit == 0 {
		limit = within
	}
	return now.Before(r.FirstSent.Add(limit))
}

// rise gives the record the fence of the next claim: above every one before, also
// of an operation of this name that was forgotten.
func (r *Record) rise(now time.Time) { r.Fence = max(r.Fence+1, now.UnixMicro()) }

// isOlder reports whether a token is of an older generation: what was done with
// it was done under another key.
func (r *Record) isOlder(t Token) bool {
	return 0 < t.Fence && t.Fence < r.GenerationFence
}

// forgetSending clears what a proof of non-execution, or a new key, makes void.
func (r *Record) forgetSending() {
	r.FirstSent, r.Resend = time.Time{}, false
}

func (r *Record) note(now time.Time, e Entry) {
	e.At, e.Generation = now, r.Generation
	if e.Fence == 0 {
		e.Fence = r.Fence
	}
	r.Trail = append(r.Trail, e)
}
