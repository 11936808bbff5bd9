package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

// stalling sends nothing back before the context ends.
var stalling = transportFunc(func(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
})

func TestTheCallersDeadlineIsTheReasonWhereNoLimitComesBeforeIt(t *testing.T) {
	for name, c := range map[string]struct {
		deadline time.Duration
		policy   retrysafe.RetryPolicy
		want     error
	}{
		"deadline first":                 {time.Second, retrysafe.RetryPolicy{}, context.DeadlineExceeded},
		"deadline first, no limits":      {time.Second, retrysafe.RetryPolicy{AttemptTimeout: -1, MaxElapsed: -1}, context.DeadlineExceeded},
		"with the attempt's":             {time.Second, retrysafe.RetryPolicy{AttemptTimeout: time.Second}, context.DeadlineExceeded},
		"with the end of all":            {time.Second, retrysafe.RetryPolicy{MaxElapsed: time.Second}, context.DeadlineExceeded},
		"with both":                      {time.Second, retrysafe.RetryPolicy{AttemptTimeout: time.Second, MaxElapsed: time.Second}, context.DeadlineExceeded},
		"a nanosecond after the attempt": {time.Second, retrysafe.RetryPolicy{AttemptTimeout: time.Second - 1, MaxAttempts: 1}, retrysafe.ErrAttemptTimeout},
		"after the end of all":           {time.Hour, retrysafe.RetryPolicy{AttemptTimeout: -1, MaxElapsed: time.Second}, retrysafe.ErrAttemptTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 200 { // Which of two timers fires first is left to chance.
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
					defer cancel()
					_, err := createCharge.Do(ctx, wireClient(t, stalling, retrysafe.Options{Retry: c.policy}), fmt.Sprint("order-", i), charge{})
					for _, reason := range []error{context.DeadlineExceeded, retrysafe.ErrAttemptTimeout} {
						if errors.Is(err, reason) != (reason == c.want) {
							t.Errorf("%v: is %v: %t", err, reason, reason != c.want)
						}
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

func TestTheCallersDeadlineIsTheReasonOverASocketToo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		<-req.Context().Done()
	}))
	defer server.Close()
	client := trapClient(t, server.URL, retrysafe.Options{Retry: retrysafe.RetryPolicy{AttemptTimeout: 20 * time.Millisecond}})
	together(16, func(worker int) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := createCharge.Do(ctx, client, fmt.Sprint("order-", worker), charge{})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, retrysafe.ErrAttemptTimeout) {
			t.Errorf("%v, want the caller's deadline", err)
		}
	})
}

func TestAContextThatEndsInsideAuthorizeSendsNothing(t *testing.T) {
	shutdown := errors.New("shutting down")
	for _, call := range []retrysafe.Call{{}, first} {
		ctx, cancel := context.WithCancelCause(t.Context())
		transport := counting()
		client := ours(t, transport, retrysafe.Options{Authorize: func(*http.Request) error { cancel(shutdown); return nil }})
		_, err := createCharge.With(call).Do(ctx, client, "order-1", charge{})
		e := asError(t, err)
		if len(transport.requests) != 0 || e.Attempts[0].Sent != retrysafe.NotSent || e.Attempts[0].Deliveries != 0 || e.ThisCall != notApplied {
			t.Errorf("%d requests, %v: %v; want nothing sent", len(transport.requests), e.Attempts, err)
		}
		if (e.Outcome == notApplied) != call.First || !errors.Is(err, shutdown) || !errors.Is(err, context.Canceled) || !retrysafe.Retryable(err) {
			t.Errorf("first %t: %v, retryable %t; want the cause and yes", call.First, err, retrysafe.Retryable(err))
		}
	}
}

func TestAnAttemptWhoseTimeIsUpInAuthorizeIsMadeAgainWithoutAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, asked := counting(), 0
		client := ours(t, transport, retrysafe.Options{
			Profile: keyless(), Retry: retrysafe.RetryPolicy{AttemptTimeout: time.Second},
			Authorize: func(*http.Request) error {
				if asked++; asked == 1 {
					time.Sleep(2 * time.Second)
				}
				return nil
			},
		})
		res, err := createCharge.With(first).Do(t.Context(), client, "order-1", charge{})
		if err != nil || len(transport.requests) != 1 {
			t.Fatalf("%d requests, %v; want the second attempt alone", len(transport.requests), err)
		}
		if a := res.Attempts[0]; len(res.Attempts) != 2 || a.Sent != retrysafe.NotSent || !errors.Is(a.Err, retrysafe.ErrAttemptTimeout) {
			t.Errorf("attempts are %v, want the first not sent, its time being up", res.Attempts)
		}
	})
}

func TestRetryAtIsKeptWhenTheContextEndsInAWait(t *testing.T) {
	for name, c := range map[string]struct {
		answer scene
		from   time.Duration
		to     time.Duration
	}{
		"advised":        {tooMany().advising("30"), 30 * time.Second, 40 * time.Second},
		"advised, doubt": {unavailable().advising("30"), 30 * time.Second, 40 * time.Second},
		"in flight":      {inFlight().advising("30"), 30 * time.Second, 40 * time.Second},
		"not advised":    {unavailable(), 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				client := wireClient(t, playing(c.answer), retrysafe.Options{Retry: retrysafe.RetryPolicy{
					Backoff: retrysafe.Backoff{Base: 10 * time.Second, Jitter: retrysafe.NoJitter},
				}})
				_, err := createCharge.Do(ctx, client, "order-1", charge{})
				took, at := time.Since(start), asError(t, err).RetryAt.Sub(start)
				if took != time.Second || at < c.from || at > c.to || !errors.Is(err, context.Canceled) || !retrysafe.Retryable(err) {
					t.Errorf("after %v, RetryAt after %v, retryable %t: %v; want 1 s, %v to %v and yes",
						took, at, retrysafe.Retryable(err), err, c.from, c.to)
				}
			})
		})
	}
}

func TestAnAuthorizeThatOutlastsItsAttemptIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		client := wireClient(t, &sent{}, retrysafe.Options{
			Retry: retrysafe.RetryPolicy{AttemptTimeout: time.Second},
			Authorize: func(r *http.Request) error {
				if asked++; asked > 1 {
					return nil
				}
				<-r.Context().Done() // a token endpoint that hangs once
				return r.Context().Err()
			},
		})
		if _, err := createCharge.Do(t.Context(), client, "order-1", charge{}); err != nil || asked != 2 {
			t.Errorf("%v after %d tokens, want none after 2", err, asked)
		}
	})
}

func TestTheCallersCauseIsTheReasonWhenItEndsInsideAuthorize(t *testing.T) {
	shutdown := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	wire := &sent{}
	client := wireClient(t, wire, retrysafe.Options{Authorize: func(r *http.Request) error {
		cancel(shutdown)
		<-r.Context().Done()
		return r.Context().Err()
	}})
	_, err := createCharge.With(first).Do(ctx, client, "order-1", charge{})
	if !errors.Is(err, shutdown) || errors.Is(err, retrysafe.ErrAuthorize) || retrysafe.OutcomeOf(err) != retrysafe.NotApplied || wire.req != nil {
		t.Errorf("%v, want the caller's cause, and nothing sent", err)
	}
}

func TestAuthorizeCannotTakeTheRequestOutOfItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := wireClient(t, transportFunc(stalling), retrysafe.Options{
			Retry: retrysafe.RetryPolicy{MaxAttempts: 1, AttemptTimeout: time.Second},
			Authorize: func(r *http.Request) error {
				*r = *r.WithContext(context.WithoutCancel(r.Context()))
				return nil
			},
		})
		begin := time.Now()
		_, err := createCharge.Do(t.Context(), client, "order-1", charge{})
		if took := time.Since(begin); took != time.Second || !errors.Is(err, retrysafe.ErrAttemptTimeout) {
			t.Errorf("%v after %v, want ErrAttemptTimeout after 1s", err, took)
		}
	})
}

func TestTheCallersDeadlineIsItsOwnErrorThroughAnObserversContext(t *testing.T) {
	for name, observer := range changers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := createCharge.Do(ctx, wireClient(t, transportFunc(stalling), retrysafe.Options{Observer: observer}), "order-1", charge{})
				if errors.Is(err, context.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, want the deadline and no cancellation", err)
				}
			})
		})
	}
}
