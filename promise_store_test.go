package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// The tests of this file are named after the sentences of the promise that need
// a store. internal/integration/crash shows the same with killed processes.

// crashed runs a call whose process is gone once the request has arrived: it
// hears nothing, renews nothing and completes nothing.
func crashed(t *testing.T, s durable, restart restarter, id string) {
	t.Helper()
	l := &line{}
	client := restart(func(o *retrysafe.Options) {
		inner := o.HTTPClient.Transport
		o.Store, o.Retry.MaxAttempts = lined{s, l}, 1
		o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			inner.RoundTrip(r)
			l.set(true)
			return nil, errors.New("the process is gone")
		})}
	})
	if _, err := do(client, id); retrysafe.OutcomeOf(err) != retrysafe.Unknown {
		t.Fatalf("crashed: %v", err)
	}
	synctest.Wait()
}

func TestPromise3_AnOperationIsWrittenDownBeforeItsFirstByteIsSent(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		seen := false
		client := restart(func(o *retrysafe.Options) {
			inner := o.HTTPClient.Transport
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				rec, err := s.Get(r.Context(), nameOf("order-1"))
				seen = err == nil && rec.State == store.StateInFlight && len(rec.Request) > 0
				return inner.RoundTrip(r)
			})}
		})
		if _, err := do(client, "order-1"); err != nil || !seen {
			t.Errorf("written down before it was sent: %t (%v)", seen, err)
		}
	})
}

func TestPromise3_AfterACrashItIsCarriedOnWithTheSameKeyWhileTheProviderRemembersIt(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		crashed(t, s, restart, "order-1")
		time.Sleep(2 * time.Minute) // longer than its lease
		res, err := do(restart(), "order-1")
		if err != nil || !res.Replayed {
			t.Fatalf("%v %v, want the replay of what the dead process did", res, err)
		}
		p.OneKey(t, "")
		p.OneEffect(t, string(res.Key))
		p.Attempts(t, string(res.Key), 2)
	})
}

func TestPromise3_ItIsReconciledWhenTheProviderNoLongerRemembersTheKey(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		crashed(t, s, restart, "order-1")
		time.Sleep(25 * time.Hour) // the window is over
		client := restart()
		if _, err := do(client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.Unknown || retrysafe.Retryable(err) {
			t.Errorf("called again: %v, want unknown", err)
		}
		probes := 0
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Reconcile: func(_ context.Context, _ *retrysafe.Client, _ retrysafe.Operation, req charge) (retrysafe.Finding[charged], error) {
				probes++
				return retrysafe.Found(charged{ID: "eff_1", Amount: req.Amount}), nil
			},
		})
		if report, err := client.Resume(context.Background(), handler); err != nil || report.Applied != 1 || probes != 1 {
			t.Errorf("%+v, %d probes, %v", report, probes, err)
		}
		if res, err := do(client, "order-1"); err != nil || res.Value.ID != "eff_1" || res.Value.Amount != 4200 {
			t.Errorf("afterwards: %v %v", res, err)
		}
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want none after the first", n)
		}
	})
}

func TestPromise3_ItIsNeverSilentlyRunAgainAndNeverForgotten(t *testing.T) {
	keyless := retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		withoutKey := func(o *retrysafe.Options) { o.Profile = keyless }
		crashed(t, s, func(changes ...func(*retrysafe.Options)) *retrysafe.Client {
			return restart(append(changes, withoutKey)...)
		}, "order-1")
		client := restart(withoutKey)
		for range 10 {
			time.Sleep(365 * 24 * time.Hour)
			if _, err := s.Purge(context.Background(), store.PurgeLimits{Limit: 100, Forget: time.Hour}); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{})); err != nil {
				t.Fatal(err)
			}
			if _, err := do(client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.Unknown {
				t.Errorf("called again: %v", err)
			}
		}
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestPromise4_OnceNotAppliedWasToldNothingSendsItAgainUnlessTheApplicationAsksAgain(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		_, err := do(restart(func(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 }), "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
			t.Fatal(err)
		}
		arrived, client := len(p.Requests()), restart()
		for range 100 {
			time.Sleep(time.Hour)
			if _, err := client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{})); err != nil {
				t.Fatal(err)
			}
			if _, err := createCharge.Resume(context.Background(), client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
				t.Fatalf("resumed: %v", err)
			}
		}
		if n := len(p.Requests()); n != arrived {
			t.Fatalf("%d requests after it was told", n-arrived)
		}
		res, err := do(client, "order-1")
		if err != nil {
			t.Fatal(err)
		}
		p.OneEffect(t, string(res.Key))
	})
}

func TestPromise4_OrAnOperatorReopensIt(t *testing.T) {
	declined := mock.Answer(402, http.Header{"Content-Type": {"application/json"}}, `{}`)
	storeBubble(t, &mock.Options{Script: []mock.Fault{declined}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		profile := func(o *retrysafe.Options) {
			o.Profile.Rules = []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}}
		}
		if _, err := do(restart(profile), "order-1"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
			t.Fatal(err)
		}
		if _, err := do(restart(profile), "order-1"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied || len(p.Requests()) != 1 {
			t.Fatalf("asked again: %v, want the recorded refusal", err)
		}
		rec, err := s.Get(context.Background(), nameOf("order-1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Reopen(context.Background(), store.Reopening{Name: rec.Name, Fence: rec.Fence, Actor: "ann", Evidence: "the card was unlocked"}); err != nil {
			t.Fatal(err)
		}
		report, err := restart(profile).Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{}))
		if err != nil || report.Applied != 1 || len(p.Keys()) != 2 {
			t.Errorf("%+v %v, %d keys, want a second one", report, err, len(p.Keys()))
		}
	})
}
