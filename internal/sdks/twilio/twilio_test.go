package twilio_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/twilio/twilio-go/client"
	messages "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
	"github.com/retrysafe/retrysafe/mock"
)

const sid = "AC00000000000000000000000000000001"

var sdk = &sdktest.SDK{
	Origin:  "https://api.twilio.com",
	Profile: twilioProfile(),
	Mock:    mock.Options{Effect: queued},
	Command: "messages.create", ID: "order-1234/reminder", Made: "SMeff_1",
	Keyless: true, Nameless: true, Durable: true,
	Alone: func(hc *http.Client) sdktest.Call {
		own := &client.Client{Credentials: client.NewCredentials(sid, "token"), HTTPClient: hc}
		own.SetAccountSid(sid)
		return call(messages.NewApiServiceWithClient(own))
	},
	Transport: named("order-1234/reminder"),
	Under:     func(transport http.RoundTripper) sdktest.Call { return call(newTwilio(transport, sid, "token")) },
}

func call(tw *messages.ApiService) sdktest.Call {
	return func(context.Context) (string, error) {
		sent, err := tw.CreateMessage(new(messages.CreateMessageParams).SetTo("+15551234567").SetFrom("+15005550006").SetBody("Tomorrow at nine."))
		if err != nil {
			return "", err
		}
		return *sent.Sid, nil
	}
}

func queued(r mock.Request) mock.Reply {
	return mock.JSON(201, map[string]any{"sid": "SM" + r.EffectID, "status": "queued", "to": "+15551234567"})
}

const (
	broken  = `{"code":20500,"message":"Internal Server Error","more_info":"https://www.twilio.com/docs/errors/20500","status":500}`
	busy    = `{"code":20409,"message":"Conflict","more_info":"https://www.twilio.com/docs/errors/20409","status":409}`
	tooMany = `{"code":20429,"message":"Too Many Requests","more_info":"https://www.twilio.com/docs/errors/20429","status":429}`
	invalid = `{"code":21211,"message":"Invalid 'To' Phone Number","more_info":"https://www.twilio.com/docs/errors/21211","status":400}`
)

// stopped is a call that nobody may send again: there is no key.
func stopped(outcome retrysafe.Outcome, effects int) sdktest.Under {
	return sdktest.Under{Attempts: 1, Effects: effects, Err: true, Outcome: outcome}
}

var cases = []sdktest.Case{
	sdktest.On("none", sdktest.Fine(1), sdktest.Once(1)),
	sdktest.On("429", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(429, tooMany)),
	sdktest.On("500 in JSON, before the effect", sdktest.GivesUp(1, 0, 1), stopped(retrysafe.Unknown, 0), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.GivesUp(1, 1, 2), stopped(retrysafe.Unknown, 1), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.GivesUp(1, 0, 1), stopped(retrysafe.Unknown, 0), mock.Unavailable("1")),
	sdktest.On("409", sdktest.GivesUp(1, 0, 1), stopped(retrysafe.NotApplied, 0), sdktest.JSON(409, busy)),
	sdktest.On("connection refused", sdktest.GivesUp(1, 0, 1), stopped(retrysafe.Unknown, 0), mock.Refuse()),
	sdktest.On("connection reset after the effect", sdktest.GivesUp(1, 1, 2), stopped(retrysafe.Unknown, 1), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.GivesUp(1, 1, 2), stopped(retrysafe.Applied, 1), mock.CutBody(20)),
}

func TestWithoutAKeyNoFaultMakesASecondMessage(t *testing.T) { sdk.Run(t, cases) }

// keyed is a gateway of the application's own between it and Twilio, which
// dedupes by the header Idempotency-Key.
func keyed() *sdktest.SDK {
	own := *sdk
	own.Profile, own.Keyless, own.Durable = retrysafe.Profile{Name: "gateway"}, false, false
	return &own
}

var keyedCases = []sdktest.Case{
	sdktest.On("500 in JSON, before the effect", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), sdktest.JSON(500, broken)),
	sdktest.On("500 in JSON, after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.FailAfterEffect(500)),
	sdktest.On("503 with Retry-After", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), mock.Unavailable("1")),
	sdktest.On("409, the key is in flight", sdktest.GivesUp(1, 0, 1), sdktest.Once(2), mock.KeyInFlight(1)),
	sdktest.On("connection reset after the effect", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.ResetAfterEffect()),
	sdktest.On("answer cut in its body", sdktest.GivesUp(1, 1, 2), sdktest.Once(2), mock.CutBody(20)),
}

func TestBehindAGatewayWithKeysEveryFaultEndsInOneMessage(t *testing.T) { keyed().Run(t, keyedCases) }

func twilioSays(code int) func(error) bool {
	return func(err error) bool {
		var e *client.TwilioRestError
		return errors.As(err, &e) && e.Code == code
	}
}

func TestARefusalIsTwiliosOwnError(t *testing.T) {
	sdk.Declines(t, sdktest.JSON(400, invalid), retrysafe.Unknown, twilioSays(21211))
}

func TestOnlyTheClientsLoopTriesAgain(t *testing.T) {
	sdk.CountsAttempts(t, sdktest.JSON(429, tooMany), twilioSays(20429))
}

// TestTwoSendsUnderOneNameAreOneMessage: the second is given what the store has.
func TestTwoSendsUnderOneNameAreOneMessage(t *testing.T) { sdk.Restarts(t) }

func TestOtherNamesAreOtherMessages(t *testing.T) {
	p := sdk.Start(t)
	rs := sdk.Client(t, p, nil, sdktest.NewStore())
	for _, name := range []string{"order-1/reminder", "order-2/reminder", "order-1/reminder"} {
		if _, err := remind(t.Context(), rs, sid, "token", name, "+15551234567", "Tomorrow at nine."); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.EffectCount(); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

// TestTheGuidesReminderSaysHowItEnded: the function that the guide shows, with
// the store and the observer in place of a report.
func TestTheGuidesReminderSaysHowItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		script  []mock.Fault
		outcome retrysafe.Outcome
		typed   bool
	}{
		"refused": {[]mock.Fault{sdktest.JSON(400, invalid)}, retrysafe.NotApplied, true},
		"lost":    {[]mock.Fault{mock.ResetAfterEffect()}, retrysafe.Unknown, false},
		"cut":     {[]mock.Fault{mock.CutBody(20)}, retrysafe.Applied, false},
		"sent":    {nil, retrysafe.Applied, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, w := sdk.Start(t, c.script...), &sdktest.Watch{}
			rs := sdk.Client(t, p, w, sdktest.NewStore())
			sent, err := remind(t.Context(), rs, sid, "token", sdk.ID, "+15551234567", "Tomorrow at nine.")
			if (sent != nil) != (name == "sent") || twilioSays(21211)(err) != c.typed {
				t.Errorf("%v, %v", sent, err)
			}
			if end := w.Ends()[0]; end.Outcome != c.outcome || end.Operation.ID != sdk.ID || end.Operation.Command != sdk.Command {
				t.Errorf("the observer was told %v, want %v", end, c.outcome)
			}
			_, recorded := created.Lookup(t.Context(), rs, sdk.ID)
			if got := retrysafe.OutcomeOf(recorded); got != c.outcome {
				t.Errorf("the store says %v, want %v: %v", got, c.outcome, recorded)
			}
		})
	}
}

func TestTheGuideIsWhatIsTestedHere(t *testing.T) {
	sdktest.Page(t, "../../../docs/sdks/twilio.md", slices.Concat(cases, keyedCases)...)
}
