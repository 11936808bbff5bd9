package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// The tests of this file are named after the sentences of the promise. Those
// that need a store are in promise_store_test.go.

// bubble runs a test in virtual time against a provider, with a client whose
// account is acme/test.
func bubble(t *testing.T, opts *mock.Options, policy retrysafe.RetryPolicy, f func(*testing.T, *mock.Provider, *retrysafe.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		provider, err := mock.NewProvider(opts)
		if err != nil {
			t.Fatal(err)
		}
		client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
			Account: "acme/test", HTTPClient: provider.Client(), Retry: policy,
		})
		if err != nil {
			t.Fatal(err)
		}
		f(t, provider, client)
	})
}

func do(client *retrysafe.Client, id string) (*retrysafe.Result[charged], error) {
	return createCharge.Do(context.Background(), client, id, charge{Amount: 4200, Currency: "eur"})
}

func asError(t *testing.T, err error) *retrysafe.Error {
	t.Helper()
	var e *retrysafe.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *retrysafe.Error", err)
	}
	return e
}

func TestPromise1_TheSameNameGivesTheSameKeyOnEveryAttempt(t *testing.T) {
	script := []mock.Fault{mock.ResetBeforeEffect(), mock.Unavailable(""), mock.LoseAnswer()}
	bubble(t, &mock.Options{Script: script}, retrysafe.RetryPolicy{}, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
		if _, err := do(c, "order-1234"); err != nil {
			t.Fatal(err)
		}
		p.OneKey(t, "")
		p.Attempts(t, p.Keys()[0], 4)
		p.OneEffect(t, p.Keys()[0])
	})
}

func TestPromise1_TheSameNameGivesTheSameKeyOnEveryCallAgain(t *testing.T) {
	bubble(t, nil, retrysafe.RetryPolicy{}, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
		first, err := do(c, "order-1234")
		if err != nil {
			t.Fatal(err)
		}
		again, err := do(c, "order-1234")
		if err != nil {
			t.Fatal(err)
		}
		if again.Value != first.Value || !again.Replayed || again.Key != first.Key {
			t.Errorf("called again: %v with %+v, want the replay of %+v", again, again.Value, first.Value)
		}
		p.OneEffect(t, string(first.Key))
		if other, err := do(c, "order-1235"); err != nil || other.Key == first.Key {
			t.Errorf("another ID has key %q and error %v, want another key", other.Key, err)
		}
	})
}

// TestPromise1_TheSameNameGivesTheSameKeyInEveryProcess asks a second process.
func TestPromise1_TheSameNameGivesTheSameKeyInEveryProcess(t *testing.T) {
	const ask = "RETRYSAFE_TEST_PRINT_KEY"
	key := retrysafe.DeriveKey("acme/stripe/live", "charges.create", "order-1234")
	if os.Getenv(ask) != "" {
		fmt.Printf("key is %s\n", string(key))
		return
	}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), ask+"=1")
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "key is "+string(key)) {
		t.Errorf("another process says %s (%v), want key %s", out, err, string(key))
	}
	if key != "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3" {
		t.Errorf("key is %s, want the one of spec/vectors", string(key))
	}
}

func TestPromise2_EveryCallEndsAppliedNotAppliedOrUnknownWithTheEvidence(t *testing.T) {
	declined := func(mock.Request) mock.Reply { return mock.Problem(402, "Declined", "") }
	for name, c := range map[string]struct {
		opts     mock.Options
		outcome  retrysafe.Outcome
		thisCall retrysafe.Outcome
		evidence retrysafe.Evidence
	}{
		"applied, answer unusable": {mock.Options{Script: []mock.Fault{mock.CutBody(3).Times(5)}}, retrysafe.Applied, retrysafe.Applied, retrysafe.EvidenceDone},
		"not applied, declined":    {mock.Options{Effect: declined}, retrysafe.NotApplied, retrysafe.NotApplied, retrysafe.EvidenceNothingRan},
		"unknown, declined after doubt": {mock.Options{Effect: declined, Script: []mock.Fault{mock.ResetBeforeEffect()}},
			retrysafe.Unknown, retrysafe.Unknown, retrysafe.EvidenceDoubt},
		"unknown, nothing reached it": {mock.Options{Script: []mock.Fault{mock.Refuse().Times(5)}},
			retrysafe.Unknown, retrysafe.NotApplied, retrysafe.EvidenceEarlierCall},
		"unknown, no answer": {mock.Options{Script: []mock.Fault{mock.LoseAnswer().Times(5)}},
			retrysafe.Unknown, retrysafe.Unknown, retrysafe.EvidenceDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &c.opts, retrysafe.RetryPolicy{}, func(t *testing.T, _ *mock.Provider, client *retrysafe.Client) {
				_, err := do(client, "order-1234")
				e := asError(t, err)
				if e.Outcome != c.outcome || e.ThisCall != c.thisCall || e.Evidence != c.evidence {
					t.Errorf("%v: outcome %v, this call %v, evidence %q; want %v, %v, %q",
						err, e.Outcome, e.ThisCall, e.Evidence, c.outcome, c.thisCall, c.evidence)
				}
				if retrysafe.OutcomeOf(err) != c.outcome {
					t.Errorf("OutcomeOf says %v, want %v", retrysafe.OutcomeOf(err), c.outcome)
				}
			})
		})
	}
}

func TestPromise2_TheOutcomeIsAboutTheOperationNotAboutThisCall(t *testing.T) {
	opts := &mock.Options{Script: []mock.Fault{mock.LoseAnswer().Times(5), mock.Refuse().Times(5)}}
	bubble(t, opts, retrysafe.RetryPolicy{}, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
		do(c, "order-1234") // takes effect, and nobody learns of it
		_, err := do(c, "order-1234")
		if e := asError(t, err); e.Outcome != retrysafe.Unknown || e.ThisCall != retrysafe.NotApplied {
			t.Errorf("outcome %v, this call %v; want unknown and not applied", e.Outcome, e.ThisCall)
		}
		if p.EffectCount() != 1 {
			t.Errorf("%d effects, want 1: the test is about an effect that the second call does not see", p.EffectCount())
		}
	})
}

func TestPromise2_TheOutcomeDecidesWhatMayBeSentNext(t *testing.T) {
	for name, c := range map[string]struct {
		script    []mock.Fault
		effect    func(mock.Request) mock.Reply
		call      retrysafe.Call
		retryable bool
		next      string
	}{
		"call again":              {script: []mock.Fault{mock.LoseAnswer().Times(5)}, retryable: true, next: "call again under the same ID"},
		"a new operation":         {effect: func(mock.Request) mock.Reply { return mock.Problem(402, "no", "") }, next: "a new operation may be begun"},
		"the same, it is first":   {script: []mock.Fault{mock.Refuse().Times(5)}, call: retrysafe.Call{First: true}, retryable: true, next: "call again under the same ID"},
		"the truth":               {script: []mock.Fault{mock.Answer(418, nil, "")}, next: "find the truth at the provider"},
		"nothing but the answer":  {script: []mock.Fault{mock.CutBody(1).Times(5)}, retryable: true, next: "call again under the same ID for the answer"},
		"the truth, unless first": {script: []mock.Fault{mock.Answer(400, nil, "")}, next: "if no earlier call was made"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &mock.Options{Script: c.script, Effect: c.effect}, retrysafe.RetryPolicy{}, func(t *testing.T, _ *mock.Provider, client *retrysafe.Client) {
				_, err := createCharge.With(c.call).Do(context.Background(), client, "order-1234", charge{Amount: 1})
				if retrysafe.Retryable(err) != c.retryable || !strings.Contains(err.Error(), c.next) {
					t.Errorf("%v: retryable %v; want %v and %q", err, retrysafe.Retryable(err), c.retryable, c.next)
				}
			})
		})
	}
}

func TestPromise2_WhetherAPaymentWasDeclinedInA2xxIsInTheAnswer(t *testing.T) {
	effect := func(mock.Request) mock.Reply {
		reply := mock.JSON(201, map[string]any{"id": "pay_1", "status": "Declined"})
		reply.Declined = true
		return reply
	}
	bubble(t, &mock.Options{Effect: effect}, retrysafe.RetryPolicy{}, func(t *testing.T, _ *mock.Provider, c *retrysafe.Client) {
		pay := retrysafe.Command[charge, map[string]string]{Name: "payments.create", Path: "/payments"}
		res, err := pay.Do(context.Background(), c, "order-1234", charge{Amount: 1})
		if err != nil || res.Value["status"] != "Declined" {
			t.Errorf("result %+v, error %v; want the answer that says Declined", res, err)
		}
		// A rule can make a refusal of it.
		pay.Name, pay.Rules = "payments.create/strict", []retrysafe.Rule{
			{Status: 201, At: "/status", Is: "Declined", Verdict: retrysafe.Refused, Stored: true},
		}
		if _, err = pay.Do(context.Background(), c, "order-1235", charge{Amount: 1}); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
			t.Errorf("error %v, want not applied by the command's rule", err)
		}
	})
}

func TestPromise4_OnceToldNotAppliedNothingSendsTheOperationAgain(t *testing.T) {
	decline := func(mock.Request) mock.Reply { return mock.Problem(402, "Declined", "") }
	bubble(t, &mock.Options{Effect: decline}, retrysafe.RetryPolicy{}, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
		if _, err := do(c, "order-1234"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
			t.Fatalf("error %v, want not applied", err)
		}
		time.Sleep(24 * time.Hour) // virtual
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests a day later, want the 1 before the outcome was told", n)
		}
	})
}

func TestPromise5_BackoffIsExponentialCappedAndJittered(t *testing.T) {
	policy := retrysafe.RetryPolicy{MaxAttempts: 8, MaxElapsed: retrysafe.Unlimited,
		Backoff: retrysafe.Backoff{Base: time.Second, Cap: 8 * time.Second}}
	ceilings := []time.Duration{0, 1, 2, 4, 8, 8, 8, 8}
	waits := map[time.Duration]bool{}
	for range 20 {
		bubble(t, &mock.Options{Script: []mock.Fault{mock.ResetBeforeEffect().Times(8)}}, policy, func(t *testing.T, _ *mock.Provider, c *retrysafe.Client) {
			_, err := do(c, "order-1234")
			for i, a := range asError(t, err).Attempts {
				if a.Wait > ceilings[i]*time.Second {
					t.Errorf("wait before attempt %d is %v, want at most %v", i+1, a.Wait, ceilings[i]*time.Second)
				}
				waits[a.Wait] = true
			}
		})
	}
	if len(waits) < 100 {
		t.Errorf("%d different waits of 140, want jitter", len(waits))
	}
}

func TestPromise5_TheServersOwnAdviceComesFirst(t *testing.T) {
	for name, fault := range map[string]mock.Fault{
		"seconds, 429": mock.TooManyRequests("7"),
		"seconds, 503": mock.Unavailable("7"),
		"date":         mock.Unavailable(time.Date(2000, 1, 1, 0, 0, 7, 0, time.UTC).Format(http.TimeFormat)),
	} {
		t.Run(name, func(t *testing.T) {
			policy := retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Jitter: retrysafe.NoJitter}}
			bubble(t, &mock.Options{Script: []mock.Fault{fault}}, policy, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
				res, err := do(c, "order-1234") // bubbles begin at 2000-01-01 00:00:00 UTC
				if err != nil || res.Attempts[1].Wait != 7*time.Second {
					t.Errorf("attempts %v, error %v; want a wait of 7s", res.Attempts, err)
				}
				p.Gaps(t, string(res.Key), 7*time.Second)
			})
		})
	}
}

func TestPromise5_NoWaitIsBegunThatCannotEndBeforeTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		fault   mock.Fault
		timeout time.Duration
		at      time.Duration
	}{
		"advice beyond the deadline":       {mock.Unavailable("30"), 10 * time.Second, 30 * time.Second},
		"advice beyond MaxRetryAfter":      {mock.Unavailable("3600"), 0, time.Hour},
		"advice that does not fit a clock": {mock.Unavailable("99999999999999"), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			policy := retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Jitter: retrysafe.NoJitter}}
			bubble(t, &mock.Options{Script: []mock.Fault{c.fault}}, policy, func(t *testing.T, _ *mock.Provider, client *retrysafe.Client) {
				ctx, cancel := context.Background(), func() {}
				if c.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.timeout)
				}
				defer cancel()
				begin := time.Now()
				_, err := createCharge.Do(ctx, client, "order-1234", charge{Amount: 1})
				e := asError(t, err)
				if !errors.Is(err, retrysafe.ErrNoTimeLeft) || errors.Is(err, context.DeadlineExceeded) || e.Status != 503 {
					t.Errorf("error %v, want ErrNoTimeLeft with the server's 503", err)
				}
				if time.Since(begin) != 0 {
					t.Errorf("took %v, want it refused at once", time.Since(begin))
				}
				if c.at > 0 && !e.RetryAt.Equal(begin.Add(c.at)) || e.RetryAt.Before(begin) {
					t.Errorf("RetryAt is %v after the start, want %v", e.RetryAt.Sub(begin), c.at)
				}
				if !retrysafe.Retryable(err) {
					t.Error("not retryable, want retryable later")
				}
			})
		})
	}
}

func TestPromise5_ASickServerSeesBarelyMoreTraffic(t *testing.T) {
	opts := &mock.Options{PerKey: func(string) []mock.Fault { return []mock.Fault{mock.Unavailable("").Times(1000)} }}
	bubble(t, opts, retrysafe.RetryPolicy{}, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
		const operations = 2000
		var exhausted atomic.Int64
		var wg sync.WaitGroup
		for i := range operations {
			time.Sleep(100 * time.Millisecond)
			wg.Go(func() {
				if _, err := do(c, fmt.Sprintf("order-%d", i)); errors.Is(err, retrysafe.ErrBudgetExhausted) {
					exhausted.Add(1)
				}
			})
		}
		wg.Wait()
		if n := len(p.Requests()); n > operations/10 {
			t.Errorf("%d requests for %d operations in 200 s, want at most one for ten", n, operations)
		}
		if n := exhausted.Load(); n < operations*9/10 {
			t.Errorf("the budget ended %d, want nearly all", n)
		}
	})
}

func TestPromise6_AnApplicationProvesThatTheChargeWentThroughAndTheAnswerWasLost(t *testing.T) {
	bubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, retrysafe.RetryPolicy{}, func(t *testing.T, p *mock.Provider, c *retrysafe.Client) {
		res, err := do(c, "order-1234")
		if err != nil {
			t.Fatal(err)
		}
		p.OneEffect(t, string(res.Key))
		p.ScriptUsed(t)
	})
}
