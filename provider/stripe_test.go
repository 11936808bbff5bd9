package provider_test

import (
	"fmt"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

type stripeCharge struct {
	Amount int `form:"amount"`
}

type stripeCharged struct {
	ID     string `json:"id"`
	Object string `json:"object"`
}

var createStripeCharge = retrysafe.Command[stripeCharge, stripeCharged]{
	Name: "charges.create", Path: "/v1/charges", Body: retrysafe.Form,
}

func stripeError(typ, code string) string {
	return fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"for people","doc_url":"https://stripe.com/docs"}}`, typ, code)
}

// newStripe is Stripe as its documentation has it: the status and body that the
// endpoint came to are stored under the key, and given again with a mark.
func newStripe(l *ledger, own reply, steps ...step) *fake {
	return &fake{steps: steps, serve: func(r request) reply {
		key := r.header.Get("Idempotency-Key")
		if known, ok := l.answers[key]; ok {
			known.header = map[string]string{"Idempotent-Replayed": "true", "Request-Id": "req_again"}
			return known
		}
		if own.status < 400 || own.status >= 500 {
			l.effects++ // a 500 after the charge: the worst case
		}
		l.answers[key] = own
		return own
	}}
}

func TestStripe(t *testing.T) {
	made := reply{status: 200, body: `{"id":"ch_1","object":"charge"}`}
	declined := reply{status: 402, body: stripeError("card_error", "card_declined")}
	broken := reply{status: 500, body: stripeError("api_error", "")}
	const (
		applied, notApplied, unknown = retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown
		directive                    = "Stripe-Should-Retry"
	)
	inUse := stripeError("invalid_request_error", "idempotency_key_in_use")
	invalid := stripeError("invalid_request_error", "parameter_missing")
	for _, test := range []struct {
		name  string
		own   reply
		first bool
		steps []step
		want
	}{
		{"made", made, false, nil, want{"done", applied, applied, nil, "", 1}},
		{"made, answer lost", made, false, []step{lost}, want{"none done", applied, applied, nil, "", 1}},
		{"made, answer cut", made, false, []step{cut}, want{"done done", applied, applied, nil, "", 1}},
		{"made, a 502 of a gateway", made, false, []step{ranAndSays(502, "<html>", "Content-Type", "text/html")},
			want{"again done", applied, applied, nil, "", 1}},
		{"card declined", declined, false, nil, want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "card_declined", 0}},
		{"card declined, answer lost: the stored one speaks for both", declined, false, []step{lost},
			want{"none refused", notApplied, notApplied, retrysafe.ErrRefused, "card_declined", 0}},
		{"card declined, after a delivery that may be on its way: it would get the same", declined, false, []step{unserved},
			want{"none refused", notApplied, notApplied, retrysafe.ErrRefused, "card_declined", 0}},
		{"stored 500", broken, false, nil, want{"again stuck", unknown, unknown, retrysafe.ErrStuck, "api_error", 1}},
		{"500 and told not to try again", broken, false, []step{ranAndSays(500, broken.body, directive, "false")},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "api_error", 1}},
		{"500 and told to try again", made, false, []step{says(500, broken.body, directive, "true")},
			want{"again done", applied, applied, nil, "", 1}},
		{"400 and told to try again", made, false, []step{says(400, invalid, directive, "true")},
			want{"again done", applied, applied, nil, "", 1}},
		{"in flight, then made", made, false, []step{says(409, inUse), says(409, inUse)},
			want{"wait wait done", applied, applied, nil, "", 1}},
		{"in flight whatever the directive", made, false, []step{says(409, inUse, directive, "false")},
			want{"wait done", applied, applied, nil, "", 1}},
		{"another conflict and told not to try again", made, false,
			[]step{says(409, stripeError("invalid_request_error", "lock_timeout"), directive, "false")},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "lock_timeout", 0}},
		{"mismatch", made, false, []step{says(400, stripeError("idempotency_error", ""))},
			want{"mismatch", unknown, notApplied, retrysafe.ErrKeyReused, "idempotency_error", 0}},
		{"invalid parameter, first call", made, true, []step{says(400, invalid)},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "parameter_missing", 0}},
		{"invalid parameter, perhaps not the first call", made, false, []step{says(400, invalid)},
			want{"refused", unknown, notApplied, retrysafe.ErrRefused, "parameter_missing", 0}},
		{"invalid parameter after doubt says nothing of the first delivery", made, true, []step{unserved, says(400, invalid)},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "parameter_missing", 0}},
		{"401 after doubt", made, true, []step{unserved, says(401, stripeError("invalid_request_error", ""))},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "invalid_request_error", 0}},
		{"rate limit, then made", made, false, []step{says(429, stripeError("invalid_request_error", "rate_limit"))},
			want{"again done", applied, applied, nil, "", 1}},
		{"lock timeout, told to try again, then made", made, false,
			[]step{says(429, stripeError("invalid_request_error", "lock_timeout"), directive, "true")},
			want{"again done", applied, applied, nil, "", 1}},
		{"rate limit for ever: nothing ran", made, true, repeat(5, says(429, stripeError("invalid_request_error", "rate_limit"))),
			want{"again again again again again", notApplied, notApplied, retrysafe.ErrAttemptsExhausted, "rate_limit", 0}},
		{"rate limit and told not to try again", made, true,
			[]step{says(429, stripeError("invalid_request_error", "rate_limit"), directive, "false")},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "rate_limit", 0}},
		{"lock timeout for ever, told to try again: nothing ran", made, true,
			repeat(5, says(429, stripeError("invalid_request_error", "lock_timeout"), directive, "true")),
			want{"again again again again again", notApplied, notApplied, retrysafe.ErrAttemptsExhausted, "lock_timeout", 0}},
		{"a stored 404 speaks for every delivery", reply{status: 404, body: stripeError("invalid_request_error", "resource_missing")}, false, []step{lost},
			want{"none refused", notApplied, notApplied, retrysafe.ErrRefused, "resource_missing", 0}},
		{"a 400 that is said not to be stored", made, true, []step{unserved, says(400, invalid, "Idempotent-Replayed", "false")},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "parameter_missing", 0}},
		{"stored 503", reply{status: 503, body: broken.body}, false, nil, want{"again stuck", unknown, unknown, retrysafe.ErrStuck, "api_error", 1}},
		{"a 500 that is said not to be stored", made, false, []step{says(500, broken.body, "Idempotent-Replayed", "false")},
			want{"again done", applied, applied, nil, "", 1}},
		{"503 and told not to try again", made, false, []step{ranAndSays(503, broken.body, directive, "false")},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "api_error", 1}},
		{"404 and told to try again", made, false, []step{says(404, invalid, directive, "true")},
			want{"again done", applied, applied, nil, "", 1}},
		{"mismatch as 409", made, false, []step{says(409, stripeError("idempotency_error", ""))},
			want{"mismatch", unknown, notApplied, retrysafe.ErrKeyReused, "idempotency_error", 0}},
		{"a captive portal", made, false, []step{says(200, "<html>", "Content-Type", "text/html")},
			want{"again done", applied, applied, nil, "", 1}},
		{"declined, and its body cut: sent again to read it", declined, false, []step{cut},
			want{"again refused", notApplied, notApplied, retrysafe.ErrRefused, "card_declined", 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			f := newStripe(l, test.own, test.steps...)
			command := createStripeCharge.With(retrysafe.Call{First: test.first})
			got := perform(t, provider.Stripe(), f, command, stripeCharge{Amount: 4200})
			got.check(t, test.want, l.effects)
			if got.err == nil && got.res.Value.ID != "ch_1" {
				t.Errorf("value is %+v", got.res.Value)
			}
		})
	}
}

func repeat(n int, s step) (steps []step) {
	for range n {
		steps = append(steps, s)
	}
	return steps
}

func TestAStripeAnswerIsMarkedReplayedOnlyIfItWas(t *testing.T) {
	own := reply{status: 200, body: `{"id":"ch_1"}`, header: map[string]string{"Original-Request": "req_1", "Idempotency-Key": "k"}}
	for replayed, steps := range map[bool][]step{false: nil, true: {lost}} {
		got := perform(t, provider.Stripe(), newStripe(newLedger(), own, steps...), createStripeCharge, stripeCharge{Amount: 1})
		if got.err != nil || got.res.Replayed != replayed {
			t.Errorf("replayed is %v, want %v: %v", got.res.Replayed, replayed, got.err)
		}
	}
}

// TestAMarkedAnswerCameFromStripe: its media type is not a declared one, but
// nobody else says that it is a replay.
func TestAMarkedAnswerCameFromStripe(t *testing.T) {
	f := &fake{serve: func(request) reply {
		return makeReply(200, "%PDF", []string{"Content-Type", "application/pdf", "Idempotent-Replayed", "true"})
	}}
	command := retrysafe.Command[stripeCharge, retrysafe.None]{Name: "receipts.create", Path: "/v1/receipts", Body: retrysafe.Form}
	got := perform(t, provider.Stripe(), f, command, stripeCharge{Amount: 1})
	got.check(t, want{"done", retrysafe.Applied, retrysafe.Applied, nil, "", 0}, 0)
}
