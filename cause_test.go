package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

// endings are the places in which a context can end: each returns the error of
// a call whose context ends with a cause.
var endings = map[string]func(*testing.T, error) error{
	"before": func(t *testing.T, cause error) error { return endedAfter(t, 0, stalling, cause) },
	"in an attempt": func(t *testing.T, cause error) error {
		return endedAfter(t, time.Second, stalling, cause)
	},
	"in a wait": func(t *testing.T, cause error) error {
		return endedAfter(t, time.Second, always(503, `{}`, "Retry-After", "20"), cause)
	},
	"in an answer": func(t *testing.T, cause error) error {
		return endedAfter(t, time.Second, func(req *http.Request) (*http.Response, error) {
			resp := trapAnswer(201, trapCharged)
			resp.Body = bodyOf{req.Context()}
			return resp, nil
		}, cause)
	},
}

// bodyOf is a body that never comes.
type bodyOf struct{ ctx context.Context }

func (b bodyOf) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (bodyOf) Close() error               { return nil }

func endedAfter(t *testing.T, d time.Duration, wire transportFunc, cause error) error {
	ctx, cancel := context.WithCancelCause(t.Context())
	if d == 0 {
		cancel(cause)
	} else {
		time.AfterFunc(d, func() { cancel(cause) })
	}
	_, err := createCharge.Do(ctx, wireClient(t, wire, retrysafe.Options{}), "order-1", charge{})
	return err
}

// With an errgroup the cause is the error of a sibling: another operation's.
func TestTheErrorOfASiblingDecidesNothing(t *testing.T) {
	sibling := &retrysafe.Error{Outcome: retrysafe.NotApplied, ThisCall: retrysafe.Applied}
	causes := map[string]error{"our own error": sibling, "our own error, wrapped": fmt.Errorf("sibling: %w", sibling)}
	for _, sentinel := range outcomeSentinels {
		causes[sentinel.Error()] = sentinel
		causes[sentinel.Error()+", wrapped"] = fmt.Errorf("sibling: %w", sentinel)
	}
	for place, end := range endings {
		t.Run(place, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				plain := asError(t, end(t, errors.New("shutting down")))
				for name, cause := range causes {
					err := end(t, cause)
					e := asError(t, err)
					if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
						t.Errorf("%s: %v, want the cause and context.Canceled", name, err)
					}
					if e.Outcome != plain.Outcome || e.ThisCall != plain.ThisCall || e.Evidence != plain.Evidence || retrysafe.OutcomeOf(err) != plain.Outcome {
						t.Errorf("%s: %v, this call %v, %q; want %v, %v, %q", name, e.Outcome, e.ThisCall, e.Evidence, plain.Outcome, plain.ThisCall, plain.Evidence)
					}
					if !retrysafe.Retryable(err) || !strings.Contains(err.Error(), "call again under the same ID") {
						t.Errorf("%s: retryable %t: %v; want yes, and to be told", name, retrysafe.Retryable(err), err)
					}
				}
			})
		})
	}
}

func TestACauseOfManyLinesIsClippedToOne(t *testing.T) {
	for place, end := range endings {
		t.Run(place, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, text := range []string{"line one\nlevel=ERROR msg=\"forged\"\x1b[31m", "a\r\nb", "\u2028\u202e\u0085", strings.Repeat("x\n", 5000), "\xff\xfe"} {
					cause := errors.New(text)
					err := end(t, cause)
					checkText(t, err)
					if strings.ContainsAny(err.Error(), "\u2028\u202e\u0085") || !errors.Is(err, cause) {
						t.Errorf("%.300q, want one line, and the cause", err.Error())
					}
					for _, a := range asError(t, err).Attempts {
						if a.Err != nil {
							checkText(t, a.Err)
						}
					}
				}
			})
		})
	}
}

// uncomparable is of a type that can be compared, and of a value that cannot.
type uncomparable struct{ detail any }

func (uncomparable) Error() string { return "uncomparable" }

func TestAnErrorThatCannotBeComparedIsNoPanic(t *testing.T) {
	odd := uncomparable{[]int{1}}
	synctest.Test(t, func(t *testing.T) {
		for place, end := range endings {
			checkUncomparable(t, "cause "+place, end(t, odd))
		}
		failing := wireClient(t, transportFunc(func(*http.Request) (*http.Response, error) { return nil, odd }), retrysafe.Options{})
		_, err := createCharge.Do(t.Context(), failing, "order-1", charge{})
		checkUncomparable(t, "transport", err)
		unauthorized := wireClient(t, &sent{}, retrysafe.Options{Authorize: func(*http.Request) error { return odd }})
		_, err = createCharge.Do(t.Context(), unauthorized, "order-1", charge{})
		checkUncomparable(t, "Authorize", err)
		cmd := createCharge
		cmd.Failure = func(retrysafe.Answer) error { return odd }
		_, err = cmd.Do(t.Context(), wireClient(t, always(400, `{}`), retrysafe.Options{}), "order-1", charge{})
		checkUncomparable(t, "Failure", err)
	})
}

func checkUncomparable(t *testing.T, where string, err error) {
	t.Helper()
	var got uncomparable
	if !errors.As(err, &got) || asError(t, err).Outcome == notApplied {
		t.Errorf("%s: %v, want it in there, and no outcome that nobody knows", where, err)
	}
}

func TestNoQueryIsInTheTextOfATransportsError(t *testing.T) {
	const secret = "api_key=CANARY"
	for name, wrap := range map[string]func(error) error{
		"as it is": func(err error) error { return err },
		"wrapped":  func(err error) error { return fmt.Errorf("gateway: %w", err) },
		"joined":   func(err error) error { return errors.Join(errors.New("gateway"), err) },
		"wrapped by two": func(err error) error {
			return &url.Error{Op: "Post", URL: "https://proxy.example", Err: fmt.Errorf("gateway: %w", err)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			wire := transportFunc(func(req *http.Request) (*http.Response, error) {
				return nil, wrap(&url.Error{Op: "Post", URL: req.URL.String(), Err: errHungUp})
			})
			_, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{
				Authorize: func(req *http.Request) error { req.URL.RawQuery = secret; return nil },
				Retry:     retrysafe.RetryPolicy{MaxAttempts: 1},
			}), "order-1", charge{})
			attempt := asError(t, err).Attempts[0].Err
			if strings.Contains(err.Error()+attempt.Error(), "CANARY") || !errors.Is(err, errHungUp) {
				t.Errorf("%v, attempt %v; want no query, and what happened", err, attempt)
			}
		})
	}
}
