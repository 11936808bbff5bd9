package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// What holds for a host, and what does not.

func TestTheServersAdviceHoldsForTheHost(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		advice string
		held   time.Duration
	}{
		"unavailable":                    {503, "20", 20 * time.Second},
		"too many":                       {429, "20", 20 * time.Second},
		"no advice":                      {503, "", 0},
		"in flight, which is one key's":  {409, "20", 0},
		"an error":                       {500, "20", 0},
		"longer than will be waited for": {503, "86400", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &down{status: c.status}
				if c.advice != "" {
					d.header = []string{"Retry-After", c.advice}
				}
				client := wireClient(t, d, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1}})
				createCharge.Do(t.Context(), client, "order-1", charge{})
				d.recover()
				begun := time.Now()
				if _, err := createCharge.Do(t.Context(), client, "order-2", charge{}); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took < c.held || took > c.held+c.held/10 {
					t.Errorf("another operation was sent after %v, want %v", took, c.held)
				}
			})
		})
	}
}

// What is in flight under one key, whatever its status, and what a panic found
// of an earlier attempt say nothing of the host now.
func TestOnlyAnAnswerAboutTheHostHoldsIt(t *testing.T) {
	inFlight := createCharge
	inFlight.Name, inFlight.Rules = "charges.single", []retrysafe.Rule{{Status: 429, Verdict: retrysafe.Wait}}
	for name, c := range map[string]struct {
		cmd      retrysafe.Command[charge, charged]
		attempts int
		panics   int // the attempt in which Authorize does
	}{
		"in flight": {cmd: inFlight, attempts: 1},
		"a panic":   {cmd: createCharge, attempts: 2, panics: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &down{status: 429, header: []string{"Retry-After", "20"}}
				attempt := 0
				client := wireClient(t, d, retrysafe.Options{
					Retry: retrysafe.RetryPolicy{MaxAttempts: c.attempts},
					Authorize: func(*http.Request) error {
						if attempt++; attempt == c.panics {
							panic("no credentials")
						}
						return nil
					},
				})
				func() {
					defer func() { recover() }()
					c.cmd.Do(t.Context(), client, "order-1", charge{})
				}()
				d.recover()
				begun := time.Now()
				_, err := createCharge.Do(t.Context(), client, "order-2", charge{})
				if took := time.Since(begun); err != nil || took > time.Second {
					t.Errorf("%v, sent after %v; want the host not to be held", err, took)
				}
			})
		})
	}
}

func TestWhoCannotWaitForTheServersTimeEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{header: []string{"Retry-After", "30"}}
		client := wireClient(t, d, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1}})
		createCharge.Do(t.Context(), client, "order-1", charge{})
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := createCharge.Do(ctx, client, "order-2", charge{})
		e := asError(t, err)
		if !errors.Is(err, retrysafe.ErrBudgetExhausted) || time.Since(begun) != 0 || !e.RetryAt.Equal(begun.Add(30*time.Second)) || len(d.asked) != 1 {
			t.Errorf("%v after %v, retry at %v; want the end at once and the server's time", err, time.Since(begun), e.RetryAt.Sub(begun))
		}
	})
}

// The longest wait there is and what spreads the clients are together not below
// zero: the timer would go off again and again.
func TestAHostThatIsHeldForEverIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{header: []string{"Retry-After", "99999999999999999"}}
		client := wireClient(t, d, retrysafe.Options{Retry: retrysafe.RetryPolicy{
			MaxAttempts: 1, MaxRetryAfter: retrysafe.Unlimited, MaxElapsed: retrysafe.Unlimited,
		}})
		createCharge.Do(t.Context(), client, "order-1", charge{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		if _, err := createCharge.Do(ctx, client, "order-2", charge{}); !errors.Is(err, context.Canceled) || len(d.asked) != 1 {
			t.Errorf("%v after %d deliveries, want to wait until it is cancelled", err, len(d.asked))
		}
	})
}

// A timer of a bubble ends the process if it is touched outside.
func TestABudgetIsSharedByTestsInAndOutOfBubbles(t *testing.T) {
	budget := &retrysafe.Budget{}
	waits := func(t *testing.T) {
		budget.Spend(host, 10)
		client := wireClient(t, &down{up: true}, retrysafe.Options{Retry: retrysafe.RetryPolicy{Budget: budget}})
		if _, err := createCharge.Do(t.Context(), client, "order-1", charge{}); err != nil {
			t.Error(err)
		}
	}
	synctest.Test(t, waits)
	synctest.Test(t, waits)
	waits(t)
}

func TestAProbeThatHangsHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, budget := outOfTokens(t, &down{up: true}, retrysafe.Options{})
		defer hungProbe(t, &down{takes: time.Hour}, budget)()
		begun := time.Now()
		_, err := createCharge.Do(t.Context(), client, "order-1", charge{})
		if took := time.Since(begun); err != nil || took > retrysafe.Overdue {
			t.Errorf("%v after %v, want its turn within %v", err, took, retrysafe.Overdue)
		}
	})
}

func TestAnotherHostIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{up: true}
		client, _ := outOfTokens(t, d, retrysafe.Options{})
		transport, err := retrysafe.NewTransport(client, &retrysafe.TransportOptions{Origins: []string{"https://files.example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for origin, want := range map[string]time.Duration{"https://files.example.com": 0, host: retrysafe.FirstProbe} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/v1/files", nil)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if took := time.Since(begun); origin == host && took < want || origin != host && len(d.asked) == 1 && took != want {
				t.Errorf("%s was asked after %v, want %v", origin, took, want)
			}
		}
	})
}

// A token is fetched while the turn is held: through a client of the same budget
// it would wait for itself.
func TestWhatAuthorizeAsksForTakesTheTurnOfItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{up: true, takes: 10 * time.Millisecond}
		budget := &retrysafe.Budget{}
		policy := retrysafe.RetryPolicy{Budget: budget}
		tokens := wireClient(t, d, retrysafe.Options{Retry: policy})
		client := wireClient(t, d, retrysafe.Options{Retry: policy, Authorize: func(req *http.Request) error {
			_, err := createCharge.Do(req.Context(), tokens, "token", charge{})
			return err
		}})
		budget.Spend(host, 10)
		begun := time.Now()
		if _, err := createCharge.Do(t.Context(), client, "order-1", charge{}); err != nil || time.Since(begun) > time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestWhoWaitsForACallThatTheBudgetEndedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{takes: time.Second, status: 500}
		client := wireClient(t, d, retrysafe.Options{
			Store: durable{store.NewMemory()}, Account: "acme/test", Profile: windowed,
			Retry: retrysafe.RetryPolicy{Budget: &retrysafe.Budget{Capacity: 1}, Backoff: retrysafe.Backoff{Base: 1, Cap: 1}},
		})
		go func() {
			ctx, end := context.WithTimeout(t.Context(), 1200*time.Millisecond)
			defer end()
			_, err := createCharge.Do(ctx, client, "order-1", charge{})
			if !errors.Is(err, retrysafe.ErrBudgetExhausted) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
				t.Errorf("%v, want the budget to end it in doubt", err)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		time.AfterFunc(1500*time.Millisecond, d.recover)
		if _, err := createCharge.Do(t.Context(), client, "order-1", charge{}); err != nil {
			t.Errorf("%v, want whoever has time to carry on", err)
		}
	})
}
