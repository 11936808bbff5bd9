package provider

import (
	"net/http"

	"github.com/retrysafe/retrysafe"
)

// GoCardless returns the profile of the GoCardless API.
//
// A key stands for the creation of one resource, not for an answer: a repeat
// after a success is answered 409, with the ID of what was made, never with the
// 201. The client then gets that resource, below the command's own path, as the
// answer: a command for POST /payments ends with GET /payments/PM123.
//
// The same 409 seems to be the answer to another payload under the key: it says
// nothing of a comparison. Without a store, an ID that is used for two payloads
// is therefore answered with what the first one made.
//
// Only endpoints that create honour a key. Give the commands for actions
// (POST /payments/{payment}/actions/cancel) [Keyless] of this profile.
//
// How long keys are kept is not documented, so there is no window.
func GoCardless() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "gocardless",
		// gocardless.com/blog/idempotency-keys: any string that does not repeat,
		// on the endpoints that create.
		Key:   retrysafe.KeyRules{Methods: []string{http.MethodPost}},
		Rules: goCardlessRules(),
		// gocardless/gocardless-pro-go, the API error in gc.go: the reason of the
		// single error says more than the type of all.
		Code:      []string{"/error/errors/*/reason", "/error/type"},
		Message:   []string{"/error/message"},
		RequestID: []string{"/error/request_id"},
		// api-evangelist/gocardless, conventions (secondary): RateLimit-Reset is
		// an HTTP date. It tells when the quota is renewed also while there is
		// some left, so it means a wait with a 429 alone.
		Advice: []retrysafe.Advice{{Header: "RateLimit-Reset", Unit: retrysafe.AdviceDate, Status: http.StatusTooManyRequests}},
	}
}

// goCardlessRules leave type gocardless (5xx) and 429 to RFC 9110: same key,
// later. No refusal speaks for the key, because failures are not stored: the
// blog post says that after one the same key is safe to send again.
func goCardlessRules() []retrysafe.Rule {
	return []retrysafe.Rule{
		// gocardless.com/blog/idempotency-keys, and the Ruby SDK's
		// on_idempotency_conflict: fetch.
		{
			Status: 409, At: "/error/errors/*/reason", Is: "idempotent_creation_conflict",
			Verdict: retrysafe.Elsewhere,
			Link:    retrysafe.Link{At: "/error/errors/*/links/conflicting_resource_id", Under: true},
		},
		// gocardless-pro-go retries no other invalid_state, whatever its status.
		// What "in flight" looks like is not documented: any other 409 is waited for.
		{Status: 409, At: "/error/type", Is: "invalid_state", Verdict: retrysafe.Refused},
	}
}
