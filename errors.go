package retrysafe

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe/internal/errtree"
	"github.com/retrysafe/retrysafe/store"
)

// Outcome is how an operation ended. It is about the operation, not about one
// call, and it decides what may be sent next.
type Outcome = store.Outcome

// The three outcomes. Unknown is the zero value.
const (
	// Unknown: it may have taken effect. Call again under the same ID, or find
	// the truth, before anything else is sent.
	Unknown = store.Unknown
	// NotApplied: it has had no effect and can have none any more.
	NotApplied = store.NotApplied
	// Applied: the provider has taken the request, once.
	Applied = store.Applied
)

// OutcomeOf returns how the operation ended of which err speaks, the error
// that Do returned: Applied for nil. Errors that are not ours, and several
// that disagree (errors.Join), are Unknown. It walks the whole tree, but not
// below an *Error, which speaks for what it wraps.
func OutcomeOf(err error) Outcome { return store.OutcomeOf(err) }

// Why a call stopped. Every *Error wraps one of these, or the cause of the
// context that ended (context.Cause).
var (
	// ErrInvalid: a declaration, an option, an ID or a value is not one that
	// can be sent. Nothing was sent. Fix the program.
	ErrInvalid = errors.New("invalid")
	// ErrRefused: the provider refused the operation.
	ErrRefused = errors.New("refused by the provider")
	// ErrInFlight: the provider, or another call or process that shares the
	// store, is at work on the operation.
	ErrInFlight = errors.New("in flight")
	// ErrKeyReused: the key, or in a store the ID, stands for another request.
	// With a store the text names the fields that differ.
	ErrKeyReused = errors.New("key is bound to another request")
	// ErrKeyExpired: the provider no longer knows what became of this key.
	ErrKeyExpired = errors.New("key has expired")
	// ErrStuck: no retry under this key will tell how the operation ended.
	ErrStuck = errors.New("no retry will tell how it ended")
	// ErrAnswerLost: the operation was applied, but its answer was cut, too
	// long, could not be decoded, or was not to be had where it lies.
	ErrAnswerLost = errors.New("answer lost")
	// ErrConflict: an answer contradicts another one, or what is recorded.
	// Nothing more is sent; a person must look.
	ErrConflict = errors.New("answers contradict each other")
	// ErrAttemptsExhausted: RetryPolicy.MaxAttempts attempts were made.
	ErrAttemptsExhausted = errors.New("attempts exhausted")
	// ErrBudgetExhausted: the host is failing, or has asked for time, and the turn
	// of this operation (RetryPolicy.Budget) does not come before its deadline.
	ErrBudgetExhausted = errors.New("budget exhausted: the host is failing")
	// ErrNoTimeLeft: the next attempt could not begin before the deadline, the
	// elapsed limit, the end of the key's window or the longest wait allowed.
	// Error.RetryAt says when it could.
	ErrNoTimeLeft = errors.New("no time left for the next attempt")
	// ErrNotResent: the last delivery is in doubt and no key is on the wire
	// that would make sending it again safe.
	ErrNotResent = errors.New("not sent again without a key")
	// ErrAuthorize: Options.Authorize failed, so the attempt was not sent.
	ErrAuthorize = errors.New("authorization failed")
	// ErrAttemptTimeout is the error of an attempt that took longer than
	// RetryPolicy.AttemptTimeout. It is not context.DeadlineExceeded, which
	// always means the caller's own deadline.
	ErrAttemptTimeout = errors.New("attempt timed out")
	// ErrStore: the client's store could not be asked, or did not keep what was
	// to be kept. Before anything was sent it ends the call.
	ErrStore = errors.New("store failed")
	// ErrPending: the operation waits for a runner, or for its time.
	ErrPending = errors.New("pending")
	// ErrNotPending: what is to be cancelled was begun already, or has ended.
	ErrNotPending = errors.New("not pending")
	// ErrNotFound: the store has no such operation.
	ErrNotFound = errors.New("not found")
	// ErrAnswerGone: how the operation ended is recorded, but its answer was
	// kept no longer (Command.Retention).
	ErrAnswerGone = errors.New("answer is no longer kept")
	// ErrCancelled: the operation was cancelled before anything was sent.
	ErrCancelled = errors.New("cancelled")
	// ErrDeliveryLimit is the error of an attempt in which net/http was about
	// to send the request more often than RetryPolicy.MaxDeliveries.
	ErrDeliveryLimit = errors.New("delivery limit reached")
)

// What only this package sees, or hears of an attempt.
var (
	// errTryAgain is no reason to end a call: only a limit could.
	errTryAgain   = errors.New("try again")
	errNotOurs    = errors.New("request was not made by a client of retrysafe")
	errNoResponse = errors.New("transport gave neither a response nor an error")
	errTampered   = errors.New("key, host, method or path was changed, or a header cannot be sent")
	errTooLong    = fmt.Errorf("answer is longer than %d bytes", maxBody)
	errNoDecoding = errors.New("no decoding for this media type")
	errCut        = errors.New("recorded answer is not whole")
	errNotThere   = errors.New("not found at the provider, which would have it")
	errChanging   = errors.New("the operation changed again and again")
	errCallEnded  = errors.New("the call that was at work on it ended before an answer came")
	errStoreSlow  = fmt.Errorf("it took longer than %v", completionTimeout)
	errLeaseLost  = errors.New("claim on the operation was lost")
	errUnreadable = errors.New("record cannot be used")
	errWaits      = errors.New("waits for the call to be made again, which has the credentials")
	errUnbound    = errors.New("no command was sent under this context")
	errLink       = errors.New("the link to the answer cannot be followed")
)

// Error says why a call did not end with an answer in hand, what that means
// for the operation, and what may be sent next. Its text has one line and
// holds neither key nor header, body, query or the provider's own words; those
// are in the fields. It is not changed after it was returned.
type Error struct {
	// Outcome is of the operation, ThisCall of the deliveries of this call
	// alone: whatever an earlier call or process may have sent is left out.
	Outcome, ThisCall Outcome
	Operation         Operation
	Key               Key
	// Verdict is what the last answer meant; zero if there was none.
	Verdict  Verdict
	Evidence Evidence
	// Status is of the last answer, 0 if there was none. ProviderCode, Message
	// and RequestID are what the profile found in it, or what RFC 9457 has.
	Status                           int
	ProviderCode, Message, RequestID string
	// RetryAt is the earliest time at which the next attempt would have been
	// made; zero if there is no reason to make one.
	RetryAt time.Time
	// Recorded: the failure was read from the store. Replayed: the provider
	// gave a stored answer again.
	Recorded, Replayed bool
	Attempts           []Attempt

	retryable bool
	invalid   bool      // nothing was sent, because the program is wrong
	until     time.Time // the key must not be sent any more; zero: not known
	link      error     // why the answer could not be fetched from elsewhere
	causes    []error
}

// Error returns one line: what happened, what it means for the effect, and
// what is safe to do next.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	var b strings.Builder
	b.WriteString("retrysafe: ")
	b.WriteString(e.Operation.String())
	b.WriteString(": ")
	b.WriteString(e.what())
	b.WriteString(": ")
	b.WriteString(e.Outcome.String())
	if e.Recorded {
		b.WriteString(" (recorded)")
	} else if e.Outcome == Unknown && e.ThisCall == NotApplied {
		b.WriteString(" (this call: not applied)")
	}
	b.WriteString(": ")
	b.WriteString(e.next())
	return b.String()
}

// what tells what happened: the answer, if there was one, and why we stopped.
func (e *Error) what() string {
	var parts []string
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(strconv.Itoa(e.Status)+" "+printable(e.ProviderCode)))
	}
	if len(e.causes) > 0 {
		parts = append(parts, clip(e.causes[0].Error()))
	}
	for _, cause := range e.causes[min(1, len(e.causes)):] {
		if cause == ErrInFlight || cause == ErrAnswerGone || errors.Is(cause, ErrStore) {
			parts = append(parts, clip(cause.Error()))
		}
	}
	if e.link != nil {
		parts = append(parts, e.link.Error())
	}
	if n := len(e.Attempts); n > 0 {
		parts = appendNew(parts, e.Attempts[n-1].Err)
		if n > 1 {
			parts = append(parts, fmt.Sprintf("after %d attempts", n))
		}
	}
	return strings.Join(parts, ", ")
}

// appendNew leaves out an error whose text is there, and a text that its own
// says again.
func appendNew(parts []string, err error) []string {
	if err == nil || slices.Contains(parts, err.Error()) {
		return parts
	}
	if n := len(parts); n > 0 && strings.HasPrefix(err.Error(), parts[n-1]) {
		parts = parts[:n-1]
	}
	return append(parts, err.Error())
}

func (e *Error) next() string {
	if next := e.nextOfStore(); next != "" {
		return next
	}
	switch {
	case e.Outcome == Applied && e.retryable:
		return "call again under the same ID for the answer"
	case e.Outcome == Applied:
		return "send nothing more, ask the provider for the answer"
	case e.retryable:
		return "call again under the same ID" + e.between()
	case e.invalid:
		return "fix the request"
	case e.Outcome == NotApplied:
		return "a new operation may be begun"
	case e.Evidence == EvidenceEarlierCall:
		return "if no earlier call was made, a new operation may be begun (Call.First says so); else find the truth at the provider"
	default:
		return "find the truth at the provider before anything else is sent"
	}
}

// nextOfStore is what is safe next where the store, and not the provider, ended
// the call.
func (e *Error) nextOfStore() string {
	is := func(target error) bool { return len(e.causes) > 0 && errors.Is(e.causes[0], target) }
	switch {
	case is(ErrKeyReused) && e.Recorded:
		return "that is the recorded request: if this is another operation, give it an ID of its own"
	case is(ErrNotFound):
		return "nothing is recorded under this ID: Do or Enqueue begins it"
	case is(ErrNotPending):
		return "too late to cancel: Lookup says how it ends"
	case is(ErrStore) && !e.retryable && e.Evidence == EvidenceStore:
		return "nothing was sent by this call: the store must work first"
	default:
		return ""
	}
}

// between says when calling again is safe, as far as is known.
func (e *Error) between() string {
	var b strings.Builder
	if !e.RetryAt.IsZero() {
		b.WriteString(" from " + e.RetryAt.UTC().Format(time.RFC3339))
	}
	if e.until.After(e.RetryAt) {
		b.WriteString(" before " + e.until.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// Unwrap returns why the call stopped (a sentinel of this package, or the
// cause of the context that ended), then the last attempt's own error and the
// command's typed failure, where there are such.
func (e *Error) Unwrap() []error { return e.causes }

// OperationOutcome returns Outcome, for OutcomeOf.
func (e *Error) OperationOutcome() Outcome { return e.Outcome }

// LogValue has the fields of an error without its key, headers, message or bytes.
func (e Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Any("operation", e.Operation),
		slog.String("outcome", e.Outcome.String()),
		slog.String("this_call", e.ThisCall.String()),
		slog.String("evidence", string(e.Evidence)),
		slog.String("key", e.Key.hash()),
		slog.Int("status", e.Status),
		slog.String("code", printable(e.ProviderCode)),
		slog.String("request_id", printable(e.RequestID)),
		slog.Int("attempts", len(e.Attempts)),
		slog.Bool("retryable", e.retryable),
		slog.Bool("recorded", e.Recorded),
		slog.Bool("replayed", e.Replayed),
	)
}

// MarshalJSON writes the same fields as LogValue, with the key's hash.
func (e Error) MarshalJSON() ([]byte, error) { return groupJSON(e.LogValue()) }

// Format prints what Error returns, whatever the verb.
func (e Error) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, e.Error())
}

// Retryable reports whether calling again under the same ID is safe and may
// help: the provider was busy, had the operation in flight or could not be
// reached, or time or budget ran out. False means to fix the request, to
// reconcile, or to begin a new operation. It is false for nil, for errors that
// are not ours, and unless all of several errors of ours agree.
func Retryable(err error) bool {
	found, all := 0, true
	errtree.Walk(err, func(err error) bool {
		e, ours := err.(*Error)
		if ours {
			found++
			all = all && e.retryable
		}
		return !ours // it has taken into account what it wraps
	})
	return found > 0 && all
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// reusedError says in what the request differs that an ID already stands for.
// Its fields are names, never values.
type reusedError struct{ fields []string }

func (e *reusedError) Error() string {
	switch text := ErrKeyReused.Error(); len(e.fields) {
	case 0:
		return text
	case 1:
		return text + ": " + e.fields[0] + " differs"
	default:
		return text + ": " + strings.Join(e.fields, ", ") + " differ"
	}
}

func (e *reusedError) Unwrap() error { return ErrKeyReused }

// unsent is the error of an attempt that we ourselves did not send.
type unsent struct{ reason, err error }

func (e *unsent) Error() string   { return e.reason.Error() + ": " + e.err.Error() }
func (e *unsent) Unwrap() []error { return []error{e.reason, e.err} }

// declarationError says of which declaration an error is.
type declarationError struct {
	what, name string
	err        error
}

func (e *declarationError) Error() string {
	return e.what + " " + strconv.Quote(clip(e.name)) + ": " + e.err.Error()
}
func (e *declarationError) Unwrap() error { return e.err }

// undecodable is the error of an answer that came whole and is not what the
// declaration says. Its text does not repeat the decoder's, which may quote.
type undecodable struct{ err error }

func (*undecodable) Error() string   { return "answer cannot be decoded" }
func (e *undecodable) Unwrap() error { return e.err }

// redacted is an error of somebody else's, without the key and the query in
// its text.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.err }

// badValue says what is wrong with a value without repeating it.
type badValue string

func (b badValue) Error() string { return string(b) }

// present returns err, or nil for a typed nil, whose methods must not be called.
func present(err error) (there error) {
	errtree.Walk(err, func(err error) bool {
		there = err
		return false
	})
	return there
}
