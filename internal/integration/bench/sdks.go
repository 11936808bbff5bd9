//go:build peers

package main

import (
	"context"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stripe/stripe-go/v86"
)

const leftOut = ""

// sdks are typed SDKs, which take minutes to compile. Each encodes and decodes
// its own types, so they do more than the others; their telemetry and their
// logs are off.
func (t target) sdks() []peer {
	return []peer{{"stripe-go", t.stripe()}, {"openai-go", t.openai()}}
}

func (t target) stripe() func(context.Context) error {
	client := stripe.NewClient("sk_test_1", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(t.base), HTTPClient: t.limited(), EnableTelemetry: stripe.Bool(false),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})))
	return func(ctx context.Context) error {
		got, err := client.V1Charges.Create(ctx, &stripe.ChargeCreateParams{
			Amount: &theCharge.Amount, Currency: &theCharge.Currency, Customer: &theCharge.Customer,
		})
		if err != nil {
			return err
		}
		return checked(charged{got.ID, got.Amount}, got.LastResponse.StatusCode, nil)
	}
}

func (t target) openai() func(context.Context) error {
	client := openai.NewClient(option.WithBaseURL(t.base+chatBase), option.WithAPIKey("sk-1"), option.WithHTTPClient(t.limited()))
	params := openai.ChatCompletionNewParams{
		Model: openai.ChatModelGPT5_2, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("4200 eur?")},
	}
	return func(ctx context.Context) error {
		got, err := client.Chat.Completions.New(ctx, params)
		if err != nil {
			return err
		}
		return checked(charged{got.ID, got.Usage.TotalTokens}, http.StatusOK, nil)
	}
}
