package store

import "github.com/retrysafe/retrysafe/internal/errtree"

// Outcome is how an operation ended. It is about the operation, not about one
// call, and it decides what may be sent next. The zero value is Unknown: what
// nobody has said is not known.
type Outcome int

const (
	// Unknown says that the operation may or may not have taken effect. First
	// find the truth: call again under the same ID, or reconcile.
	Unknown Outcome = iota
	// NotApplied says that the operation has had no effect and that nothing
	// sent so far can still give it one. A new operation may be begun.
	NotApplied
	// Applied says that the provider has taken the request, once. Nothing more
	// is to be sent.
	Applied
)

// String returns "unknown", "not applied" or "applied".
func (o Outcome) String() string {
	switch o {
	case Applied:
		return "applied"
	case NotApplied:
		return "not applied"
	default:
		return "unknown"
	}
}

// MarshalText returns what String does, so that JSON and logs show a word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes. The error is ErrInvalid for
// anything else.
func (o *Outcome) UnmarshalText(text []byte) error {
	for _, known := range [...]Outcome{Unknown, NotApplied, Applied} {
		if string(text) == known.String() {
			*o = known
			return nil
		}
	}
	return invalid("no outcome has that name")
}

// Outcomer is implemented by errors that know how the operation they speak of
// ended.
type Outcomer interface{ OperationOutcome() Outcome }

// OutcomeOf returns how the operation ended of which err speaks: Applied for
// nil, else what every error in its tree says that implements Outcomer; such an
// error speaks for all that it wraps, which may be of other operations. It
// returns Unknown if none does, or if two disagree. A typed nil pointer says
// nothing.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Applied
	}
	found := outcomes{}
	errtree.Walk(err, func(err error) bool {
		says, ok := err.(Outcomer)
		if ok {
			found.add(says.OperationOutcome())
		}
		return !ok
	})
	return found.joined()
}

type outcomes struct {
	outcome  Outcome
	some     bool
	disagree bool
}

func (o *outcomes) add(outcome Outcome) {
	if o.some && o.outcome != outcome {
		o.disagree = true
	}
	o.outcome, o.some = outcome, true
}

func (o *outcomes) joined() Outcome {
	if !o.some || o.disagree {
		return Unknown
	}
	return o.outcome
}
