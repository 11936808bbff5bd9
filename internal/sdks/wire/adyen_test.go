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

const adyenLive = "https://1797a841fbb37ca7-AdyenDemo-checkout-live.adyenpayments.com"

var adyen = &sdktest.SDK{
	Origin:  adyenLive,
	Profile: provider.Adyen(),
	Mock:    mock.Options{Effect: adyenPaid},
	Command: "payments.create", ID: "order-1234", Made: "psp_eff_1",
	Durable: true,
	Under: func(transport http.RoundTripper) sdktest.Call {
		return adyenCall(&http.Client{Transport: transport})
	},
}

// adyenCall is PaymentsApi.Payments. The SDK makes no key; one that the
// application sets goes into a header.
func adyenCall(hc *http.Client) sdktest.Call {
	header := http.Header{"X-Api-Key": {"AQE"}, "Idempotency-Key": {"of-the-application"}}
	const body = `{"amount":{"currency":"EUR","value":4200},"merchantAccount":"Acme","reference":"order-1234","returnUrl":"https://acme.test/paid"}`
	return func(ctx context.Context) (string, error) {
		var made struct{ PspReference string }
		err := post(ctx, hc, adyenLive+"/checkout/v71/payments", header, body, &made)
		return made.PspReference, err
	}
}

func adyenPaid(r mock.Request) mock.Reply {
	return mock.JSON(200, map[string]any{"pspReference": "psp_" + r.EffectID, "resultCode": "Authorised"})
}

const (
	adyenInFlight = `{"status":422,"errorCode":"704","errorType":"validation","message":"request already processed or in progress"}`
	adyenBroken   = `{"status":500,"errorCode":"905","errorType":"internal","message":"Payment details are not supported"}`
	adyenInvalid  = `{"status":422,"errorCode":"130","errorType":"validation","message":"Required field 'reference' is not provided."}`
)

// transient is an error that Adyen says to be safe to send again.
var transient = mock.Answer(500, http.Header{"Content-Type": {"application/json"}, "Transient-Error": {"true"}}, adyenBroken)

var adyenCases = []sdktest.Case{
	sdktest.On("none", sdktest.Alone{}, sdktest.Once(1)),
	sdktest.On("500 in JSON, `transient-error: true`", sdktest.Alone{}, sdktest.Once(2), transient),
	sdktest.On("500 in JSON with an `errorCode`, not transient", sdktest.Alone{}, stopped(retrysafe.Unknown, 0), sdktest.JSON(500, adyenBroken)),
	sdktest.On("500 of a gateway, after the effect", sdktest.Alone{}, sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.Alone{}, sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("422 with `errorCode` 704, the key is in flight", sdktest.Alone{}, sdktest.Once(2), sdktest.JSON(422, adyenInFlight)),
	sdktest.On("connection reset after the effect", sdktest.Alone{}, sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.Alone{}, sdktest.Once(2), mock.CutBody(20)),
}

func TestAdyenEveryFaultEndsAsItsDocumentationSays(t *testing.T) { adyen.Run(t, adyenCases) }

func TestAdyenARefusalIsHandedToTheSDK(t *testing.T) {
	adyen.Declines(t, sdktest.JSON(422, adyenInvalid), retrysafe.Unknown, says(422, "130"))
}

func TestAdyenOnlyTheClientsLoopTriesAgain(t *testing.T) {
	adyen.CountsAttempts(t, transient, says(500, "905"))
}

func TestAdyenAProcessThatBeginsAgainIsGivenTheRecordedAnswer(t *testing.T) { adyen.Restarts(t) }

func TestAdyenTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Rows(t, "../../../docs/sdks/adyen.md", adyenCases...)
}
