package provider

import (
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe"
)

// Adyen returns the profile of Adyen's APIs (Checkout, Payments, Transfers and
// others that take the header idempotency-key).
//
// Keys are not compared across regional endpoints: keep one client, with one
// base URL, for an operation. Every credential of a company account that knows
// a key can read the answer stored under it. What becomes of a key that is sent
// with another payload is not documented, so a program must not count on being
// told. The way back to the truth is Adyen's webhooks, by reference.
func Adyen() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "adyen",
		// docs.adyen.com/development-resources/api-idempotency: on POST, at most
		// 64 characters, a UUID recommended.
		Key: retrysafe.KeyRules{Methods: []string{http.MethodPost}, MaxLength: 64},
		// Same page: valid for at least 7 days. Another version of the page has
		// 31; the shorter one is taken.
		Window: window(7 * 24 * time.Hour),
		Rules:  adyenRules(),
		// Adyen/adyen-openapi, CheckoutService-v71 and TransferService-v4:
		// {errorCode, message, pspReference} and, in newer APIs, the problem
		// document {errorCode, title, detail, requestId}.
		Code:      []string{"/errorCode"},
		Message:   []string{"/message", "/detail", "/title"},
		RequestID: []string{"/pspReference", "/requestId"},
		// No header marks a replay. The key comes back in a header of its own
		// name, which does show whose answer it is.
		Marks: []string{"Idempotency-Key"},
	}
}

// adyenRules are all from docs.adyen.com/development-resources/api-idempotency.
// It does not say which refusals are stored under the key, so none is taken to
// be.
func adyenRules() []retrysafe.Rule {
	return []retrysafe.Rule{
		// In flight: 422 or 409 with errorCode 704. Without it a 422 is a refusal.
		{Status: 400, StatusTo: 499, At: "/errorCode", Is: "704", Verdict: retrysafe.Wait},
		// transient-error: true: there was no effect, send the same key later.
		{Header: "Transient-Error", Value: "true", Verdict: retrysafe.Again, NotRun: true},
		// The store of keys is away (503 with errorCode 703): send it again. That
		// nothing ran is not said.
		{Status: 500, StatusTo: 599, At: "/errorCode", Is: "703", Verdict: retrysafe.Again},
		// Any other error of Adyen's own, with the header absent or false, is not
		// to be sent again. A 5xx without errorCode is of something in between:
		// the key makes it safe to send again.
		{Status: 409, At: "/errorCode", Verdict: retrysafe.Stuck},
		{Status: 500, StatusTo: 599, At: "/errorCode", Verdict: retrysafe.Stuck},
	}
}
