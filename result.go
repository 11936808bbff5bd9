package retrysafe

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// Result is the answer to an operation. It prints, marshals and logs without
// its key, header and value.
type Result[T any] struct {
	Value  T
	Key    Key
	Status int
	Header http.Header
	// Replayed: the provider gave a stored answer again. Recorded: the answer
	// was read from the client's store, and nothing was sent.
	Replayed, Recorded bool
	Attempts           []Attempt
}

// ended fills the result of a call. It is nil if there was no answer.
func (r *Result[T]) ended(end ending) (*Result[T], error) {
	var err error
	if end.err != nil {
		err = end.err
	}
	if end.answer == nil {
		if end.err == nil || end.err.Outcome != Applied {
			return nil, err
		}
		end.answer = &Answer{} // Applied: there is a result, though nothing in it.
	}
	r.Key, r.Attempts, r.Replayed, r.Recorded = end.key, end.attempts, end.replayed, end.recorded
	r.Status, r.Header = end.answer.Status, end.answer.Header
	return r, err
}

// LogValue has the fields that may be in a log.
func (r Result[T]) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("key", r.Key.hash()), slog.Int("status", r.Status), slog.Bool("replayed", r.Replayed),
		slog.Bool("recorded", r.Recorded), slog.Int("attempts", len(r.Attempts)),
	)
}

// MarshalJSON writes the same fields as LogValue.
func (r Result[T]) MarshalJSON() ([]byte, error) { return groupJSON(r.LogValue()) }

// Format prints the same fields as LogValue, whatever the verb.
func (r Result[T]) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "result{status=%d key=%s replayed=%t recorded=%t attempts=%d}",
		r.Status, r.Key.hash(), r.Replayed, r.Recorded, len(r.Attempts))
}

// Operation names one intent of the caller: at most one effect. For a Query
// the ID is empty.
type Operation struct {
	Account, Command, ID string
	// Generation is 0. Only an operator or a reconciler who has proof that the
	// operation did not run and that its key is spent raises it.
	Generation int
	// RequestLost says to a handler that the recorded request cannot be decoded
	// any more, so that what it is given of it is zero.
	RequestLost bool
}

// String returns the command's name and the quoted ID, each cut to 500 bytes.
func (o Operation) String() string {
	if o.ID == "" {
		return clip(o.Command)
	}
	return clip(o.Command) + " " + strconv.Quote(clip(o.ID))
}

// Attempt is one request that the retry loop sent. It prints without headers
// and bytes.
type Attempt struct {
	// Number counts from 1. Wait is how long the loop waited before it, in
	// line for its turn too.
	Number   int
	Wait     time.Duration
	Start    time.Time
	Duration time.Duration
	// Sent says what is known of the bytes if there was no answer; with one it
	// is MaybeSent. Deliveries is how often net/http put the request on a
	// connection; more than one is a replay that net/http does by itself.
	Sent       Sent
	Deliveries int
	// Status, Code and RequestID are of the answer, and Verdict what it means.
	Status          int
	Code, RequestID string
	Verdict         Verdict
	// Err is why there was no answer, or no whole one. Its text has neither key
	// nor query.
	Err error
}

// LogValue has the fields that may be in a log.
func (a Attempt) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int("number", a.Number), slog.Duration("wait", a.Wait), slog.Duration("duration", a.Duration),
		slog.String("sent", a.Sent.String()), slog.Int("deliveries", a.Deliveries),
		slog.String("verdict", a.Verdict.String()),
	}
	if a.Status != 0 {
		attrs = append(attrs, slog.Int("status", a.Status), slog.String("code", a.Code), slog.String("request_id", a.RequestID))
	}
	if a.Err != nil {
		attrs = append(attrs, slog.String("error", a.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes the same fields as LogValue.
func (a Attempt) MarshalJSON() ([]byte, error) { return groupJSON(a.LogValue()) }

// groupJSON writes a group of log attributes as a JSON object.
func groupJSON(v slog.Value) ([]byte, error) { return json.Marshal(plain(v)) }

func plain(v slog.Value) any {
	v = v.Resolve()
	if v.Kind() != slog.KindGroup {
		if v.Kind() == slog.KindDuration {
			return v.Duration().String()
		}
		return v.Any()
	}
	group := map[string]any{}
	for _, a := range v.Group() {
		group[a.Key] = plain(a.Value)
	}
	return group
}
