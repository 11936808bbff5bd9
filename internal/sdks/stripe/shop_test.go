package stripe_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/stripe/stripe-go/v86"

	"github.com/retrysafe/retrysafe"
)

// newStripe returns stripe-go over a transport of retrysafe.NewTransport.
func newStripe(transport http.RoundTripper, secret string) *stripe.Client {
	backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		HTTPClient:        &http.Client{Transport: transport}, // the one line
		MaxNetworkRetries: stripe.Int64(0),                    // its own retries off
	})
	return stripe.NewClient(secret, stripe.WithBackends(backends))
}

// charge charges an order once, however often it is called.
func charge(ctx context.Context, sc *stripe.Client, order string, cents int64) (*stripe.PaymentIntent, error) {
	ctx, report := retrysafe.WithOperation(ctx, "payment_intents.create", order)
	intent, err := sc.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(cents), Currency: stripe.String("eur"),
	})
	var declined *stripe.Error
	switch {
	case report.Outcome() == retrysafe.Applied:
		return intent, err
	case report.Outcome() == retrysafe.NotApplied && errors.As(err, &declined):
		return nil, declined // another card is another operation
	default:
		return nil, errors.Join(err, report.Err()) // unknown: call again under the same name
	}
}
