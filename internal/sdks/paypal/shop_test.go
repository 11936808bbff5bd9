package paypal_test

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/plutov/paypal/v4"

	"github.com/retrysafe/retrysafe"
)

// payPal is what PayPal promises for payments v2.
func payPal() retrysafe.Profile {
	return retrysafe.Profile{
		Name:   "paypal/payments/v2",
		Key:    retrysafe.KeyRules{Header: "PayPal-Request-Id", Methods: []string{http.MethodPost}},
		Window: 44 * 24 * time.Hour, // kept for 45 days, less a margin
		Rules: []retrysafe.Rule{
			{Status: 409, At: "/details/*/issue", Is: "PREVIOUS_REQUEST_IN_PROGRESS", Verdict: retrysafe.Wait},
		},
		Code: []string{"/details/*/issue", "/name"}, Message: []string{"/message"}, RequestID: []string{"/debug_id"},
	}
}

// newPayPal returns plutov/paypal over a transport of retrysafe.NewTransport.
func newPayPal(transport http.RoundTripper, id, secret string) (*paypal.Client, error) {
	pp, err := paypal.NewClient(id, secret, paypal.APIBaseLive)
	if err != nil {
		return nil, err
	}
	pp.SetHTTPClient(&http.Client{Transport: transport}) // the one line
	return pp, nil
}

// refund pays back part of a capture once, however often it is called.
func refund(ctx context.Context, pp *paypal.Client, name, capture, value string) (*paypal.RefundResponse, error) {
	ctx, report := retrysafe.WithOperation(ctx, "captures.refund", name)
	made, err := pp.RefundCapture(ctx, capture, paypal.RefundCaptureRequest{
		Amount: &paypal.Money{Currency: "EUR", Value: value},
	})
	var refused *paypal.ErrorResponse
	switch {
	case report.Outcome() == retrysafe.Applied:
		return made, err
	case report.Outcome() == retrysafe.NotApplied && errors.As(err, &refused):
		return nil, refused
	default:
		return nil, errors.Join(err, report.Err()) // unknown: call again under the same name
	}
}
