package wire_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/provider"
)

var square = &sdktest.SDK{
	Origin:  "https://connect.squareup.com",
	Profile: provider.Square(),
	Mock:    mock.Options{Effect: squarePaid, KeyRequired: true},
	Front:   sdktest.KeyInBody("idempotency_key"),
	Command: "payments.create", ID: "order-1234", Made: "eff_1",
	Under: func(transport http.RoundTripper) sdktest.Call {
		return squareCall(&http.Client{Transport: transport}, "of-the-application")
	},
}

// squareCall is Payments.Create: the key is a required field of the body, which
// the application fills, and is the same in all attempts of the SDK.
func squareCall(hc *http.Client, key string) sdktest.Call {
	header := http.Header{"Authorization": {"Bearer EAAA"}, "Square-Version": {"2026-01-22"}}
	body := `{"source_id":"cnon:card-nonce-ok","idempotency_key":"` + key + `","amount_money":{"amount":4200,"currency":"EUR"}}`
	return func(ctx context.Context) (string, error) {
		var made struct{ Payment struct{ ID string } }
		err := post(ctx, hc, "https://connect.squareup.com/v2/payments", header, body, &made)
		return made.Payment.ID, err
	}
}

func squarePaid(r mock.Request) mock.Reply {
	return mock.JSON(200, map[string]any{"payment": map[string]any{"id": r.EffectID, "status": "COMPLETED"}})
}

const (
	squareBroken   = `{"errors":[{"category":"API_ERROR","code":"INTERNAL_SERVER_ERROR","detail":"An internal error has occurred."}]}`
	squareBusy     = `{"errors":[{"category":"API_ERROR","code":"CONFLICT","detail":"Try again."}]}`
	squareDeclined = `{"errors":[{"category":"PAYMENT_METHOD_ERROR","code":"CARD_DECLINED","detail":"Authorization error."}]}`
)

var squareCases = []sdktest.Case{
	sdktest.On("none", sdktest.Alone{}, sdktest.Once(1)),
	sdktest.On("500 in JSON, before the effect", sdktest.Alone{}, sdktest.Once(2), sdktest.JSON(500, squareBroken)),
	sdktest.On("500 in JSON, after the effect", sdktest.Alone{}, sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.Alone{}, sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("409, as if the key were in flight", sdktest.Alone{}, sdktest.Once(2), sdktest.JSON(409, squareBusy)),
	sdktest.On("connection reset after the effect", sdktest.Alone{}, sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.Alone{}, sdktest.Once(2), mock.CutBody(20)),
}

func TestSquareEveryFaultEndsInOneEffect(t *testing.T) { square.Run(t, squareCases) }

func TestSquareADeclineIsHandedToTheSDK(t *testing.T) {
	square.Declines(t, sdktest.JSON(402, squareDeclined), retrysafe.NotApplied, says(402, "CARD_DECLINED"))
}

func TestSquareOnlyTheClientsLoopTriesAgain(t *testing.T) {
	square.CountsAttempts(t, sdktest.JSON(500, squareBroken), says(500, "INTERNAL_SERVER_ERROR"))
}

func TestSquareAProcessThatBeginsAgainIsGivenTheRecordedAnswer(t *testing.T) { square.Restarts(t) }

func TestSquareTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Rows(t, "../../../docs/sdks/square.md", squareCases...)
}
