package mock

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is one request that reached the provider, or tried to: what
// [Options.Effect] is given, and what [Provider.Requests] lists. Header and
// Body are copies, so reading and changing them is safe.
//
// Printed with any verb it shows neither body nor header nor query, and of the
// key only a short hash.
type Request struct {
	// Time is when the request arrived.
	Time time.Time
	// Attempt numbers the requests with this key from 1. It counts what
	// reached the provider: net/http may deliver one attempt of a client twice.
	Attempt int
	// Method, Path and Query are those of the request line. Path is decoded.
	Method, Path string
	Query        url.Values
	// Header is everything that was sent, credentials too.
	Header http.Header
	// Body is the whole body. It is empty for a request that was refused or
	// reset before it was read.
	Body []byte
	// Key is the idempotency key without its quotes, empty if there was none
	// or if it was malformed.
	Key string
	// EffectID is the ID in the ledger of the effect that this request made,
	// "eff_1" and so on. Options.Effect finds in it the ID that its effect
	// will get. It is empty in the log for a request that made no effect.
	EffectID string

	// Fault names the fault of the script that this request met, empty if it
	// met none. It and the fields below are set in the log only.
	Fault string
	// Status is the status sent back, 0 if no answer was.
	Status int
	// Replayed says that the answer was a stored one.
	Replayed bool
	// End is when the provider was done with the caller: answered, cut off,
	// or given up. It is zero while the caller waits.
	End time.Time
}

func (r Request) clone() Request {
	r.Query, r.Header, r.Body = url.Values(http.Header(r.Query).Clone()), r.Header.Clone(), bytes.Clone(r.Body)
	return r
}

// String returns one line about the request without its secrets.
func (r Request) String() string {
	return fmt.Sprintf("#%d %s %s key %s: %s", r.Attempt, r.Method, r.Path, shortKey(r.Key), r.ending())
}

// GoString returns what String does, so that %#v shows no secret either.
func (r Request) GoString() string { return r.String() }

// ending says what became of the request.
func (r Request) ending() string {
	parts := []string{"no answer"}
	switch {
	case r.End.IsZero():
		parts[0] = "not answered yet"
	case r.Status != 0:
		parts[0] = fmt.Sprint(r.Status)
	}
	if r.Replayed {
		parts = append(parts, "replayed")
	}
	if r.EffectID != "" {
		parts = append(parts, "effect "+r.EffectID)
	}
	if r.Fault != "" {
		parts = append(parts, "fault "+r.Fault)
	}
	return strings.Join(parts, ", ")
}

// safe reports whether the method has no effect by its meaning (RFC 9110,
// section 9.2.1).
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
