package provider_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

// TestNoKeyIsSentWhenItsProviderMayHaveForgottenIt: after the retention a
// repeat would be a new payment.
func TestNoKeyIsSentWhenItsProviderMayHaveForgottenIt(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name      string
		profile   retrysafe.Profile
		retention time.Duration
	}{
		{"stripe", provider.Stripe(), day},
		{"adyen", provider.Adyen(), 7 * day},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var last time.Duration
			down := &fake{serve: func(request) reply {
				last = time.Since(start)
				return reply{status: 503}
			}}
			client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{
				Profile: test.profile, HTTPClient: &http.Client{Transport: down},
				Retry: retrysafe.RetryPolicy{
					MaxAttempts: retrysafe.Unlimited, MaxElapsed: retrysafe.Unlimited,
					Budget:  &retrysafe.Budget{Capacity: 10_000},
					Backoff: retrysafe.Backoff{Base: time.Hour / 2, Cap: time.Hour / 2, Jitter: retrysafe.NoJitter},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			command := retrysafe.Command[anyBody, retrysafe.None]{Name: "charges.create", Path: "/charges"}
			_, err = command.Do(context.Background(), client, "order-1234", anyBody{})
			if !errors.Is(err, retrysafe.ErrNoTimeLeft) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
				t.Errorf("%s: %v", test.name, err)
			}
			if early, late := test.retention*9/10, test.retention-time.Hour; last < early || last >= late {
				t.Errorf("%s: sent last after %v, want between %v and %v", test.name, last, early, late)
			}
		})
	}
}

// TestAWindowThatIsNotPublishedIsNotInvented: without one a lapsed operation is
// not resumed.
func TestAWindowThatIsNotPublishedIsNotInvented(t *testing.T) {
	for _, p := range []retrysafe.Profile{provider.GoCardless(), provider.Square(), provider.ShopifyGraphQL()} {
		if p.Window != 0 || p.LongestExecution != 0 {
			t.Errorf("%s: window %v, longest execution %v", p.Name, p.Window, p.LongestExecution)
		}
	}
}
