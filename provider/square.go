package provider

import (
	"net/http"

	"github.com/retrysafe/retrysafe"
)

// Square returns the profile of the Square API, for the requests that have a
// field idempotency_key. Give commands for those that have none (completing a
// payment, searches) [Keyless] of this profile.
//
// Square limits a key's length by endpoint: 45 characters for payments, refunds,
// disputes and custom attributes, 64 for Terminal, 128 for catalog, inventory,
// loyalty, gift cards and labor, 192 for orders and checkout, 255 for bookings.
// The profile has the shortest, into which derived keys fit. For keys of your own
// that are longer set Key.MaxLength, which changes no derived key.
//
// How long keys are kept is not published, so there is no window. A payment of
// which nobody knows can be voided by its key, with POST /v2/payments/cancel,
// which succeeds also where there is none.
func Square() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "square",
		// square/connect-api-specification, api.json: the field, its methods and
		// its limits. Characters of several bytes shorten them; keys are ASCII.
		Key: retrysafe.KeyRules{
			Place: retrysafe.KeyInBody, Field: "/idempotency_key",
			Methods: []string{http.MethodPost, http.MethodPut}, MaxLength: 45,
		},
		// developer.squareup.com/docs/working-with-apis/idempotency: the same key
		// with other content is an error.
		ComparesPayload: true,
		Rules:           squareRules(),
		// api.json: {"errors":[{category, code, detail, field}]}. Of several the
		// first is given.
		Code:    []string{"/errors/*/code"},
		Message: []string{"/errors/*/detail"},
		// square/square-go-sdk, internal/retrier.go: X-RateLimit-Reset, seconds
		// since 1970, is read after Retry-After. What it says on an answer that is
		// not a 429 is not documented.
		Advice: []retrysafe.Advice{{Header: "X-RateLimit-Reset", Unit: retrysafe.AdviceUnixSeconds, Status: http.StatusTooManyRequests}},
	}
}

func squareRules() []retrysafe.Rule {
	rules := []retrysafe.Rule{
		// developer.squareup.com/docs/working-with-apis/idempotency. Its status
		// is not documented.
		{Status: 400, StatusTo: 499, At: "/errors/*/code", Is: "IDEMPOTENCY_KEY_REUSED", Verdict: retrysafe.Mismatch},
		// api.json: the one code that is documented as safe to send again with the
		// same key. RATE_LIMITED, the 5xx and REQUEST_TIMEOUT fare by RFC 9110.
		{Status: 400, StatusTo: 599, At: "/errors/*/code", Is: "TEMPORARY_ERROR", Verdict: retrysafe.Again},
	}
	// api.json: errors of these categories stay as they are until the request is
	// changed. Of the statuses that is news at 409 alone, which could else mean
	// that the key is in flight: for that Square documents nothing.
	for _, category := range []string{
		"AUTHENTICATION_ERROR", "INVALID_REQUEST_ERROR", "PAYMENT_METHOD_ERROR",
		"REFUND_ERROR", "MERCHANT_SUBSCRIPTION_ERROR", "EXTERNAL_VENDOR_ERROR",
	} {
		rules = append(rules, retrysafe.Rule{Status: 409, At: "/errors/*/category", Is: category, Verdict: retrysafe.Refused})
	}
	return rules
}
