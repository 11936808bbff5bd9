package mock_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/mock"
)

// form sends parameters as Stripe's SDKs do.
func form(p *mock.Provider, method, path, key, params string) answer {
	req, _ := http.NewRequest(method, anywhere+path, strings.NewReader(params))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return do(p.Client(), req)
}

type stripeError struct {
	Error struct{ Type, Code, Message string }
}

func TestStripeHeadersTellFirstFromReplay(t *testing.T) {
	p := provider(t, &mock.Options{Dialect: mock.StripeV1})
	for n, want := range []struct{ request, original, replayed string }{
		{"req_1", "req_1", ""},
		{"req_2", "req_1", "true"},
		{"req_3", "req_1", "true"},
	} {
		a := form(p, "POST", "/v1/charges", "k1", "amount=5")
		if a.status != 200 || a.header.Get("Request-Id") != want.request || a.header.Get("Original-Request") != want.original ||
			a.header.Get("Idempotent-Replayed") != want.replayed || a.header.Get("Idempotency-Key") != "k1" {
			t.Errorf("request %d: %v", n+1, a)
		}
	}
}

func TestStripeStoresWhatBegan(t *testing.T) {
	for name, test := range map[string]struct {
		reply  mock.Reply
		stored bool
	}{
		"success":        {mock.JSON(200, map[string]string{"id": "ch_1"}), true},
		"declined card":  {mock.StripeError(402, "card_error", "card_declined", "no"), true},
		"server error":   {mock.StripeError(500, "api_error", "", "broken"), true},
		"conflict":       {mock.StripeError(409, "invalid_request_error", "lock_timeout", "locked"), true},
		"validation":     {mock.Reply{Status: 400, NotStored: true}, false},
		"unauthorized":   {mock.StripeError(401, "invalid_request_error", "", "who?"), false},
		"rate limit":     {mock.StripeError(429, "invalid_request_error", "rate_limit", "slow"), false},
		"late bad param": {mock.StripeError(400, "invalid_request_error", "", "hm"), true},
	} {
		calls := 0
		p := provider(t, &mock.Options{Dialect: mock.StripeV1, Effect: func(mock.Request) mock.Reply {
			calls++
			return test.reply
		}})
		form(p, "POST", "/v1/charges", "k1", "amount=5")
		second := form(p, "POST", "/v1/charges", "k1", "amount=5")
		if replayed := second.header.Get("Idempotent-Replayed") == "true"; replayed != test.stored || (calls == 1) != test.stored {
			t.Errorf("%s: %d calls, replayed %v, want stored %v", name, calls, replayed, test.stored)
		}
		if echoed := second.header.Get("Original-Request") != ""; echoed != test.stored {
			t.Errorf("%s: names an original: %v", name, echoed)
		}
	}
}

func TestStripeComparesParameters(t *testing.T) {
	p := provider(t, &mock.Options{Dialect: mock.StripeV1})
	form(p, "POST", "/v1/charges", "k1", "amount=5&currency=eur")
	for _, test := range []struct {
		path, params string
		status       int
	}{
		{"/v1/charges", "amount=5&currency=eur", 200},
		{"/v1/charges", "currency=eur&amount=5", 200},
		{"/v1/charges", "amount=6&currency=eur", 400},
		{"/v1/charges", "amount=5", 400},
		{"/v1/refunds", "amount=5&currency=eur", 400},
	} {
		a := form(p, "POST", test.path, "k1", test.params)
		var e stripeError
		json.Unmarshal([]byte(a.body), &e)
		if a.status != test.status || a.status == 400 && e.Error.Type != "idempotency_error" {
			t.Errorf("%s with %s: %v", test.path, test.params, a)
		}
	}
	p.OneEffect(t, "k1")
}

func TestStripeRefusals(t *testing.T) {
	p := provider(t, &mock.Options{Dialect: mock.StripeV1, Script: []mock.Fault{
		mock.KeyInFlight(1), mock.TooManyRequests("1"), mock.Unavailable(""), mock.FailAfterEffect(500), mock.FailAfterEffect(404),
	}})
	for _, want := range []struct {
		key       string
		status    int
		typ, code string
	}{
		{"k1", 409, "invalid_request_error", "idempotency_key_in_use"},
		{"k1", 429, "invalid_request_error", "rate_limit"},
		{"k1", 503, "api_error", ""},
		{"k1", 500, "api_error", ""},
		{"k1", 404, "invalid_request_error", ""},
		{strings.Repeat("k", 256), 400, "invalid_request_error", ""},
	} {
		a := form(p, "POST", "/v1/charges", want.key, "amount=5")
		var e stripeError
		if err := json.Unmarshal([]byte(a.body), &e); err != nil {
			t.Error(err)
		}
		if a.status != want.status || e.Error.Type != want.typ || e.Error.Code != want.code || e.Error.Message == "" {
			t.Errorf("want %v, got %v", want, a)
		}
		if a.header.Get("Request-Id") == "" || a.header.Get("Original-Request") != "" {
			t.Errorf("%d has headers %v", a.status, a.header)
		}
	}
	if a := form(p, "POST", "/v1/charges", "k1", "amount=5"); a.status != 200 || a.header.Get("Original-Request") != "req_4" {
		t.Errorf("the true answer is stored: %v", a)
	}
	p.OneEffect(t, "k1")
}

func TestStripeIgnoresKeysOffPost(t *testing.T) {
	p := provider(t, &mock.Options{Dialect: mock.StripeV1})
	for range 2 {
		if a := form(p, "DELETE", "/v1/customers/cus_1", "k1", ""); a.status != 200 || a.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("got %v", a)
		}
	}
	if p.EffectCount() != 2 {
		t.Errorf("%d effects, want 2", p.EffectCount())
	}
}
