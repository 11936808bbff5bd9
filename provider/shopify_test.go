package provider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

type shopifyRefund struct {
	Query     string `json:"query"`
	Variables struct {
		OrderID string `json:"orderId"`
	} `json:"variables"`
}

type shopifyRefunded struct {
	Data struct {
		RefundCreate struct {
			Refund struct{ ID string }
		} `json:"refundCreate"`
	} `json:"data"`
}

var refundWithShopify = retrysafe.Command[shopifyRefund, shopifyRefunded]{Name: "refunds.create", Path: "/admin/api/2026-04/graphql.json"}

func userError(code string) string {
	return fmt.Sprintf(`{"data":{"refundCreate":{"refund":null,"userErrors":[{"field":["input"],"message":"for people","code":%q}]}}}`, code)
}

func topLevelError(code string) string {
	return fmt.Sprintf(`{"errors":[{"message":"for people","extensions":{"code":%q}}],"extensions":{"cost":{"requestedQueryCost":70}}}`, code)
}

// newShopify is Shopify as its documentation has it: everything under 200, the
// result of the original operation again, a user error for other variables.
func newShopify(l *ledger, steps ...step) *fake {
	return &fake{steps: steps, serve: func(r request) reply {
		var sent struct {
			Variables struct {
				Key string `json:"idempotencyKey"`
			} `json:"variables"`
		}
		if err := json.Unmarshal([]byte(r.body), &sent); err != nil || sent.Variables.Key == "" {
			return reply{status: 200, body: topLevelError("BAD_REQUEST")}
		}
		known, ok := l.bodies[sent.Variables.Key]
		switch {
		case ok && known != r.body:
			return reply{status: 200, body: userError("IDEMPOTENCY_KEY_PARAMETER_MISMATCH")}
		case !ok:
			l.effects++
			l.bodies[sent.Variables.Key] = r.body
		}
		return reply{status: 200, body: `{"data":{"refundCreate":{"refund":{"id":"gid://shopify/Refund/1"},"userErrors":[]}}}`}
	}}
}

func newShopifyRefund(order string) (r shopifyRefund) {
	r.Query = `mutation($orderId: ID!, $idempotencyKey: String!) { refundCreate(input: {orderId: $orderId}) ` +
		`@idempotent(key: $idempotencyKey) { refund { id } userErrors { field message } } }`
	r.Variables.OrderID = order
	return r
}

func TestShopifyGraphQL(t *testing.T) {
	const applied, notApplied, unknown = retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown
	const withoutCode = `{"data":{"refundCreate":{"refund":null,"userErrors":[{"field":null,"message":"nothing left to refund"}]}}}`
	const ranAndFieldFailed = `{"data":{"refundCreate":{"refund":{"id":"gid://shopify/Refund/1","order":null},"userErrors":[]}},` +
		`"errors":[{"message":"no access","path":["refundCreate","refund","order"],"extensions":{"code":"ACCESS_DENIED"}}]}`
	for _, test := range []struct {
		name  string
		first bool
		steps []step
		want
	}{
		{"refunded", false, nil, want{"done", applied, applied, nil, "", 1}},
		{"refunded, answer lost", false, []step{lost}, want{"none done", applied, applied, nil, "", 1}},
		{"refunded, answer cut: it could be a user error", false, []step{cut}, want{"again done", applied, applied, nil, "", 1}},
		{"in flight under 200", false, []step{says(200, userError("IDEMPOTENCY_CONCURRENT_REQUEST"))},
			want{"wait done", applied, applied, nil, "", 1}},
		{"in flight for ever", true, repeat(5, says(200, userError("IDEMPOTENCY_CONCURRENT_REQUEST"))),
			want{"wait wait wait wait wait", unknown, unknown, retrysafe.ErrInFlight, "IDEMPOTENCY_CONCURRENT_REQUEST", 0}},
		{"in flight at another mutation", false, []step{says(200, strings.Replace(userError("IDEMPOTENCY_CONCURRENT_REQUEST"), "refundCreate", "inventoryAdjustQuantities", 1))},
			want{"wait done", applied, applied, nil, "", 1}},
		{"mismatch under 200", false, []step{says(200, userError("IDEMPOTENCY_KEY_PARAMETER_MISMATCH"))},
			want{"mismatch", unknown, notApplied, retrysafe.ErrKeyReused, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", 0}},
		{"a user error, first call", true, []step{says(200, userError("INVALID"))},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "INVALID", 0}},
		{"a user error without a code", true, []step{says(200, withoutCode)},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "", 0}},
		{"a user error after doubt", true, []step{lost, says(200, userError("INVALID"))},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "INVALID", 1}},
		{"throttled under 200", false, []step{says(200, topLevelError("THROTTLED"))}, want{"again done", applied, applied, nil, "", 1}},
		{"throttled for ever: nothing ran", true, repeat(5, says(200, topLevelError("THROTTLED"))),
			want{"again again again again again", notApplied, notApplied, retrysafe.ErrAttemptsExhausted, "THROTTLED", 0}},
		{"an internal error under 200, after the effect", false, []step{ranAndSays(200, topLevelError("INTERNAL_SERVER_ERROR"))},
			want{"again done", applied, applied, nil, "", 1}},
		{"internal errors for ever leave doubt", true, repeat(5, says(200, topLevelError("INTERNAL_SERVER_ERROR"))),
			want{"again again again again again", unknown, unknown, retrysafe.ErrAttemptsExhausted, "INTERNAL_SERVER_ERROR", 0}},
		{"too costly", true, []step{says(200, topLevelError("MAX_COST_EXCEEDED"))},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "MAX_COST_EXCEEDED", 0}},
		{"an error of one field after the effect", true, []step{ranAndSays(200, ranAndFieldFailed)},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "ACCESS_DENIED", 1}},
		{"200 with nothing in it", false, []step{says(200, "", "Content-Type", "")}, want{"again done", applied, applied, nil, "", 1}},
		{"200 without data", false, []step{says(200, `{"data":null}`)}, want{"again done", applied, applied, nil, "", 1}},
		{"202 without data", false, []step{says(202, `{}`)}, want{"again done", applied, applied, nil, "", 1}},
		{"200 of a captive portal", false, []step{says(200, "<html>", "Content-Type", "text/html")},
			want{"again done", applied, applied, nil, "", 1}},
		{"502 after the effect", false, []step{ranAndSays(502, "")}, want{"again done", applied, applied, nil, "", 1}},
		{"401, first call", true, []step{says(401, `{"errors":"[API] Invalid API key"}`)},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "", 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			f := newShopify(l, test.steps...)
			command := refundWithShopify.With(retrysafe.Call{First: test.first})
			got := perform(t, provider.ShopifyGraphQL(), f, command, newShopifyRefund("gid://shopify/Order/1"))
			got.check(t, test.want, l.effects)
			if got.err == nil && got.res.Value.Data.RefundCreate.Refund.ID != "gid://shopify/Refund/1" {
				t.Errorf("value is %+v", got.res.Value)
			}
		})
	}
}

func TestShopifysKeyIsAVariable(t *testing.T) {
	f := newShopify(newLedger(), lost)
	got := perform(t, provider.ShopifyGraphQL(), f, refundWithShopify, newShopifyRefund("gid://shopify/Order/1"))
	if got.err != nil {
		t.Fatal(got.err)
	}
	want := fmt.Sprintf(`"variables":{"idempotencyKey":"%s","orderId":"gid://shopify/Order/1"}`, got.res.Key)
	if !strings.Contains(f.requests[0].body, want) {
		t.Errorf("sent %s, want %s in it", f.requests[0].body, want)
	}
}

func TestShopifyRefusesAnotherRefundUnderTheKey(t *testing.T) {
	l := newLedger()
	for i, w := range []want{
		{"done", retrysafe.Applied, retrysafe.Applied, nil, "", 1},
		{"mismatch", retrysafe.Unknown, retrysafe.NotApplied, retrysafe.ErrKeyReused, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", 1},
	} {
		req := newShopifyRefund(fmt.Sprintf("gid://shopify/Order/%d", i))
		got := perform(t, provider.ShopifyGraphQL(), newShopify(l), refundWithShopify, req)
		got.check(t, w, l.effects)
	}
}

// TestADocumentWithoutVariablesIsNotSent: there would be no place for the key.
func TestADocumentWithoutVariablesIsNotSent(t *testing.T) {
	f := newShopify(newLedger())
	command := retrysafe.Command[struct {
		Query string `json:"query"`
	}, shopifyRefunded]{Name: "refunds.bare", Path: "/graphql.json"}
	got := perform(t, provider.ShopifyGraphQL(), f, command, struct {
		Query string `json:"query"`
	}{"mutation { x }"})
	if !errors.Is(got.err, retrysafe.ErrInvalid) || len(f.requests) != 0 {
		t.Errorf("%d requests, error %v", len(f.requests), got.err)
	}
}
