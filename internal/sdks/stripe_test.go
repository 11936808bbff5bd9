package sdks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/provider"
)

func stripeCall(retries *int64) func(context.Context, *http.Client, string) error {
	return func(ctx context.Context, client *http.Client, url string) error {
		backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{
			HTTPClient: client, URL: stripe.String(url), MaxNetworkRetries: retries,
			LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
		})
		intent, err := stripe.NewClient("sk_test_x", stripe.WithBackends(backends)).V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{
			Amount: stripe.Int64(4200), Currency: stripe.String("eur"),
		})
		if err == nil && intent.ID == "" {
			return errors.New("no ID")
		}
		return err
	}
}

func TestStripe(t *testing.T) {
	s := sdk{
		profile: provider.Stripe(), dialect: mock.StripeV1,
		effect: func(r mock.Request) mock.Reply {
			return mock.JSON(200, map[string]any{"id": "pi_1", "object": "payment_intent"})
		},
		call: stripeCall(stripe.Int64(0)), plain: stripeCall(nil),
		fails: func(status int) mock.Fault {
			return json(status, fmt.Sprintf(`{"error":{"type":"api_error","message":"%d"}}`, status))
		},
		conflict: json(409, `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"in use"}}`),
		declined: json(402, `{"error":{"type":"card_error","code":"card_declined","message":"declined"}}`),
		isDeclined: func(err error) bool {
			var card *stripe.CardError
			var of *stripe.Error
			return errors.As(err, &card) && errors.As(err, &of) && of.Code == stripe.ErrorCodeCardDeclined
		},
	}
	s.proves(t)
}
