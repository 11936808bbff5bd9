package provider

import (
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe"
)

// Stripe returns the profile of Stripe's API v1. Version 2 keeps other rules
// (docs.stripe.com/api-v2-overview#idempotency): it runs failed work again and
// answers a repeat with the present state.
//
// Keys are sent with POST alone. A DELETE carries none, so one whose answer is
// lost is not sent again unless the command says Rerun.
//
// A stored 500 ends a call as [retrysafe.Unknown] with [retrysafe.ErrStuck]: it
// comes back for as long as the key lives, and another key may double the
// effect. Put a name of your own into metadata, and look for it by webhook or
// list (docs.stripe.com/error-low-level).
func Stripe() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "stripe/v1",
		// docs.stripe.com/api/idempotent_requests: up to 255 characters, on POST;
		// on GET and DELETE it has no effect.
		Key: retrysafe.KeyRules{Methods: []string{http.MethodPost}, MaxLength: 255},
		// Same page: keys may be removed once they are at least 24 hours old, and
		// the request then runs anew.
		Window: window(24 * time.Hour),
		// Same page: incoming parameters are compared with the original request's.
		ComparesPayload: true,
		Rules:           stripeRules(),
		// docs.stripe.com/api/errors: not every error has a code, every one has a
		// type.
		Code:      []string{"/error/code", "/error/type"},
		Message:   []string{"/error/message"},
		RequestID: []string{"Request-Id"},
		// That Idempotent-Replayed: true marks a replay needs no entry in
		// Replayed. Original-Request and an echoed Idempotency-Key mark nothing:
		// captured answers (secondary) have them on the first one too.
		// Request-Id is a name that others use as well.
		Marks: []string{"Idempotent-Replayed", "Stripe-Should-Retry"},
	}
}

func stripeRules() []retrysafe.Rule {
	const (
		replayed  = "Idempotent-Replayed"
		directive = "Stripe-Should-Retry"
	)
	return []retrysafe.Rule{
		// The code is in the source of Stripe's SDKs, the status in
		// docs.stripe.com/error-low-level. It is not stored.
		{Status: 409, At: "/error/code", Is: "idempotency_key_in_use", Verdict: retrysafe.Wait},
		// The type is documented (docs.stripe.com/api/errors); that its status
		// is 400 is secondary, so any 4xx will do.
		{Status: 400, StatusTo: 499, At: "/error/type", Is: "idempotency_error", Verdict: retrysafe.Mismatch},

		// docs.stripe.com/api/idempotent_requests: once the endpoint has begun,
		// status and body are stored, whatever they are. The mark proves that
		// this one is: a 4xx is a request that failed (docs.stripe.com/api/errors),
		// a 5xx never tells. Without the mark a 4xx may be one that was turned
		// down before, as invalid parameters are, and speaks for its delivery alone;
		// a 5xx is sent again, and what is stored then comes back with the mark.
		{Status: 400, StatusTo: 499, Header: replayed, Value: "true", Verdict: retrysafe.Refused, Stored: true},
		{Status: 500, StatusTo: 599, Header: replayed, Value: "true", Verdict: retrysafe.Stuck, Stored: true},
		// A card that was tried: the endpoint had begun.
		{Status: 402, At: "/error/type", Is: "card_error", Verdict: retrysafe.Refused, Stored: true},

		// docs.stripe.com/error-low-level: a 429, rate_limit or lock_timeout, is
		// not stored: limiters come before the layer that stores. What is not stored
		// has not begun. That directive: false ends it is what Stripe's SDK for
		// Node does.
		{Status: 429, Header: directive, Value: "false", Verdict: retrysafe.Refused},
		{Status: 429, Verdict: retrysafe.Again, NotRun: true},

		// docs.stripe.com/error-low-level: the server's own word on whether to
		// send the request again. Without it the server cannot tell, and a 5xx
		// under the same key may be sent again.
		{Status: 400, StatusTo: 599, Header: directive, Value: "true", Verdict: retrysafe.Again},
		{Status: 409, Header: directive, Value: "false", Verdict: retrysafe.Stuck},
		{Status: 500, StatusTo: 599, Header: directive, Value: "false", Verdict: retrysafe.Stuck},
	}
}
