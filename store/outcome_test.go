package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/retrysafe/retrysafe/store"
)

// says is an error that knows how its operation ended.
type says struct {
	outcome store.Outcome
	wraps   error
}

func (*says) Error() string                        { return "says" }
func (s *says) OperationOutcome() store.Outcome    { return s.outcome }
func (s *says) Unwrap() error                      { return s.wraps }
func saying(o store.Outcome, wraps ...error) error { return &says{o, errors.Join(wraps...)} }

func TestOutcomeOf(t *testing.T) {
	plain := errors.New("plain")
	for name, c := range map[string]struct {
		err  error
		want store.Outcome
	}{
		"nil":                           {nil, store.Applied},
		"not ours":                      {plain, store.Unknown},
		"applied":                       {saying(store.Applied), store.Applied},
		"not applied":                   {saying(store.NotApplied), store.NotApplied},
		"unknown":                       {saying(store.Unknown), store.Unknown},
		"wrapped":                       {fmt.Errorf("paying: %w", saying(store.NotApplied)), store.NotApplied},
		"joined with a plain one":       {errors.Join(plain, saying(store.NotApplied)), store.NotApplied},
		"two that agree":                {errors.Join(saying(store.Applied), saying(store.Applied)), store.Applied},
		"two that disagree":             {errors.Join(saying(store.Applied), saying(store.NotApplied)), store.Unknown},
		"one of two is unknown":         {errors.Join(saying(store.NotApplied), saying(store.Unknown)), store.Unknown},
		"disagreement deep in the tree": {fmt.Errorf("%w, %w", saying(store.Applied), fmt.Errorf("%w", saying(store.NotApplied))), store.Unknown},
		"it speaks for what it wraps":   {saying(store.NotApplied, saying(store.Applied)), store.NotApplied},
		"typed nil":                     {(*says)(nil), store.Unknown},
		"typed nil beside another":      {errors.Join((*says)(nil), saying(store.NotApplied)), store.NotApplied},
		"typed nil, wrapped":            {fmt.Errorf("%w", (*says)(nil)), store.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := store.OutcomeOf(c.err); got != c.want {
				t.Errorf("OutcomeOf(%T) = %v, want %v", c.err, got, c.want)
			}
		})
	}
}

func TestAnOutcomeIsAWord(t *testing.T) {
	for outcome, want := range map[store.Outcome]string{
		store.Unknown: "unknown", store.NotApplied: "not applied", store.Applied: "applied", 42: "unknown", -1: "unknown",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("Outcome(%d) is %q, want %q", int(outcome), got, want)
		}
		if got, err := json.Marshal(outcome); err != nil || string(got) != `"`+want+`"` {
			t.Errorf("Outcome(%d) marshals to %s (%v), want %q", int(outcome), got, err, want)
		}
	}
	for _, outcome := range []store.Outcome{store.Unknown, store.NotApplied, store.Applied} {
		b, _ := json.Marshal(outcome)
		var back store.Outcome = 42
		if err := json.Unmarshal(b, &back); err != nil || back != outcome {
			t.Errorf("%s comes back as %v (%v)", b, back, err)
		}
	}
	if err := json.Unmarshal([]byte(`"perhaps"`), new(store.Outcome)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a word that is none: %v", err)
	}
	var zero store.Outcome
	if zero != store.Unknown {
		t.Error("the zero value is not unknown")
	}
}
