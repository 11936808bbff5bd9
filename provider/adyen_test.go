package provider_test

import (
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

type adyenPayment struct {
	Reference string `json:"reference"`
	Amount    int    `json:"amount"`
}

type adyenPaid struct {
	PspReference string `json:"pspReference"`
	ResultCode   string `json:"resultCode"`
}

var payWithAdyen = retrysafe.Command[adyenPayment, adyenPaid]{Name: "payments.create", Path: "/v71/payments"}

// newAdyen is Adyen as its documentation has it: the first response again, with
// the key in a header of its name, and nothing kept of a transient error.
func newAdyen(l *ledger, steps ...step) *fake {
	return &fake{steps: steps, serve: func(r request) reply {
		key := r.header.Get("Idempotency-Key")
		if known, ok := l.answers[key]; ok {
			return known
		}
		l.effects++
		made := makeReply(200, `{"pspReference":"psp1","resultCode":"Authorised"}`, []string{"Idempotency-Key", key})
		l.answers[key] = made
		return made
	}}
}

func TestAdyen(t *testing.T) {
	const (
		applied, notApplied, unknown = retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown
		inFlight                     = `{"status":422,"errorCode":"704","errorType":"validation","message":"request already processed or in progress"}`
		inFlightNumber               = `{"status":409,"errorCode":704,"message":"request already processed or in progress"}`
		noStore                      = `{"status":503,"errorCode":"703","message":"required resource temporarily unavailable"}`
		broken                       = `{"status":500,"errorCode":"905","errorType":"internal","message":"for people"}`
		invalid                      = `{"status":422,"errorCode":"130","errorType":"validation","message":"for people"}`
		problem                      = `{"type":"https://docs.adyen.com/errors/x","title":"Invalid","status":422,"detail":"for people","errorCode":"29_001","requestId":"r1"}`
		transient                    = "transient-error"
	)
	for _, test := range []struct {
		name  string
		first bool
		steps []step
		want
	}{
		{"paid", false, nil, want{"done", applied, applied, nil, "", 1}},
		{"paid, answer lost", false, []step{lost}, want{"none done", applied, applied, nil, "", 1}},
		{"transient 503: nothing happened", false, []step{says(503, broken, transient, "true")}, want{"again done", applied, applied, nil, "", 1}},
		{"transient 422", false, []step{says(422, invalid, transient, "TRUE")}, want{"again done", applied, applied, nil, "", 1}},
		{"transient for ever: nothing ran", true, repeat(5, says(500, broken, transient, "true")),
			want{"again again again again again", notApplied, notApplied, retrysafe.ErrAttemptsExhausted, "905", 0}},
		{"transient after a lost delivery does not speak for that", true, append([]step{unserved}, repeat(4, says(500, broken, transient, "true"))...),
			want{"none again again again again", unknown, unknown, retrysafe.ErrAttemptsExhausted, "905", 0}},
		{"in flight as 422", false, []step{says(422, inFlight)}, want{"wait done", applied, applied, nil, "", 1}},
		{"in flight as 409, a number", false, []step{says(409, inFlightNumber)}, want{"wait done", applied, applied, nil, "", 1}},
		{"in flight and said to be transient", false, []step{says(422, inFlight, transient, "true")}, want{"wait done", applied, applied, nil, "", 1}},
		{"in flight for ever", true, repeat(5, says(422, inFlight)),
			want{"wait wait wait wait wait", unknown, unknown, retrysafe.ErrInFlight, "704", 0}},
		{"the store of keys is away", false, []step{says(503, noStore)}, want{"again done", applied, applied, nil, "", 1}},
		{"the store of keys is away for ever", true, repeat(5, says(503, noStore)),
			want{"again again again again again", unknown, unknown, retrysafe.ErrAttemptsExhausted, "703", 0}},
		{"500 without the header is not tried again", true, []step{ranAndSays(500, broken)},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "905", 1}},
		{"500 with the header false is not tried again", true, []step{ranAndSays(500, broken, transient, "false")},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "905", 1}},
		{"503 without the header is not tried again", true, []step{ranAndSays(503, broken)},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "905", 1}},
		{"a gateway's 502", false, []step{ranAndSays(502, "<html>", "Content-Type", "text/html")},
			want{"again done", applied, applied, nil, "", 1}},
		{"another 409 is not tried again", true, []step{says(409, broken)},
			want{"stuck", unknown, unknown, retrysafe.ErrStuck, "905", 0}},
		{"invalid, first call", true, []step{says(422, invalid)}, want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "130", 0}},
		{"invalid, newer API", true, []step{says(422, problem, "Content-Type", "application/problem+json")},
			want{"refused", notApplied, notApplied, retrysafe.ErrRefused, "29_001", 0}},
		{"invalid, perhaps not the first call", false, []step{says(422, invalid)},
			want{"refused", unknown, notApplied, retrysafe.ErrRefused, "130", 0}},
		{"invalid after doubt", true, []step{unserved, says(422, invalid)},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "130", 0}},
		{"401 after doubt", true, []step{unserved, says(401, `{"status":401,"errorCode":"000"}`)},
			want{"none refused", unknown, unknown, retrysafe.ErrRefused, "000", 0}},
		{"an error whose body is cut may be in flight", false, []step{func(func() reply) (reply, error) {
			return reply{status: 422, body: inFlight[:20] + "\x00cut"}, nil
		}}, want{"again done", applied, applied, nil, "", 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			f := newAdyen(l, test.steps...)
			command := payWithAdyen.With(retrysafe.Call{First: test.first})
			got := perform(t, provider.Adyen(), f, command, adyenPayment{"order-1234", 4200})
			got.check(t, test.want, l.effects)
			if got.err == nil && got.res.Value.PspReference != "psp1" {
				t.Errorf("value is %+v", got.res.Value)
			}
		})
	}
}

// TestAnAnswerThatEchoesTheKeyCameFromAdyen: whatever its media type is.
func TestAnAnswerThatEchoesTheKeyCameFromAdyen(t *testing.T) {
	for verdicts, header := range map[string][]string{
		"done":       {"Content-Type", "text/plain", "Idempotency-Key", "k"},
		"again done": {"Content-Type", "text/plain"},
	} {
		f := newAdyen(newLedger(), ranAndSays(200, "[accepted]", header...))
		command := retrysafe.Command[adyenPayment, retrysafe.None]{Name: "payments.create", Path: "/v71/payments"}
		got := perform(t, provider.Adyen(), f, command, adyenPayment{})
		if got.verdicts() != verdicts || got.err != nil {
			t.Errorf("%v: verdicts %q, error %v, want %q", header, got.verdicts(), got.err, verdicts)
		}
	}
}
