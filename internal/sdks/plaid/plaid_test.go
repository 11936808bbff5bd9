package plaid_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"testing"

	"github.com/plaid/plaid-go/v41/plaid"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
)

var sdk = &sdktest.SDK{
	Origin:  string(plaid.Production),
	Profile: plaidProfile(),
	Mock:    mock.Options{Effect: refunded, KeyRequired: true},
	Front:   sdktest.KeyInBody("idempotency_key"),
	Command: "transfer.refund.create", ID: "order-1234/refund-1", Made: "refund_eff_1",
	Alone: func(hc *http.Client) sdktest.Call {
		conf := plaid.NewConfiguration()
		conf.UseEnvironment(plaid.Production)
		conf.HTTPClient = hc
		// The SDK makes no key. This is an application that makes one for every call.
		return call(plaid.NewAPIClient(conf), retrysafe.NewID)
	},
	Under: func(transport http.RoundTripper) sdktest.Call {
		return call(newPlaid(transport, "id", "secret"), func() string { return "" })
	},
}

func call(pc *plaid.APIClient, key func() string) sdktest.Call {
	return func(ctx context.Context) (string, error) {
		request := plaid.NewTransferRefundCreateRequest("transfer_1", "5.00", key())
		answer, _, err := pc.PlaidApi.TransferRefundCreate(ctx).TransferRefundCreateRequest(*request).Execute()
		return answer.Refund.Id, err
	}
}

func refunded(r mock.Request) mock.Reply {
	return mock.JSON(200, map[string]any{
		"refund": map[string]any{
			"id": "refund_" + r.EffectID, "transfer_id": "transfer_1", "amount": "5.00", "status": "pending",
			"failure_reason": nil, "created": "2026-01-02T15:04:05Z",
		},
		"request_id": "r1",
	})
}

const (
	broken  = `{"error_type":"API_ERROR","error_code":"INTERNAL_SERVER_ERROR","error_message":"an unexpected error occurred","display_message":null,"request_id":"r2"}`
	busy    = `{"error_type":"API_ERROR","error_code":"PLANNED_MAINTENANCE","error_message":"try again","display_message":null,"request_id":"r3"}`
	refused = `{"error_type":"INVALID_INPUT","error_code":"INVALID_FIELD","error_message":"amount is more than is left","display_message":null,"request_id":"r4"}`
)

var cases = []sdktest.Case{
	sdktest.On("none", sdktest.Fine(1), sdktest.Once(1)),
	sdktest.On("500 in JSON, before the effect", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("409, as if the key were in flight", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(409, busy)),
	sdktest.On("connection reset after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.CutBody(20)),
}

func TestEveryFaultEndsInOneEffect(t *testing.T) { sdk.Run(t, cases) }

func plaidSays(code string) func(error) bool {
	return func(err error) bool {
		var generic plaid.GenericOpenAPIError
		if !errors.As(err, &generic) {
			return false
		}
		e, err := plaid.ToPlaidError(generic)
		return err == nil && e.ErrorCode == code
	}
}

func TestARefusalIsPlaidsOwnError(t *testing.T) {
	sdk.Declines(t, sdktest.JSON(400, refused), retrysafe.Unknown, plaidSays("INVALID_FIELD"))
}

func TestOnlyTheClientsLoopTriesAgain(t *testing.T) {
	sdk.CountsAttempts(t, sdktest.JSON(500, broken), plaidSays("INTERNAL_SERVER_ERROR"))
}

func TestAProcessThatBeginsAgainIsGivenTheRecordedAnswer(t *testing.T) { sdk.Restarts(t) }

// TestTheKeyInTheBodyIsTheOperations: whatever the application put there, and
// nothing else of the body changes.
func TestTheKeyInTheBodyIsTheOperations(t *testing.T) {
	p := sdk.Start(t)
	pc := newPlaid(sdk.Over(t, sdk.Client(t, p, nil, nil)), "id", "secret")
	ctx, _ := retrysafe.WithOperation(t.Context(), sdk.Command, sdk.ID)
	if _, err := call(pc, func() string { return "of-the-application" })(ctx); err != nil {
		t.Fatal(err)
	}
	want := `{"amount":"5.00","idempotency_key":"` + sdk.Key() + `","transfer_id":"transfer_1"}`
	if r := p.Requests()[0]; !sameJSON(string(r.Body), want) || r.Header.Get("Plaid-Version") != "2020-09-14" || r.Header.Get("PLAID-SECRET") != "secret" {
		t.Errorf("sent %s\n%v", r.Body, r.Header)
	}
}

// TestTheGuidesRefundSaysHowItEnded: the function that the guide shows.
func TestTheGuidesRefundSaysHowItEnded(t *testing.T) {
	p := sdk.Start(t, sdktest.JSON(400, refused), mock.FailAfterEffect(500))
	pc := newPlaid(sdk.Over(t, sdk.Client(t, p, nil, sdktest.NewStore())), "id", "secret")
	if made, err := refund(t.Context(), pc, "order-1/refund-1", "transfer_1", "500.00"); made != nil || !plaidSays("INVALID_FIELD")(err) {
		t.Errorf("refused: %v, %v", made, err)
	}
	if made, err := refund(t.Context(), pc, "order-1/refund-2", "transfer_1", "5.00"); err != nil || made.Id != "refund_eff_1" {
		t.Errorf("applied: %v, %v", made, err)
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Page(t, "../../../docs/sdks/plaid.md", cases...)
}
