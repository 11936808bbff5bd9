package retrysafe_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// asking is a handler that answers with the finding, and counts.
func asking(asked *[]time.Time, finding retrysafe.Finding[charged], err error) retrysafe.Handler {
	return createCharge.Handle(retrysafe.Handlers[charge, charged]{
		Reconcile: func(context.Context, *retrysafe.Client, retrysafe.Operation, charge) (retrysafe.Finding[charged], error) {
			*asked = append(*asked, time.Now())
			return finding, err
		},
	})
}

func TestAfterTheWindowNothingIsSentAndOnePassAsksOnce(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(once1)
		do(client, "order-1")
		time.Sleep(24 * time.Hour) // the window is over to the instant
		var asked []time.Time
		handler := asking(&asked, retrysafe.CannotTell[charged](), nil)
		passes := 0
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); time.Sleep(10 * time.Second) {
			before := len(asked)
			if _, err := client.Resume(context.Background(), handler); err != nil {
				t.Fatal(err)
			}
			if passes++; len(asked) > before+1 {
				t.Fatalf("asked %d times in one pass", len(asked)-before)
			}
		}
		// At 15 minutes at most, half of it on average, a day has some 200.
		if n := len(asked); n < 50 || n > 400 || n > passes/4 {
			t.Errorf("asked %d times in %d passes, want backing off", n, passes)
		}
		for _, call := range []func() error{
			func() error { _, err := do(client, "order-1"); return err },
			func() error { _, err := createCharge.Resume(context.Background(), client, "order-1"); return err },
		} {
			if err := call(); retrysafe.OutcomeOf(err) != retrysafe.Unknown || retrysafe.Retryable(err) {
				t.Errorf("%v, want unknown and not retryable", err)
			}
		}
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want no second one", n)
		}
	})
}

func TestInsideTheWindowARunnerSendsAgainAndDoesNotAsk(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(once1)
		do(client, "order-1")
		time.Sleep(24*time.Hour - time.Second)
		var asked []time.Time
		report, err := client.Resume(context.Background(), asking(&asked, retrysafe.CannotTell[charged](), nil))
		if err != nil || report.Resent != 1 || report.Applied != 1 || len(asked) != 0 {
			t.Errorf("%+v %v, asked %d times", report, err, len(asked))
		}
		p.OneEffect(t, p.Keys()[0])
	})
}

func TestNoAttemptBeginsAfterTheRecordedWindow(t *testing.T) {
	opts := &mock.Options{PerKey: func(string) []mock.Fault { return []mock.Fault{mock.Unavailable("").Times(1000)} }}
	storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.Retry = retrysafe.RetryPolicy{MaxAttempts: retrysafe.Unlimited, MaxElapsed: retrysafe.Unlimited, Budget: &retrysafe.Budget{Capacity: 1 << 20},
				Backoff: retrysafe.Backoff{Base: 7 * time.Minute, Cap: 7 * time.Minute, Jitter: retrysafe.NoJitter}}
		})
		begin := time.Now()
		_, err := do(client, "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.Unknown || retrysafe.Retryable(err) {
			t.Errorf("%v, want unknown and not retryable", err)
		}
		requests := p.Requests()
		if last := requests[len(requests)-1].Time.Sub(begin); last >= 24*time.Hour || last < 23*time.Hour {
			t.Errorf("last request after %v, want the window to be used and kept", last)
		}
	})
}

func TestACommandsOwnWindowCounts(t *testing.T) {
	short := createCharge
	short.Window = time.Hour
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(once1)
		short.Do(context.Background(), client, "order-1", charge{})
		time.Sleep(time.Hour)
		if _, err := short.Do(context.Background(), client, "order-1", charge{}); retrysafe.OutcomeOf(err) != retrysafe.Unknown || len(p.Requests()) != 1 {
			t.Errorf("%v, %d requests", err, len(p.Requests()))
		}
	})
}

func TestWithoutAKnownWindowOnlyACallCarriesOnAndNotForLong(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		sent  int
	}{
		"within MaxElapsed after it was first sent": {119 * time.Second, 2},
		"later": {2 * time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				client := restart(once1, func(o *retrysafe.Options) { o.Profile = retrysafe.Profile{} })
				do(client, "order-1")
				var asked []time.Time
				time.Sleep(c.after)
				if report, err := client.Resume(context.Background(), asking(&asked, retrysafe.CannotTell[charged](), nil)); err != nil || report.Resent != 0 || report.Reconciled != 1 {
					t.Errorf("a runner: %+v %v, want it to ask", report, err)
				}
				_, err := do(client, "order-1")
				if n := len(p.Requests()); n != c.sent || (err == nil) != (c.sent == 2) {
					t.Errorf("%v, %d requests, want %d", err, n, c.sent)
				}
			})
		})
	}
}

func TestWhatReconcilingFindsSettlesTheOperation(t *testing.T) {
	for name, c := range map[string]struct {
		consistent bool
		longest    time.Duration
		finding    retrysafe.Finding[charged]
		err        error
		after      time.Duration
		state      store.State
		outcome    retrysafe.Outcome
	}{
		"found":     {finding: retrysafe.Found(charged{ID: "ch_7", Amount: 4200}), state: store.StateSucceeded, outcome: retrysafe.Applied},
		"not found": {consistent: true, longest: time.Minute, finding: retrysafe.NotFound[charged](), after: 2 * time.Minute, state: store.StateFailed, outcome: retrysafe.NotApplied},
		"not found, of a provider that may not show it": {longest: time.Minute, finding: retrysafe.NotFound[charged](), after: time.Hour, state: store.StateUnknown},
		"not found, of one that may take for ever":      {consistent: true, finding: retrysafe.NotFound[charged](), after: time.Hour, state: store.StateUnknown},
		"not found, too early":                          {consistent: true, longest: time.Hour, finding: retrysafe.NotFound[charged](), after: 59 * time.Minute, state: store.StateUnknown},
		"cannot tell":                                   {consistent: true, longest: time.Minute, finding: retrysafe.CannotTell[charged](), after: time.Hour, state: store.StateUnknown},
		"an error":                                      {consistent: true, longest: time.Minute, finding: retrysafe.NotFound[charged](), err: errors.New("no answer"), after: time.Hour, state: store.StateUnknown},
	} {
		for _, runner := range []bool{true, false} {
			t.Run(name+map[bool]string{true: "/runner", false: "/handler"}[runner], func(t *testing.T) {
				storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
					client := restart(func(o *retrysafe.Options) {
						o.Profile = retrysafe.Profile{Window: 24 * time.Hour, Consistent: c.consistent, LongestExecution: c.longest}
					})
					_, err := do(client, "order-1")
					if e := asError(t, err); e.Outcome != retrysafe.Unknown || retrysafe.Retryable(err) {
						t.Fatalf("%v, want a stuck answer", err)
					}
					time.Sleep(max(c.after, time.Minute))
					var asked []time.Time
					handler := asking(&asked, c.finding.Because("asked the ledger"), c.err)
					if runner {
						if report, err := client.Resume(context.Background(), handler); err != nil || report.Reconciled != 1 {
							t.Errorf("%+v %v", report, err)
						}
					} else if err := handler.Resume(context.Background(), client, "order-1"); retrysafe.OutcomeOf(err) != c.outcome {
						t.Errorf("%v, want %v", err, c.outcome)
					}
					rec := recordOf(t, s, "order-1")
					if rec.State != c.state || len(asked) != 1 {
						t.Errorf("%v, asked %d times; want %v", rec.State, len(asked), c.state)
					}
					if len(rec.Trail) == 0 {
						t.Fatal("nothing in the trail")
					}
					last := rec.Trail[len(rec.Trail)-1]
					if want := map[bool]string{true: "asked the ledger", false: "no answer"}[c.err == nil]; last.Event != store.EventFinding || last.Evidence != want {
						t.Errorf("trail ends with %+v", last)
					}
					if res, err := createCharge.Lookup(context.Background(), client, "order-1"); retrysafe.OutcomeOf(err) != c.outcome {
						t.Errorf("looked up: %v", err)
					} else if c.outcome == retrysafe.Applied && (res.Value.ID != "ch_7" || !res.Recorded) {
						t.Errorf("looked up: %v", res.Value)
					}
					if len(p.Requests()) != 1 {
						t.Error("sent again")
					}
				})
			})
		}
	}
}

func TestWhatIsStuckIsNotSentAgain(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		do(client, "order-1")
		var asked []time.Time
		for range 5 {
			time.Sleep(time.Hour)
			client.Resume(context.Background(), asking(&asked, retrysafe.CannotTell[charged](), nil))
			if _, err := do(client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.Unknown || asError(t, err).Status != 418 || !asError(t, err).Recorded || !errors.Is(err, retrysafe.ErrStuck) {
				t.Errorf("%v, want the recorded 418", err)
			}
			if _, err := createCharge.Resume(context.Background(), client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.Unknown {
				t.Errorf("%v", err)
			}
		}
		if len(p.Requests()) != 1 || len(asked) != 5 {
			t.Errorf("%d requests, asked %d times", len(p.Requests()), len(asked))
		}
	})
}

func TestWhatWasEnqueuedAndNotFoundIsTriedAgainUnderItsKey(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Profile = consistent })
		key, _ := createCharge.Enqueue(context.Background(), client, nil, "order-1", charge{Amount: 4200})
		var asked []time.Time
		handler := asking(&asked, retrysafe.NotFound[charged](), nil)
		for range 5 {
			if _, err := client.Resume(context.Background(), handler); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		if rec := recordOf(t, s, "order-1"); rec.State != store.StateSucceeded || len(asked) == 0 {
			t.Errorf("%v, asked %d times", rec.State, len(asked))
		}
		p.OneKey(t, "")
		p.OneEffect(t, string(key))
	})
}
