package paypal_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/plutov/paypal/v4"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
)

var sdk = &sdktest.SDK{
	Origin:  paypal.APIBaseLive,
	Profile: payPal(),
	Mock:    mock.Options{Effect: refunded, KeyHeader: "PayPal-Request-Id"},
	Front:   func(next http.Handler) http.Handler { return &tokens{next: next} },
	Command: "captures.refund", ID: "order-1234/refund-1", Made: "refund_eff_1",
	Trips: 2, // one for the token
	Alone: func(hc *http.Client) sdktest.Call {
		pp, err := paypal.NewClient("id", "secret", paypal.APIBaseLive)
		if err != nil {
			panic(err)
		}
		pp.SetHTTPClient(hc)
		return call(pp)
	},
	Under: func(transport http.RoundTripper) sdktest.Call {
		pp, err := newPayPal(transport, "id", "secret")
		if err != nil {
			panic(err)
		}
		return call(pp)
	},
}

func call(pp *paypal.Client) sdktest.Call {
	return func(ctx context.Context) (string, error) {
		made, err := pp.RefundCapture(ctx, "cap_1", paypal.RefundCaptureRequest{Amount: &paypal.Money{Currency: "EUR", Value: "5.00"}})
		return made.ID, err
	}
}

func refunded(r mock.Request) mock.Reply {
	return mock.JSON(201, map[string]any{"id": "refund_" + r.EffectID, "status": "COMPLETED"})
}

// tokens answers requests for an access token, which are none of mock's.
type tokens struct {
	next http.Handler

	down bool // no token today

	mu    sync.Mutex
	asked []*http.Request
}

func (s *tokens) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path != "/v1/oauth2/token" {
		s.next.ServeHTTP(w, req)
		return
	}
	req.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req)
	w.Header().Set("Content-Type", "application/json")
	if s.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, broken)
		return
	}
	// It expires within the minute in which the SDK renews, so at every call.
	io.WriteString(w, `{"access_token":"token","token_type":"Bearer","expires_in":30}`)
}

const (
	broken   = `{"name":"INTERNAL_SERVER_ERROR","message":"An internal server error has occurred.","debug_id":"d1"}`
	inFlight = `{"name":"RESOURCE_CONFLICT","details":[{"issue":"PREVIOUS_REQUEST_IN_PROGRESS"}],"debug_id":"d2"}`
	refused  = `{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"REFUND_AMOUNT_EXCEEDED"}],"message":"The requested action could not be performed.","debug_id":"d3"}`
)

var cases = []sdktest.Case{
	sdktest.On("none", sdktest.Fine(1), sdktest.Once(1)),
	sdktest.On("500 in JSON, before the effect", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("409, the key is in flight", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(409, inFlight)),
	sdktest.On("connection reset after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.CutBody(20)),
}

func TestEveryFaultEndsInOneEffect(t *testing.T) { sdk.Run(t, cases) }

func payPalSays(issue string) func(error) bool {
	return func(err error) bool {
		var e *paypal.ErrorResponse
		return errors.As(err, &e) && len(e.Details) == 1 && e.Details[0].Issue == issue
	}
}

func TestARefusalIsPayPalsOwnError(t *testing.T) {
	sdk.Declines(t, sdktest.JSON(422, refused), retrysafe.Unknown, payPalSays("REFUND_AMOUNT_EXCEEDED"))
}

func TestOnlyTheClientsLoopTriesAgain(t *testing.T) {
	sdk.CountsAttempts(t, sdktest.JSON(409, inFlight), payPalSays("PREVIOUS_REQUEST_IN_PROGRESS"))
}

func TestAProcessThatBeginsAgainIsGivenTheRecordedAnswer(t *testing.T) { sdk.Restarts(t) }

// TestATokenIsRenewedUnderTheOrdersContext: the request for it is of no
// operation, and does not bind the name.
func TestATokenIsRenewedUnderTheOrdersContext(t *testing.T) {
	own, provider := *sdk, (*tokens)(nil)
	own.Front = func(next http.Handler) http.Handler {
		provider = &tokens{next: next}
		return provider
	}
	p := own.Start(t, mock.ResetAfterEffect())
	pp, err := newPayPal(own.Over(t, own.Client(t, p, nil, nil)), "id", "secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"order-1/refund-1", "order-2/refund-1"} {
		if _, err := refund(t.Context(), pp, name, "cap_1", "5.00"); err != nil {
			t.Fatal(err)
		}
		p.OneEffect(t, string(retrysafe.DeriveKey(sdktest.Account, own.Command, name)))
	}
	if len(provider.asked) != 2 {
		t.Errorf("asked %d times for a token, want 2: one a call", len(provider.asked))
	}
	for _, r := range provider.asked {
		if user, _, _ := r.BasicAuth(); r.Form.Get("grant_type") != "client_credentials" || user != "id" || r.Header.Get("PayPal-Request-Id") != "" {
			t.Errorf("asked for a token with %v, %v", r.Form, r.Header)
		}
	}
	for _, r := range p.Requests() {
		if r.Header.Get("Authorization") != "Bearer token" || !strings.HasSuffix(r.Path, "/refund") {
			t.Errorf("sent %v with %q", r, r.Header.Get("Authorization"))
		}
	}
}

// TestWithoutATokenNothingIsSent: and nobody takes the answer for the refund's.
func TestWithoutATokenNothingIsSent(t *testing.T) {
	own := *sdk
	own.Front = func(next http.Handler) http.Handler { return &tokens{next: next, down: true} }
	p := own.Start(t)
	pp, err := newPayPal(own.Over(t, own.Client(t, p, nil, nil)), "id", "secret")
	if err != nil {
		t.Fatal(err)
	}
	_, err = refund(t.Context(), pp, own.ID, "cap_1", "5.00")
	var says *paypal.ErrorResponse
	var ours *retrysafe.Error
	if !errors.As(err, &says) || says.Name != "INTERNAL_SERVER_ERROR" || !errors.As(err, &ours) || ours.ThisCall != retrysafe.NotApplied {
		t.Errorf("without a token: %v", err)
	}
	if len(p.Requests()) != 0 {
		t.Errorf("sent without a token:\n%v", p.Requests())
	}
}

// TestTheGuidesRefundSaysHowItEnded: the function that the guide shows.
func TestTheGuidesRefundSaysHowItEnded(t *testing.T) {
	own := *sdk
	p := own.Start(t, sdktest.JSON(422, refused), mock.FailAfterEffect(500))
	pp, err := newPayPal(own.Over(t, own.Client(t, p, nil, sdktest.NewStore())), "id", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if made, err := refund(t.Context(), pp, "order-1/refund-1", "cap_1", "500.00"); made != nil || !payPalSays("REFUND_AMOUNT_EXCEEDED")(err) {
		t.Errorf("refused: %v, %v", made, err)
	}
	if made, err := refund(t.Context(), pp, "order-1/refund-2", "cap_1", "5.00"); err != nil || made.Status != "COMPLETED" {
		t.Errorf("applied: %v, %v", made, err)
	}
}

func TestTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Page(t, "../../../docs/sdks/paypal.md", cases...)
}
