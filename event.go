package retrysafe

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// OperationStart tells that an operation begins. Queries have no key.
type OperationStart struct {
	Operation Operation
	Query     bool
	Key       Key
}

// OperationEnd tells how a call ended.
type OperationEnd struct {
	Operation Operation
	Query     bool
	Key       Key
	// Outcome and Evidence are of the operation, ThisCall of this call alone.
	Outcome, ThisCall Outcome
	Evidence          Evidence
	// Status is of the last answer; 0: there was none.
	Status   int
	Replayed bool
	// Recorded: it was read from the store.
	Recorded bool
	Attempts int
	Duration time.Duration
	// Err is what the caller is given, nil for success.
	Err error
}

// AttemptStart tells that an attempt begins. Header is that of the request,
// without credentials.
type AttemptStart struct {
	Operation Operation
	Key       Key
	Number    int
	Header    http.Header
}

// AttemptEnd tells how an attempt ended.
type AttemptEnd struct {
	Operation Operation
	Key       Key
	Attempt   Attempt
}

// StoreMove tells of a move in the client's store.
type StoreMove struct {
	// Operation is zero for a move of several.
	Operation Operation
	// Move is begin, claim, renew, complete, get, resolve, notice or due. Status is
	// what became of it, in the store's words.
	Move, Status string
	// Count is of how many operations.
	Count    int
	Duration time.Duration
	Err      error
}

// LogValue has the fields of an event that may be in a log. So have its JSON
// and what it prints.
func (e StoreMove) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("move", e.Move), slog.String("status", e.Status), slog.Int("count", e.Count), slog.Duration("duration", e.Duration),
	}
	if e.Operation != (Operation{}) {
		attrs = append(attrs, slog.Any("operation", e.Operation))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", clip(e.Err.Error())))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes what LogValue has.
func (e StoreMove) MarshalJSON() ([]byte, error) { return groupJSON(e.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (e StoreMove) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.LogValue()) }

// LogValue has the fields of an event that may be in a log. So have its JSON
// and what it prints.
func (e OperationStart) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("operation", e.Operation), slog.Bool("query", e.Query), slog.String("key", e.Key.hash()))
}

// LogValue has the fields of an event that may be in a log. So have its JSON
// and what it prints.
func (e OperationEnd) LogValue() slog.Value {
	return slog.GroupValue(append(e.attrs(), slog.Any("operation", e.Operation), slog.Bool("query", e.Query))...)
}

// LogValue has the fields of an event that may be in a log. So have its JSON
// and what it prints.
func (e AttemptStart) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("operation", e.Operation), slog.String("key", e.Key.hash()), slog.Int("number", e.Number))
}

// LogValue has the fields of an event that may be in a log. So have its JSON
// and what it prints.
func (e AttemptEnd) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("operation", e.Operation), slog.String("key", e.Key.hash()), slog.Any("attempt", e.Attempt))
}

// MarshalJSON writes what LogValue has.
func (e OperationStart) MarshalJSON() ([]byte, error) { return groupJSON(e.LogValue()) }

// MarshalJSON writes what LogValue has.
func (e OperationEnd) MarshalJSON() ([]byte, error) { return groupJSON(e.LogValue()) }

// MarshalJSON writes what LogValue has.
func (e AttemptStart) MarshalJSON() ([]byte, error) { return groupJSON(e.LogValue()) }

// MarshalJSON writes what LogValue has.
func (e AttemptEnd) MarshalJSON() ([]byte, error) { return groupJSON(e.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (e OperationStart) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (e OperationEnd) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (e AttemptStart) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (e AttemptEnd) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.LogValue()) }

func (e OperationEnd) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("key", e.Key.hash()),
		slog.String("outcome", e.Outcome.String()), slog.String("this_call", e.ThisCall.String()),
		slog.String("evidence", string(e.Evidence)), slog.Int("status", e.Status),
		slog.Bool("replayed", e.Replayed), slog.Bool("recorded", e.Recorded), slog.Int("attempts", e.Attempts), slog.Duration("duration", e.Duration),
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()), slog.Bool("retryable", Retryable(e.Err)))
	}
	return attrs
}
