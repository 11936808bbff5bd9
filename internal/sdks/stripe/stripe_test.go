package stripe_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/provider"
)

var sdk = &sdktest.SDK{
	Origin:  "https://api.stripe.com",
	Profile: provider.Stripe(),
	Mock:    mock.Options{Dialect: mock.StripeV1, Effect: paymentIntent},
	Command: "payment_intents.create", ID: "order-1234", Made: "pi_eff_1",
	Alone: func(hc *http.Client) sdktest.Call {
		backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{HTTPClient: hc, LeveledLogger: quiet})
		return create(stripe.NewClient("sk_test_1", stripe.WithBackends(backends)))
	},
	Under: func(transport http.RoundTripper) sdktest.Call { return create(newStripe(transport, "sk_test_1")) },
}

var quiet = &stripe.LeveledLogger{Level: stripe.LevelNull}

func create(sc *stripe.Client) sdktest.Call {
	return func(ctx context.Context) (string, error) {
		intent, err := sc.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{
			Amount: stripe.Int64(4200), Currency: stripe.String("eur"),
		})
		return intent.ID, err
	}
}

func paymentIntent(r mock.Request) mock.Reply {
	return mock.JSON(200, map[string]any{
		"id": "pi_" + r.EffectID, "object": "payment_intent", "amount": 4200, "currency": "eur", "status": "succeeded",
	})
}

const broken = `{"error":{"type":"api_error","message":"Something went wrong on Stripe's end."}}`

var cases = []sdktest.Case{
	sdktest.On("none", sdktest.Fine(1), sdktest.Once(1)),
	sdktest.On("500 in JSON, before the effect", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("409, the key is in flight", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), mock.KeyInFlight(1)),
	sdktest.On("connection reset after the effect", sdktest.Fine(2), sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("connection reset after the effect, three times", sdktest.GivesUp(3, 1, 2), sdktest.Once(4), mock.ResetAfterEffect().Times(3)),
	sdktest.On("answer cut in its body", sdktest.Fine(2), sdktest.Once(2), mock.CutBody(20)),
}

func TestEveryFaultEndsInOneEffect(t *testing.T) { sdk.Run(t, cases) }

var storedCases = []sdktest.Case{
	sdktest.On("500 in JSON, after the effect, that Stripe has stored", sdktest.GivesUp(1, 1, 2),
		sdktest.Under{Attempts: 2, Effects: 1, Err: true, Outcome: retrysafe.Unknown}),
}

// TestAStored500EndsInDoubt: it comes back under the key, so the second one ends
// the call, and another key would make another effect.
func TestAStored500EndsInDoubt(t *testing.T) {
	own := *sdk
	own.Mock.Effect = func(r mock.Request) mock.Reply {
		reply := paymentIntent(r)
		if r.EffectID == "eff_1" {
			reply = mock.Reply{Status: 500, Header: reply.Header, Body: []byte(broken), Took: true}
		}
		return reply
	}
	own.Run(t, storedCases)
	p := own.Start(t)
	if called := own.Call(t, p, nil); !errors.Is(called.Report.Err(), retrysafe.ErrStuck) || !stripeSays500(called.Err) {
		t.Errorf("%v, %v", called.Err, called.Report.Err())
	}
}

func stripeSays500(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.HTTPStatusCode == 500 && e.Type == stripe.ErrorTypeAPI
}

func TestADeclineIsStripesOwnError(t *testing.T) {
	declined := sdktest.JSON(402, `{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds."}}`)
	sdk.Declines(t, declined, retrysafe.NotApplied, func(err error) bool {
		var e *stripe.Error
		var card *stripe.CardError
		return errors.As(err, &e) && errors.As(err, &card) && e.Code == stripe.ErrorCodeCardDeclined && card.DeclineCode == "insufficient_funds"
	})
}

func TestOnlyTheClientsLoopTriesAgain(t *testing.T) {
	sdk.CountsAttempts(t, sdktest.JSON(500, broken), stripeSays500)
}

func TestAProcessThatBeginsAgainIsGivenTheRecordedAnswer(t *testing.T) { sdk.Restarts(t) }

// TestAReplayOfNetHTTPIsCounted: over a connection that was used before, net/http
// itself sends a request with an Idempotency-Key again.
func TestAReplayOfNetHTTPIsCounted(t *testing.T) {
	p := sdk.Start(t, mock.Pass(), mock.ResetAfterEffect())
	sc := newStripe(sdk.Over(t, sdk.Client(t, p, nil, nil)), "sk_test_1")
	if _, err := charge(t.Context(), sc, "order-1", 4200); err != nil {
		t.Fatal(err)
	}
	ctx, report := retrysafe.WithOperation(t.Context(), sdk.Command, sdk.ID)
	if _, err := create(sc)(ctx); err != nil {
		t.Fatal(err)
	}
	attempts := report.Attempts()
	if len(attempts) != 1 || attempts[0].Deliveries != 2 {
		t.Errorf("%d attempts, want one of two deliveries: %v", len(attempts), attempts)
	}
	p.Attempts(t, sdk.Key(), 2)
	p.OneEffect(t, sdk.Key())
}

// TestTheGuidesChargeSaysHowItEnded: the function that the guide shows.
func TestTheGuidesChargeSaysHowItEnded(t *testing.T) {
	card := sdktest.JSON(402, `{"error":{"type":"card_error","code":"card_declined","message":"Your card was declined."}}`)
	for name, c := range map[string]struct {
		script []mock.Fault
		ok     bool
		want   func(error) bool
	}{
		"applied":  {[]mock.Fault{mock.FailAfterEffect(500)}, true, nil},
		"declined": {[]mock.Fault{card}, false, func(err error) bool { var e *stripe.Error; return errors.As(err, &e) }},
		"unknown": {[]mock.Fault{mock.ResetAfterEffect().Times(5)}, false, func(err error) bool {
			return retrysafe.OutcomeOf(err) == retrysafe.Unknown && retrysafe.Retryable(err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sdk.Start(t, c.script...)
			sc := newStripe(sdk.Over(t, sdk.Client(t, p, nil, nil)), "sk_test_1")
			intent, err := charge(t.Context(), sc, sdk.ID, 4200)
			if c.ok && (err != nil || intent.ID != sdk.Made) || !c.ok && (intent != nil || !c.want(err)) {
				t.Errorf("%v, %v", intent, err)
			}
		})
	}
}

func TestTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Page(t, "../../../docs/sdks/stripe.md", slices.Concat(cases, storedCases)...)
}
