package sdks_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/twilio/twilio-go"
	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/retrysafe/retrysafe/mock"
)

func twilioCall(_ context.Context, over *http.Client, _ string) error {
	base := &client.Client{Credentials: client.NewCredentials("AC1", "token"), HTTPClient: over}
	base.SetAccountSid("AC1")
	params := &openapi.CreateMessageParams{}
	params.SetTo("+1").SetFrom("+2").SetBody("your order order-1234 is on its way")
	message, err := twilio.NewRestClientWithParams(twilio.ClientParams{Client: base}).Api.CreateMessage(params)
	if err == nil && (message.Sid == nil || *message.Sid == "") {
		return errors.New("no SID")
	}
	return err
}

func TestTwilio(t *testing.T) {
	s := sdk{
		origin: "https://api.twilio.com",
		effect: func(mock.Request) mock.Reply { return mock.JSON(201, map[string]any{"sid": "SM1"}) },
		call:   twilioCall, plain: twilioCall,
		fails:    func(status int) mock.Fault { return json(status, `{"code":20500,"message":"no","status":500}`) },
		conflict: mock.KeyInFlight(1),
		declined: json(400, `{"code":21211,"message":"The To number is not valid","status":400}`),
		isDeclined: func(err error) bool {
			var of *client.TwilioRestError
			return errors.As(err, &of) && of.Code == 21211
		},
		named: func(r *http.Request) (string, string) {
			if strings.HasSuffix(r.URL.Path, "/Messages.json") {
				return "pay", "order-1234" // In earnest: from what the application knows.
			}
			return "", ""
		},
	}
	s.proves(t)
}
