package plaid_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/plaid/plaid-go/v41/plaid"

	"github.com/retrysafe/retrysafe"
)

// plaidProfile is what Plaid promises for the requests that have a field
// idempotency_key.
func plaidProfile() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "plaid/transfer",
		Key:  retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/idempotency_key", MaxLength: 50},
		Code: []string{"/error_code"}, Message: []string{"/error_message"}, RequestID: []string{"/request_id"},
	}
}

// newPlaid returns plaid-go over a transport of retrysafe.NewTransport.
func newPlaid(transport http.RoundTripper, id, secret string) *plaid.APIClient {
	conf := plaid.NewConfiguration()
	conf.UseEnvironment(plaid.Production)
	conf.AddDefaultHeader("PLAID-CLIENT-ID", id)
	conf.AddDefaultHeader("PLAID-SECRET", secret)
	conf.HTTPClient = &http.Client{Transport: transport} // the one line
	return plaid.NewAPIClient(conf)
}

// refund pays back part of a transfer once, however often it is called.
func refund(ctx context.Context, pc *plaid.APIClient, name, transfer, amount string) (*plaid.TransferRefund, error) {
	ctx, report := retrysafe.WithOperation(ctx, "transfer.refund.create", name)
	answer, _, err := pc.PlaidApi.TransferRefundCreate(ctx).
		TransferRefundCreateRequest(*plaid.NewTransferRefundCreateRequest(transfer, amount, "")). // the key comes from the name
		Execute()
	var refused plaid.GenericOpenAPIError
	switch {
	case report.Outcome() == retrysafe.Applied && err == nil:
		return &answer.Refund, nil
	case report.Outcome() == retrysafe.NotApplied && errors.As(err, &refused):
		return nil, refused
	default:
		return nil, errors.Join(err, report.Err()) // unknown: call again under the same name
	}
}
