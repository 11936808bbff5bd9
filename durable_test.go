package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// durable is Memory as a store would be that outlives everything: tests restart
// clients, not processes.
type durable struct{ *store.Memory }

func (durable) Capabilities() store.Capabilities {
	return store.Capabilities{Durability: store.DurablePowerLoss, Shared: true}
}

// windowed is the IETF draft with a window of a day.
var windowed = retrysafe.Profile{Name: "windowed", Window: 24 * time.Hour, LongestExecution: time.Minute}

// storeBubble runs a test in virtual time with a store that several clients
// share, which restart makes.
func storeBubble(t *testing.T, opts *mock.Options, f func(t *testing.T, p *mock.Provider, s durable, restart func(...func(*retrysafe.Options)) *retrysafe.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		provider, err := mock.NewProvider(opts)
		if err != nil {
			t.Fatal(err)
		}
		s := durable{store.NewMemory()}
		f(t, provider, s, func(changes ...func(*retrysafe.Options)) *retrysafe.Client {
			o := retrysafe.Options{Account: "acme/test", HTTPClient: provider.Client(), Store: s, Profile: windowed}
			for _, change := range changes {
				change(&o)
			}
			client, err := retrysafe.NewClient("https://api.example.com", &o)
			if err != nil {
				t.Fatal(err)
			}
			return client
		})
	})
}

type restarter = func(...func(*retrysafe.Options)) *retrysafe.Client

func TestARecordedAnswerComesBackWithoutSending(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		first, err := do(restart(), "order-1")
		if err != nil || first.Recorded {
			t.Fatal(first, err)
		}
		again, err := do(restart(), "order-1")
		if err != nil || !again.Recorded || again.Value != first.Value || again.Status != first.Status || again.Key != first.Key {
			t.Fatalf("called again: %v %+v %v, want the recorded %+v", again, again.Value, err, first.Value)
		}
		p.Attempts(t, string(first.Key), 1)
	})
}

func TestARecordedRefusalComesBackWithoutSending(t *testing.T) {
	rules := []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}}
	declined := mock.Answer(402, http.Header{"Content-Type": {"application/json"}}, `{"code":"declined"}`)
	storeBubble(t, &mock.Options{Script: []mock.Fault{declined}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		profile := func(o *retrysafe.Options) { o.Profile.Rules, o.Profile.Code = rules, []string{"/code"} }
		_, err := do(restart(profile), "order-1")
		first := asError(t, err)
		if first.Outcome != retrysafe.NotApplied || first.Recorded {
			t.Fatalf("%+v", first)
		}
		res, err := do(restart(profile), "order-1")
		e := asError(t, err)
		if e.Outcome != retrysafe.NotApplied || !e.Recorded || e.Status != 402 || e.ProviderCode != "declined" || !errors.Is(err, retrysafe.ErrRefused) ||
			e.Evidence != first.Evidence || res == nil || res.Status != 402 {
			t.Errorf("recorded: %v %+v", err, e)
		}
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestARunnerCarriesOnWhatWasLeftBehind(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		_, err := do(restart(func(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 }), "order-1")
		if e := asError(t, err); e.Outcome != retrysafe.Unknown || !retrysafe.Retryable(err) {
			t.Fatalf("%v", err)
		}
		client := restart()
		var told []retrysafe.Operation
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Settled: func(_ context.Context, op retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
				if err != nil || res.Value.ID == "" || !res.Recorded {
					t.Errorf("told %v %v", res, err)
				}
				told = append(told, op)
				return nil
			},
		})
		time.Sleep(time.Minute)
		report, err := client.Resume(context.Background(), handler)
		if err != nil || report.Applied != 1 || report.Told != 1 || len(told) != 1 || told[0].ID != "order-1" {
			t.Fatalf("%+v %v %v", report, err, told)
		}
		p.OneKey(t, "")
		p.OneEffect(t, p.Keys()[0])
		res, err := do(client, "order-1")
		if err != nil || !res.Recorded {
			t.Errorf("%v %v", res, err)
		}
		if again, err := client.Resume(context.Background(), handler); err != nil || again.Resent != 0 || len(told) != 1 {
			t.Errorf("second pass: %+v %v", again, err)
		}
	})
}

func TestWhatIsEnqueuedIsSentByARunner(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		key, err := createCharge.Enqueue(context.Background(), client, nil, "order-1", charge{Amount: 4200, Currency: "eur"})
		if err != nil || key == "" || len(p.Requests()) != 0 {
			t.Fatal(key, err)
		}
		if _, err := createCharge.Lookup(context.Background(), client, "order-1"); !errors.Is(err, retrysafe.ErrPending) {
			t.Errorf("looked up: %v", err)
		}
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{})
		report, err := restart().Resume(context.Background(), handler)
		if err != nil || report.Applied != 1 {
			t.Fatalf("%+v %v", report, err)
		}
		p.OneEffect(t, string(key))
		res, err := createCharge.Lookup(context.Background(), client, "order-1")
		if err != nil || res.Value.Amount != 4200 {
			t.Errorf("%v %v", res, err)
		}
	})
}

func TestCallersOfOneOperationWaitForTheOneThatRuns(t *testing.T) {
	storeBubble(t, &mock.Options{Delay: 3 * time.Second}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		clients := []*retrysafe.Client{restart(), restart()}
		var calls sync.WaitGroup
		for i := range 100 {
			calls.Add(1)
			go func() {
				defer calls.Done()
				res, err := do(clients[i%2], "order-1")
				if err != nil || res.Value.ID == "" {
					t.Errorf("%v %v", res, err)
				}
			}()
		}
		calls.Wait()
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestOneIDForTwoRequestsIsRefusedBeforeSending(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		if _, err := do(client, "order-1"); err != nil {
			t.Fatal(err)
		}
		_, err := createCharge.Do(context.Background(), client, "order-1", charge{Amount: 9900, Currency: "eur"})
		if e := asError(t, err); !errors.Is(err, retrysafe.ErrKeyReused) || e.Outcome != retrysafe.Applied || len(p.Requests()) != 1 {
			t.Errorf("%v", err)
		}
	})
}

func TestAStoreNeedsAnAccount(t *testing.T) {
	_, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{Store: store.NewMemory()})
	wantInvalid(t, err)
}
