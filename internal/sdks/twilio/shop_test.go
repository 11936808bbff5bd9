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

// newTwilio returns twilio-go over a transport of retrysafe.NewTransport.
func newTwilio(transport http.RoundTripper, sid, token string) *messages.ApiService {
	own := &client.Client{Credentials: client.NewCredentials(sid, token), HTTPClient: &http.Client{Transport: transport}} // the one line
	own.SetAccountSid(sid)
	return messages.NewApiServiceWithClient(own)
}

// named names every request of a transport. twilio-go takes no context, so each
// message has a transport; they are small, and share the client.
func named(message string) *retrysafe.TransportOptions {
	return &retrysafe.TransportOptions{
		Name: func(*http.Request) (command, id string) { return "messages.create", message },
	}
}

// created looks up in the store how the message ended.
var created = retrysafe.Command[retrysafe.None, []byte]{Name: "messages.create", Path: "/2010-04-01/Accounts/any/Messages.json"}

// remind sends a message once, however often it is called.
func remind(ctx context.Context, rs *retrysafe.Client, sid, token, message, to, text string) (*messages.ApiV2010Message, error) {
	transport, err := retrysafe.NewTransport(rs, named(message))
	if err != nil {
		return nil, err
	}
	tw := newTwilio(transport, sid, token)
	sent, err := tw.CreateMessage(new(messages.CreateMessageParams).SetTo(to).SetFrom("+15005550006").SetBody(text))
	if err == nil {
		return sent, nil
	}
	_, recorded := created.Lookup(ctx, rs, message)
	return nil, errors.Join(err, recorded) // retrysafe.OutcomeOf(recorded) says what may be done next
}
