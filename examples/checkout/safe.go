package main

import (
	"context"

	"github.com/retrysafe/retrysafe"
)

// createCharge is the one declaration that retrysafe needs.
var createCharge = retrysafe.Command[chargeRequest, chargeAnswer]{Name: "charges.create", Path: "/v1/charges"}

// profile is what is known of this provider beyond the IETF draft: a declined
// card is stored under the key, so no delivery that comes late charges it.
var profile = retrysafe.Profile{
	Name:  "loopback",
	Rules: []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}},
}

// safe charges with retrysafe.
type safe struct{ client *retrysafe.Client }

func startSafe(s settings, url string) (process, error) {
	client, err := retrysafe.NewClient(url, &retrysafe.Options{
		Account: "acme/loopback",
		Profile: profile,
		Retry: retrysafe.RetryPolicy{
			MaxAttempts: attempts, AttemptTimeout: s.timeout, Backoff: backoff,
			// Failures are drawn here, also most of the time. That is no outage.
			Budget: &retrysafe.Budget{Capacity: calls * attempts * s.orders},
		},
	})
	return &safe{client}, err
}

// charge names the order, and the key follows: the same in every call and in
// every process. The shop believes it when it is told that an order was not
// charged.
func (s *safe) charge(ctx context.Context, o order, _ int) told {
	res, err := createCharge.Do(ctx, s.client, o.id, chargeRequest{Order: o.id, Amount: o.amount, Card: o.card})
	end := told{outcome: retrysafe.OutcomeOf(err)}
	end.again = end.outcome != retrysafe.NotApplied && retrysafe.Retryable(err)
	if res != nil {
		end.charge = res.Value.ID
	}
	return end
}

func (s *safe) stop() { s.client.CloseIdleConnections() }
