package provider_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

// profiles are all of the package, with the longest key that the provider's
// documentation allows (0: it names none), and whether it says that payloads
// are compared.
var profiles = []struct {
	name     string
	make     func() retrysafe.Profile
	longest  int
	compares bool
}{
	{"Stripe", provider.Stripe, 255, true},
	{"Adyen", provider.Adyen, 64, false},
	{"GoCardless", provider.GoCardless, 0, false},
	{"Square", provider.Square, 45, true},
	{"ShopifyGraphQL", provider.ShopifyGraphQL, 0, true},
}

type anyBody struct {
	Amount    int       `json:"amount"`
	Variables *struct{} `json:"variables"`
}

func TestEveryProfileIsAccepted(t *testing.T) {
	for _, p := range profiles {
		for variant, profile := range map[string]retrysafe.Profile{"": p.make(), "keyless ": provider.Keyless(p.make())} {
			if _, err := retrysafe.NewClient(baseURL, &retrysafe.Options{Profile: profile}); err != nil {
				t.Errorf("%s%s: %v", variant, p.name, err)
			}
		}
	}
}

func TestEveryKeySatisfiesItsOwnProfile(t *testing.T) {
	command := retrysafe.Command[anyBody, retrysafe.None]{Name: "charges.create", Path: "/charges"}
	for _, p := range profiles {
		client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{Profile: p.make(), Account: "acme/test"})
		if err != nil {
			t.Fatal(err)
		}
		derived, err := command.Key(client, "order-1234")
		if err != nil || len(derived) != 36 {
			t.Errorf("%s: key has %d characters, want a UUID: %v", p.name, len(derived), err)
		}
		if _, err := command.With(retrysafe.Call{Key: derived}).Key(client, "order-1234"); err != nil {
			t.Errorf("%s: a derived key is refused as the caller's own: %v", p.name, err)
		}
		if p.longest == 0 {
			continue
		}
		for length, allowed := range map[int]bool{p.longest: true, p.longest + 1: false} {
			own := retrysafe.Key(strings.Repeat("k", length))
			if _, err := command.With(retrysafe.Call{Key: own}).Key(client, "order-1234"); (err == nil) != allowed {
				t.Errorf("%s: an own key of %d characters: %v", p.name, length, err)
			}
		}
	}
}

func TestAProfileIsANewValueEachTime(t *testing.T) {
	for _, p := range profiles {
		spoiled := p.make()
		for i := range spoiled.Rules {
			spoiled.Rules[i] = retrysafe.Rule{}
		}
		if got := p.make(); got.Rules[0] == spoiled.Rules[0] {
			t.Errorf("%s shares its rules", p.name)
		}
		whole := p.make()
		_ = provider.Keyless(whole)
		a, _ := json.Marshal(whole.Rules)
		if b, _ := json.Marshal(p.make().Rules); string(a) != string(b) {
			t.Errorf("Keyless changed the rules of %s", p.name)
		}
	}
}

// TestTheKeyGoesWithItsMethodsAlone: what a provider ignores must not be
// counted on.
func TestTheKeyGoesWithItsMethodsAlone(t *testing.T) {
	for _, test := range []struct {
		name    string
		profile retrysafe.Profile
		methods map[string]bool
	}{
		{"stripe", provider.Stripe(), map[string]bool{"POST": true, "DELETE": false}},
		{"adyen", provider.Adyen(), map[string]bool{"POST": true, "DELETE": false, "PATCH": false}},
		{"gocardless", provider.GoCardless(), map[string]bool{"POST": true, "PUT": false}},
		{"square", provider.Square(), map[string]bool{"POST": true, "PUT": true, "DELETE": false}},
		{"shopify", provider.ShopifyGraphQL(), map[string]bool{"POST": true}},
		{"keyless square", provider.Keyless(provider.Square()), map[string]bool{"POST": false, "PUT": false}},
	} {
		client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{Profile: test.profile})
		if err != nil {
			t.Fatal(err)
		}
		for method, keyed := range test.methods {
			command := retrysafe.Command[anyBody, retrysafe.None]{Name: "do." + method, Method: method, Path: "/things"}
			key, err := command.Key(client, "order-1234")
			if err != nil || (key != "") != keyed {
				t.Errorf("%s: %s has a key of %d characters, want one: %v: %v", test.name, method, len(key), keyed, err)
			}
		}
	}
}

// TestWithoutAKeyNothingIsSentAgainAfterDoubt is why Keyless exists.
func TestWithoutAKeyNothingIsSentAgainAfterDoubt(t *testing.T) {
	command := retrysafe.Command[anyBody, retrysafe.None]{Name: "payments.complete", Path: "/v2/payments/complete"}
	for _, p := range profiles {
		f := &fake{steps: []step{unserved}, serve: func(request) reply { return reply{status: 200, body: `{"data":{}}`} }}
		got := perform(t, provider.Keyless(p.make()), f, command, anyBody{Amount: 1})
		got.check(t, want{"none", retrysafe.Unknown, retrysafe.Unknown, retrysafe.ErrNotResent, "", 0}, 0)
		if body := f.requests[0].body; strings.Contains(body, "idempotency") || got.keyed[0] != "" {
			t.Errorf("%s: a key was sent: %s", p.name, body)
		}
	}
}

func TestADeleteThatStripeGivesNoKeyIsSentAgainOnlyIfToldSo(t *testing.T) {
	command := retrysafe.Command[retrysafe.None, retrysafe.None]{
		Name: "plans.delete", Method: http.MethodDelete, Path: "/v1/plans/gold",
	}
	gone := func(request) reply { return reply{status: 200, body: `{"deleted":true}`} }
	got := perform(t, provider.Stripe(), &fake{steps: []step{lost}, serve: gone}, command, retrysafe.None{})
	got.check(t, want{"none", retrysafe.Unknown, retrysafe.Unknown, retrysafe.ErrNotResent, "", 0}, 0)

	command.Rerun = true
	got = perform(t, provider.Stripe(), &fake{steps: []step{lost}, serve: gone}, command, retrysafe.None{})
	got.check(t, want{"none done", retrysafe.Applied, retrysafe.Applied, nil, "", 0}, 0)
	if got.keyed[0] != "" || got.keyed[1] != "" {
		t.Error("a DELETE carried a key")
	}
}

// TestAnErrorSaysWhatTheProviderSaid: code, text and the request's name.
func TestAnErrorSaysWhatTheProviderSaid(t *testing.T) {
	for _, test := range []struct {
		profile                  retrysafe.Profile
		answer                   step
		code, message, requestID string
	}{
		{provider.Stripe(), says(402, stripeError("card_error", "card_declined"), "Request-Id", "req_42"), "card_declined", "for people", "req_42"},
		{provider.Stripe(), says(401, `{"error":{"type":"invalid_request_error","message":"who?"}}`), "invalid_request_error", "who?", ""},
		{provider.Adyen(), says(422, `{"status":422,"errorCode":"130","message":"no reference","pspReference":"psp9"}`), "130", "no reference", "psp9"},
		{provider.Adyen(), says(422, `{"title":"Invalid","detail":"no reference","errorCode":"29_001","requestId":"req_9"}`), "29_001", "no reference", "req_9"},
		{provider.GoCardless(), says(422, goCardlessError(422, "validation_failed", "is_invalid", "")), "is_invalid", "for people", "req-7"},
		{provider.GoCardless(), says(401, `{"error":{"type":"invalid_api_usage","message":"who?","request_id":"r"}}`), "invalid_api_usage", "who?", "r"},
		{provider.Square(), says(400, squareErrors("INVALID_REQUEST_ERROR", "A", "INVALID_REQUEST_ERROR", "B")), "A", "for people", ""},
		{provider.ShopifyGraphQL(), says(200, userError("INVALID")), "INVALID", "for people", ""},
		{provider.ShopifyGraphQL(), says(200, topLevelError("MAX_COST_EXCEEDED")), "MAX_COST_EXCEEDED", "for people", ""},
	} {
		command := retrysafe.Command[anyBody, retrysafe.None]{Name: "charges.create", Path: "/charges"}
		got := perform(t, test.profile, &fake{steps: []step{test.answer}}, command, anyBody{Variables: &struct{}{}})
		e, ok := got.err.(*retrysafe.Error)
		if !ok || e.ProviderCode != test.code || e.Message != test.message || e.RequestID != test.requestID {
			t.Errorf("%s: error is %v with %q, %q, %q", test.profile.Name, got.err, e.ProviderCode, e.Message, e.RequestID)
		}
	}
}

// TestWhoComparesPayloadsGetsNoVolatileFields: the key would be bound to the
// first call's.
func TestWhoComparesPayloadsGetsNoVolatileFields(t *testing.T) {
	command := retrysafe.Command[anyBody, retrysafe.None]{Name: "charges.create", Path: "/charges", Volatile: []string{"/amount"}}
	for _, p := range profiles {
		for keyed, profile := range map[bool]retrysafe.Profile{true: p.make(), false: provider.Keyless(p.make())} {
			client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Validate(client); (err != nil) != (p.compares && keyed) {
				t.Errorf("%s, keyed %v: %v", p.name, keyed, err)
			}
		}
	}
}

func TestAKeylessProfilePromisesNothingAboutKeys(t *testing.T) {
	for _, p := range profiles {
		got := provider.Keyless(p.make())
		if got.Window != 0 || got.ComparesPayload || got.Key.Place != retrysafe.KeyNowhere {
			t.Errorf("%s: %+v", p.name, got)
		}
		for _, r := range got.Rules {
			if r.Stored || r.LookedUp || r.Verdict == retrysafe.Wait || r.Verdict == retrysafe.Mismatch {
				t.Errorf("%s keeps %+v", p.name, r)
			}
		}
	}
}
