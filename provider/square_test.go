package provider_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

type squarePayment struct {
	SourceID string `json:"source_id"`
	Amount   struct {
		Amount   int    `json:"amount"`
		Currency string `json:"currency"`
	} `json:"amount_money"`
}

type squarePaid struct {
	Payment struct{ ID, Status string } `json:"payment"`
}

var payWithSquare = retrysafe.Command[squarePayment, squarePaid]{Name: "payments.create", Path: "/v2/payments"}

func squareErrors(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"category":%q,"code":%q,"detail":"for people","field":"source_id"}`, pairs[i], pairs[i+1]))
	}
	return `{"errors":[` + strings.Join(list, ",") + `]}`
}

// newSquare is Square as its documentation has it: the first success again for
// the same content under a key, an error for any other.
func newSquare(l *ledger, steps ...step) *fake {
	return &fake{steps: steps, serve: func(r request) reply {
		var sent struct {
			Key string `json:"idempotency_key"`
		}
		if err := json.Unmarshal([]byte(r.body), &sent); err != nil || sent.Key == "" || len(sent.Key) > 45 {
			return reply{status: 400, body: squareErrors("INVALID_REQUEST_ERROR", "MISSING_REQUIRED_PARAMETER")}
		}
		known, ok := l.bodies[sent.Key]
		switch {
		case ok && known != r.body:
			return reply{status: 400, body: squareErrors("INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED")}
		case !ok:
			l.effects++
			l.bodies[sent.Key] = r.body
		}
		return reply{status: 200, body: `{"payment":{"id":"pay_1","status":"COMPLETED"}}`}
	}}
}

func TestSquare(t *testing.T) {
	const applied, notApplied, unknown = retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown
	declined := squareErrors("PAYMENT_METHOD_ERROR", "CARD_DECLINED")
	temporary := squareErrors("PAYMENT_METHOD_ERROR", "TEMPORARY_ERROR")
	reused := squareErrors("INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED")
	for _, test := range []struct {
		name  string
		first bool
		steps []step
		want
	}{
		{"paid", false, nil, want{"done", applied, applied, nil, "", 1}},
		{"paid, answer lost", false, []step{lost}, want{"none done", applied, applied, nil, "", 1}},
		{"paid, answer cut", false, []step{cut}, want{"done done", applied, applied, nil, "", 1}},
		{"temporary error", false, []step{says(402, temporary)}, want{"again done", applied, applied, nil, "", 1}},
		{"temporary error for ever leaves doubt", true, repeat(5, says(400, temporary)),
			want{"again again again again again", unknown, unknown, retrysafe.ErrAttemptsExhausted, "TEMPORARY_ERROR", 0}},
		{"temporary error among others", false, []step{says(400, squareErrors("PAYMENT_METHOD_ERROR", "CVV_FAILURE", "PAYMENT_METHOD_ERROR", "TEMPORARY_ERROR"))},
			want{"again done", applied, applied, nil, "", 1}},
		{"rate limited", false, []step{says(429, squareErrors("RATE_LIMIT_ERROR", "RATE_LIMITED"))},
			want{"again done", applied, applied, nil, "", 1}},
		{"internal error after the effect", false, []step{ranAndSays(500, squareErrors("API_ERROR", "INTERNAL_SERVER_ERROR"))},
			want{"again done", applied, applied, nil, "", 1}},
		{"gateway timeout after the effect", false, []step{ranAndSays(504, squareErrors("API_ERROR", "GATEWAY_TIMEOUT"))},
			want{"again done", applied, applied, nil, "", 1}},
		{"key reused as 400", false, []step{says(400, reused)},
			want{"mismatch", unknown, notApplied, retrysafe.ErrKeyReused, "IDEMPOTENCY_KEY_REUSED", 0}},
		{"key reused as 409", false, []step{says(409, reused)},
			want{"mismatch", unknown, notApplied, retrysafe.ErrKeyReused, "IDEMPOTENCY_KEY_REUSED", 0}},
		{"card declined", false, []step{says(402, declined)},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "CARD_DECLINED", 0}},
		{"card declined after doubt", true, []step{unserved, says(402, declined)},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "CARD_DECLINED", 0}},
		{"invalid, first call", true, []step{says(400, squareErrors("INVALID_REQUEST_ERROR", "BAD_REQUEST"))},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "BAD_REQUEST", 0}},
		{"conflict of versions is not tried again", true, []step{says(409, squareErrors("INVALID_REQUEST_ERROR", "VERSION_MISMATCH"))},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "VERSION_MISMATCH", 0}},
		{"a 409 that is none of these is waited for", false, []step{says(409, squareErrors("API_ERROR", "CONFLICT"))},
			want{"wait done", applied, applied, nil, "", 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			f := newSquare(l, test.steps...)
			req := squarePayment{SourceID: "cnon:card"}
			req.Amount.Amount, req.Amount.Currency = 4200, "EUR"
			got := perform(t, provider.Square(), f, payWithSquare.With(retrysafe.Call{First: test.first}), req)
			got.check(t, test.want, l.effects)
			if got.err == nil && got.res.Value.Payment.ID != "pay_1" {
				t.Errorf("value is %+v", got.res.Value)
			}
		})
	}
}

func TestSquaresKeyIsInTheBytesOfEveryAttempt(t *testing.T) {
	f := newSquare(newLedger(), lost, says(503, `{}`))
	got := perform(t, provider.Square(), f, payWithSquare, squarePayment{SourceID: "cnon:card"})
	if got.err != nil || len(f.requests) != 3 {
		t.Fatalf("%d requests: %v", len(f.requests), got.err)
	}
	want := fmt.Sprintf(`{"idempotency_key":"%s","source_id":"cnon:card","amount_money":{"amount":0,"currency":""}}`, got.res.Key)
	for i, r := range f.requests {
		if r.body != want {
			t.Errorf("attempt %d sent %s, want %s", i+1, r.body, want)
		}
		if r.header.Get("Idempotency-Key") != "" {
			t.Errorf("attempt %d has the key in a header too", i+1)
		}
	}
}

func TestSquareRefusesAnotherPaymentUnderTheKey(t *testing.T) {
	l := newLedger()
	for amount, w := range []want{
		{"done", retrysafe.Applied, retrysafe.Applied, nil, "", 1},
		{"mismatch", retrysafe.Unknown, retrysafe.NotApplied, retrysafe.ErrKeyReused, "IDEMPOTENCY_KEY_REUSED", 1},
	} {
		req := squarePayment{SourceID: "cnon:card"}
		req.Amount.Amount = amount
		got := perform(t, provider.Square(), newSquare(l), payWithSquare, req)
		got.check(t, w, l.effects)
	}
}

func TestALongerKeyOfOnesOwnNeedsAnotherLimit(t *testing.T) {
	own := retrysafe.Key(strings.Repeat("k", 192))
	orders := provider.Square()
	orders.Key.MaxLength = 192
	for _, test := range []struct {
		profile *retrysafe.Profile
		allowed bool
	}{{nil, false}, {&orders, true}} {
		client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{Profile: provider.Square()})
		if err != nil {
			t.Fatal(err)
		}
		command := retrysafe.Command[anyBody, retrysafe.None]{Name: "orders.create", Path: "/v2/orders", Profile: test.profile}
		derived, _ := command.Key(client, "order-1234")
		unchanged, _ := payWithSquare.Key(client, "order-1234")
		if _, err = command.With(retrysafe.Call{Key: own}).Key(client, "order-1234"); (err == nil) != test.allowed {
			t.Errorf("own key: %v, want allowed %v", err, test.allowed)
		}
		if len(derived) != 36 || len(unchanged) != 36 {
			t.Errorf("derived keys %d and %d characters, want UUIDs", len(derived), len(unchanged))
		}
	}
}
