package retrysafe_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// A pass over many operations does not let each of them wait for a host that is
// down, and does not claim them for nothing; what it left is carried on later.
func TestAPassLeavesAHostAloneThatIsDown(t *testing.T) {
	down := true
	requests := 0
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.HTTPClient = &http.Client{Transport: playedTrip(func(req *http.Request) (*http.Response, error) {
				if requests++; down {
					return trapAnswer(503, `{}`), nil
				}
				return p.RoundTrip(req)
			})}
		})
		const operations = 300
		for i := range operations {
			mustEnqueue(t, client, fmt.Sprint("order-", i))
		}
		begun := time.Now()
		report, err := client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{}))
		if err != nil || report.Skipped < 90 || report.Applied != 0 || report.NotApplied != 0 {
			t.Errorf("%+v %v, want most to be left alone", report, err)
		}
		if took := time.Since(begun); took > 10*time.Minute || requests > 40 {
			t.Errorf("took %v and %d requests, want it to end", took, requests)
		}
		down = false
		applied := 0
		for range 10 {
			time.Sleep(time.Minute)
			report, err := client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{}))
			if err != nil {
				t.Fatal(err)
			}
			applied += report.Applied
		}
		if applied != operations {
			t.Errorf("%d of %d applied after the outage", applied, operations)
		}
	})
}

func TestAPassStillServesKindsOfAnotherBudget(t *testing.T) {
	other := createCharge
	other.Name, other.Path = "refunds.create", "/v1/refunds"
	other.Retry = &retrysafe.RetryPolicy{Budget: &retrysafe.Budget{}}
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.HTTPClient = &http.Client{Transport: playedTrip(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/v1/charges" {
					return trapAnswer(503, `{}`), nil
				}
				return p.RoundTrip(req)
			})}
		})
		for i := range 250 { // More than a page.
			mustEnqueue(t, client, fmt.Sprint("order-", i))
		}
		for i := range 10 {
			if _, err := other.Enqueue(context.Background(), client, nil, fmt.Sprint("refund-", i), order); err != nil {
				t.Fatal(err)
			}
		}
		nobody := retrysafe.Handlers[charge, charged]{}
		report, err := client.Resume(context.Background(), createCharge.Handle(nobody), other.Handle(nobody))
		if err != nil || report.Applied != 10 {
			t.Errorf("%+v %v, want what the other budget allows", report, err)
		}
	})
}

// What is to be told lies behind more than a page of what must not be sent.
func TestAPassStillTellsOfAKindWhoseHostIsDown(t *testing.T) {
	down := false
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.HTTPClient = &http.Client{Transport: playedTrip(func(req *http.Request) (*http.Response, error) {
				if down {
					return trapAnswer(503, `{}`), nil
				}
				return p.RoundTrip(req)
			})}
		})
		told, listening := 0, false
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Settled: func(context.Context, retrysafe.Operation, *retrysafe.Result[charged], error) error {
				if !listening {
					return errHungUp
				}
				told++
				return nil
			},
		})
		mustEnqueue(t, client, "settled")
		if report := mustResume(t, client, handler); report.Applied != 1 || report.Untold != 1 {
			t.Fatalf("%+v, want one that is not told yet", report)
		}
		down, listening = true, true
		for i := range 250 {
			mustEnqueue(t, client, fmt.Sprint("order-", i))
		}
		time.Sleep(time.Hour)
		if report := mustResume(t, client, handler); told != 1 || report.Told != 1 {
			t.Errorf("%+v, want the settled one to be told of", report)
		}
	})
}

// A rate limit is not an outage: the runner waits as long as it is asked to.
func TestAPassWaitsForAHostThatAsksForALittleTime(t *testing.T) {
	var requests atomic.Int64
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.HTTPClient = &http.Client{Transport: playedTrip(func(req *http.Request) (*http.Response, error) {
				if requests.Add(1)%20 == 0 {
					return trapAnswer(429, `{}`, "Retry-After", "1"), nil
				}
				time.Sleep(50 * time.Millisecond) // Others end while the host is held.
				return p.RoundTrip(req)
			})}
		})
		for i := range 250 {
			mustEnqueue(t, client, fmt.Sprint("order-", i))
		}
		if report := mustResume(t, client, createCharge.Handle(retrysafe.Handlers[charge, charged]{})); report.Applied != 250 {
			t.Errorf("%+v, want all in one pass", report)
		}
	})
}

// unrenewed is a store that cannot be reached for renewals.
type unrenewed struct{ durable }

func (unrenewed) Renew(context.Context, time.Duration, []store.Token) ([]bool, error) {
	return nil, errHungUp
}

// While it waits in line its lease lapses, and another process does the work.
func TestWhoLosesItsLeaseInLineSendsNothingAndTellsWhatIsRecorded(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		hung := &down{takes: time.Hour}
		slow, budget := outOfTokens(t, hung, retrysafe.Options{
			Store: unrenewed{s}, Account: "acme/test", Profile: windowed, Lease: 10 * time.Second,
			Retry: retrysafe.RetryPolicy{AttemptTimeout: 5 * time.Second},
		})
		defer hungProbe(t, hung, budget)()
		type end struct {
			res *retrysafe.Result[charged]
			err error
		}
		ended := make(chan end, 1)
		go func() {
			res, err := do(slow, "order-1")
			ended <- end{res, err}
		}()
		time.Sleep(11 * time.Second)
		if budget.Waiting() != 1 {
			t.Fatalf("%d wait, want one", budget.Waiting())
		}
		if _, err := do(restart(), "order-1"); err != nil {
			t.Fatal(err)
		}
		got := <-ended
		if got.err != nil || !got.res.Recorded || len(hung.asked) > 1 {
			t.Errorf("%+v %v after %d deliveries, want what the other process recorded and the probe alone", got.res, got.err, len(hung.asked))
		}
		p.OneEffect(t, p.Keys()[0])
	})
}
