package retrysafe_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
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
