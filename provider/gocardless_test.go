package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

type goCardlessPayment struct {
	Payments struct {
		Amount   int    `json:"amount"`
		Currency string `json:"currency"`
	} `json:"payments"`
}

type goCardlessPaid struct {
	Payments struct{ ID, Status string } `json:"payments"`
}

var payWithGoCardless = retrysafe.Command[goCardlessPayment, goCardlessPaid]{Name: "payments.create", Path: "/payments"}

func goCardlessError(status int, typ, reason, links string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"type":%q,"message":"for people","request_id":"req-7",
		"documentation_url":"https://developer.gocardless.com","errors":[{"reason":%q,"message":"for people","links":{%s}}]}}`,
		status, typ, reason, links)
}

// newGoCardless is GoCardless as its blog post has it: one resource per key,
// and a 409 with its ID to whoever asks for another.
func newGoCardless(l *ledger, steps ...step) *fake {
	const made = `{"payments":{"id":"PM123","status":"pending_submission"}}`
	return &fake{steps: steps, serve: func(r request) reply {
		key := r.header.Get("Idempotency-Key")
		switch {
		case r.method == "GET" && r.path == "/payments/PM123" && l.effects > 0:
			return reply{status: 200, body: made}
		case r.method == "GET":
			return reply{status: 404, body: goCardlessError(404, "invalid_api_usage", "resource_not_found", "")}
		case l.bodies[key] != "":
			return reply{status: 409, body: goCardlessError(409, "invalid_state", "idempotent_creation_conflict",
				`"conflicting_resource_id":"PM123"`)}
		}
		l.effects++
		l.bodies[key] = r.body
		return reply{status: 201, body: made}
	}}
}

func TestGoCardless(t *testing.T) {
	const applied, notApplied, unknown = retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown
	conflict := func(links string) step {
		return ranAndSays(409, goCardlessError(409, "invalid_state", "idempotent_creation_conflict", links))
	}
	inactive := goCardlessError(409, "invalid_state", "mandate_is_inactive", "")
	for _, test := range []struct {
		name  string
		first bool
		steps []step
		want
	}{
		{"created", false, nil, want{"done", applied, applied, nil, "", 1}},
		{"created, answer lost: got from where it lies", false, []step{lost}, want{"none elsewhere done", applied, applied, nil, "", 1}},
		{"created, answer cut: got from where it lies", false, []step{cut}, want{"done elsewhere done", applied, applied, nil, "", 1}},
		{"created, a 500", false, []step{ranAndSays(500, goCardlessError(500, "gocardless", "", ""))},
			want{"again elsewhere done", applied, applied, nil, "", 1}},
		{"failed before it was created", false, []step{says(500, goCardlessError(500, "gocardless", "", ""))},
			want{"again done", applied, applied, nil, "", 1}},
		{"created, and the resource is away for a moment", false, []step{lost, nil, says(503, `{}`)},
			want{"none elsewhere again done", applied, applied, nil, "", 1}},
		{"created, and the resource cannot be got", false, []step{lost, nil, says(404, goCardlessError(404, "invalid_api_usage", "resource_not_found", ""))},
			want{"none elsewhere refused", applied, applied, retrysafe.ErrAnswerLost, "idempotent_creation_conflict", 1}},
		{"a conflict that does not say with what", false, []step{conflict("")},
			want{"elsewhere", applied, applied, retrysafe.ErrAnswerLost, "idempotent_creation_conflict", 1}},
		{"a conflict whose ID leads elsewhere", false, []step{conflict(`"conflicting_resource_id":"../creditors"`)},
			want{"elsewhere", applied, applied, retrysafe.ErrAnswerLost, "idempotent_creation_conflict", 1}},
		{"rate limited", false, []step{says(429, goCardlessError(429, "invalid_api_usage", "rate_limit_exceeded", ""))},
			want{"again done", applied, applied, nil, "", 1}},
		{"another invalid state, first call", true, []step{says(409, inactive)},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "mandate_is_inactive", 0}},
		{"another invalid state after doubt", true, []step{unserved, says(409, inactive)},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "mandate_is_inactive", 0}},
		{"a 409 that is none of these is waited for", false, []step{says(409, goCardlessError(409, "other", "", ""))},
			want{"wait done", applied, applied, nil, "", 1}},
		{"a 409 whose body is cut may be a success", false, []step{func(serve func() reply) (reply, error) {
			serve()
			return cut(serve)
		}}, want{"again elsewhere done", applied, applied, nil, "", 1}},
		{"validation failed, first call", true, []step{says(422, goCardlessError(422, "validation_failed", "is_invalid", ""))},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "is_invalid", 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			f := newGoCardless(l, test.steps...)
			var req goCardlessPayment
			req.Payments.Amount, req.Payments.Currency = 100, "GBP"
			got := perform(t, provider.GoCardless(), f, payWithGoCardless.With(retrysafe.Call{First: test.first}), req)
			got.check(t, test.want, l.effects)
			if got.err == nil && (got.res.Value.Payments.ID != "PM123" || got.res.Replayed != strings.Contains(test.verdicts, "elsewhere")) {
				t.Errorf("value is %+v, replayed %v", got.res.Value, got.res.Replayed)
			}
			checkFetches(t, f)
		})
	}
}

// checkFetches: what is got from where it lies has no effect, so no key.
func checkFetches(t *testing.T, f *fake) {
	t.Helper()
	for _, r := range f.requests {
		if r.method == "GET" && (r.path != "/payments/PM123" || r.body != "" || r.header.Get("Idempotency-Key") != "") {
			t.Errorf("fetched %q with body %q and key %q", r.path, r.body, r.header.Get("Idempotency-Key"))
		}
	}
}
