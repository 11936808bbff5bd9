package provider_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/provider"
)

// TestStripeAgainstTheMock: the mock's dialect was written from Stripe's
// documentation by itself, so the two check each other.
func TestStripeAgainstTheMock(t *testing.T) {
	declines := func(mock.Request) mock.Reply {
		return mock.StripeError(402, "card_error", "card_declined", "Your card was declined.")
	}
	breaks := func(mock.Request) mock.Reply {
		r := mock.StripeError(500, "api_error", "", "Something went wrong.")
		r.Took = true
		return r
	}
	rejects := func(mock.Request) mock.Reply {
		r := mock.StripeError(400, "invalid_request_error", "parameter_missing", "Missing amount.")
		r.NotStored = true
		return r
	}
	for _, test := range []struct {
		name     string
		effect   func(mock.Request) mock.Reply
		script   []mock.Fault
		first    bool
		outcome  retrysafe.Outcome
		err      error
		attempts int
		effects  int
		replayed bool
	}{
		{"answered", nil, nil, false, retrysafe.Applied, nil, 1, 1, false},
		{"answer lost", nil, []mock.Fault{mock.LoseAnswer()}, false, retrysafe.Applied, nil, 2, 1, true},
		{"answer cut", nil, []mock.Fault{mock.CutBody(9)}, false, retrysafe.Applied, nil, 2, 1, true},
		{"a gateway's 502 after the effect", nil, []mock.Fault{mock.FailAfterEffect(502)}, false, retrysafe.Applied, nil, 2, 1, true},
		{"500 after the effect, stored", breaks, nil, false, retrysafe.Unknown, retrysafe.ErrStuck, 2, 1, true},
		{"in flight, then made", nil, []mock.Fault{mock.KeyInFlight(2)}, false, retrysafe.Applied, nil, 3, 1, false},
		{"stalled past the timeout, in flight, then made", nil, []mock.Fault{mock.StallAfterEffect(time.Minute)}, false,
			retrysafe.Applied, nil, 2, 1, true},
		{"declined card", declines, nil, false, retrysafe.NotApplied, retrysafe.ErrRefused, 1, 0, false},
		{"declined card, answer lost", declines, []mock.Fault{mock.LoseAnswer()}, false, retrysafe.NotApplied, retrysafe.ErrRefused, 2, 0, true},
		{"rate limited", nil, []mock.Fault{mock.TooManyRequests("1").Times(2)}, false, retrysafe.Applied, nil, 3, 1, false},
		{"validation, first call", rejects, nil, true, retrysafe.NotApplied, retrysafe.ErrRefused, 1, 0, false},
		{"validation after doubt", rejects, []mock.Fault{mock.ResetBeforeEffect()}, true, retrysafe.Unknown, retrysafe.ErrRefused, 2, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, client := mockStripe(t, &mock.Options{Dialect: mock.StripeV1, Effect: test.effect, Script: test.script})
				command := createStripeCharge.With(retrysafe.Call{First: test.first})
				key, _ := command.Key(client, "order-1234")
				res, err := command.Do(context.Background(), client, "order-1234", stripeCharge{Amount: 4200})
				if retrysafe.OutcomeOf(err) != test.outcome || !errors.Is(err, test.err) {
					t.Errorf("outcome %v, error %v, want %v, %v", retrysafe.OutcomeOf(err), err, test.outcome, test.err)
				}
				p.Attempts(t, string(key), test.attempts)
				if got := p.EffectCount(); got != test.effects {
					t.Errorf("%d effects, want %d", got, test.effects)
				}
				if res == nil || res.Replayed != test.replayed {
					t.Errorf("result is %v, want replayed %v", res, test.replayed)
				}
			})
		})
	}
}

func TestStripeRefusesAnotherPaymentUnderTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client := mockStripe(t, &mock.Options{Dialect: mock.StripeV1})
		if _, err := createStripeCharge.Do(context.Background(), client, "order-1234", stripeCharge{Amount: 4200}); err != nil {
			t.Fatal(err)
		}
		_, err := createStripeCharge.Do(context.Background(), client, "order-1234", stripeCharge{Amount: 9900})
		if !errors.Is(err, retrysafe.ErrKeyReused) || retrysafe.OutcomeOf(err) != retrysafe.Unknown || retrysafe.Retryable(err) {
			t.Errorf("error is %v", err)
		}
		if got := p.EffectCount(); got != 1 {
			t.Errorf("%d effects, want 1", got)
		}
	})
}

func mockStripe(t *testing.T, opts *mock.Options) (*mock.Provider, *retrysafe.Client) {
	t.Helper()
	p, err := mock.NewProvider(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{
		Profile: provider.Stripe(), Account: "acme/stripe/test", HTTPClient: p.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, client
}
