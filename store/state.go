package store

// State is where an operation stands. The zero value means that there is none.
type State uint8

// The states.
const (
	StateAbsent    State = iota
	StatePending         // to be done by a runner; nothing can have run
	StateInFlight        // somebody holds it
	StateSucceeded       // applied
	StateFailed          // not applied, for a Reason
	StateUnknown         // nobody holds it, and it is not known how it ended
)

var stateWords = [...]string{"absent", "pending", "in flight", "succeeded", "failed", "unknown"}

// String returns the state in words.
func (s State) String() string { return word(stateWords[:], int(s)) }

// MarshalText returns what String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s State) settled() bool { return s == StateSucceeded || s == StateFailed }

// Reason says why an operation failed.
type Reason uint8

// The reasons of a failed operation.
const (
	ReasonNone      Reason = iota
	ReasonRefused          // a refusal that speaks for the key: final
	ReasonNotRun           // proof that nothing ran: the application may ask again
	ReasonCancelled        // by somebody, before anything was sent: final
)

var reasonWords = [...]string{"", "refused", "not run", "cancelled"}

// String returns the reason in words.
func (r Reason) String() string { return word(reasonWords[:], int(r)) }

// MarshalText returns what String does.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// OnLapse says what it means that a holder went silent.
type OnLapse uint8

// What a lapse means.
const (
	LapseUnknown OnLapse = iota // it may have run: nothing is sent again
	LapseResume                 // send the same key again, inside its window
	LapseRerun                  // running it again does no harm
)

var lapseWords = [...]string{"unknown", "resume", "rerun"}

// String returns the rule in words.
func (o OnLapse) String() string { return word(lapseWords[:], int(o)) }

// MarshalText returns what String does.
func (o OnLapse) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Mode says what a claim is for.
type Mode uint8

// The modes of a claim.
const (
	// ModeCall begins what is absent, pending or failed (not run), and takes
	// over what has lapsed and may be sent again. Unknown stays unknown.
	ModeCall Mode = iota
	// ModeResume carries on what exists: pending, lapsed or unknown, and never
	// what has failed.
	ModeResume
	// ModeReconcile takes what has lapsed or is unknown, to find out how it
	// ended without sending it again.
	ModeReconcile
	// ModeSweep takes nothing: what has lapsed and may not be sent again becomes
	// unknown.
	ModeSweep
)

var modeWords = [...]string{"call", "resume", "reconcile", "sweep"}

// String returns the mode in words.
func (m Mode) String() string { return word(modeWords[:], int(m)) }

// MarshalText returns what String does.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func word(words []string, n int) string {
	if n >= len(words) {
		return "?"
	}
	return words[n]
}
