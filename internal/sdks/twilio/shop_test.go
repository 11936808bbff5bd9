package twilio_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/twilio/twilio-go/client"
	messages "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/retrysafe/retrysafe"
)

// twilioProfile: Twilio documents no key for its REST API.
func twilioProfile() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "twilio", Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere},
		Code: []string{"/code"}, Message: []string{"/message"}, RequestID: []string{"Twilio-Request-Id"},
	}
}

// newTwilio returns twilio-go for one message. It takes no context, so the
// transport knows the name; transports are small, and share the client.
func newTwilio(rs *retrysafe.Client, sid, token, message string) (*messages.ApiService, error) {
	transport, err := retrysafe.NewTransport(rs, &retrysafe.TransportOptions{
		Name: func(*http.Request) (command, id string) { return "messages.create", message },
	})
	if err != nil {
		return nil, err
	}
	own := &client.Client{Credentials: client.NewCredentials(sid, token), HTTPClient: &http.Client{Transport: transport}} // the one line
	own.SetAccountSid(sid)
	return messages.NewApiServiceWithClient(own), nil
}

// created looks up in the store how the message ended.
var created = retrysafe.Command[retrysafe.None, []byte]{Name: "messages.create", Path: "/2010-04-01/Accounts/any/Messages.json"}

// remind sends a message once, however often it is called.
func remind(ctx context.Context, rs *retrysafe.Client, sid, token, message, to, text string) (*messages.ApiV2010Message, error) {
	tw, err := newTwilio(rs, sid, token, message)
	if err != nil {
		return nil, err
	}
	sent, err := tw.CreateMessage(new(messages.CreateMessageParams).SetTo(to).SetFrom("+15005550006").SetBody(text))
	if err == nil {
		return sent, nil
	}
	_, recorded := created.Lookup(ctx, rs, message)
	return nil, errors.Join(err, recorded) // retrysafe.OutcomeOf(recorded) says what may be done next
}
