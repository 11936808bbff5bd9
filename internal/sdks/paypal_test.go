package sdks_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/plutov/paypal/v4"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

func paypalCall(ctx context.Context, client *http.Client, url string) error {
	c, err := paypal.NewClient("id", "secret", url)
	if err != nil {
		return err
	}
	c.SetHTTPClient(client)
	c.SetAccessToken("A21")
	order, err := c.CreateOrder(ctx, paypal.OrderIntentCapture, []paypal.PurchaseUnitRequest{{ReferenceID: "1"}}, nil, nil)
	if err == nil && order.ID == "" {
		return errors.New("no ID")
	}
	return err
}

func TestPayPal(t *testing.T) {
	s := sdk{
		effect: func(mock.Request) mock.Reply { return mock.JSON(201, map[string]any{"id": "ORDER1"}) },
		call:   paypalCall, plain: paypalCall,
		fails:    func(status int) mock.Fault { return json(status, `{"name":"INTERNAL_SERVER_ERROR"}`) },
		conflict: mock.KeyInFlight(1),
		declined: json(422, `{"name":"UNPROCESSABLE_ENTITY","message":"no"}`),
		isDeclined: func(err error) bool {
			var of *paypal.ErrorResponse
			return errors.As(err, &of) && of.Name == "UNPROCESSABLE_ENTITY"
		},
	}
	s.proves(t)
}

// TestPayPalsTokenIsNotTakenForTheOrder: the SDK asks for one under the order's
// own context.
func TestPayPalsTokenIsNotTakenForTheOrder(t *testing.T) {
	s := sdk{effect: func(r mock.Request) mock.Reply {
		if r.Path == "/v1/oauth2/token" {
			return mock.JSON(200, map[string]any{"access_token": "A21", "expires_in": "3600"})
		}
		return mock.JSON(201, map[string]any{"id": "ORDER1"})
	}}
	p, client, url := s.start(t)
	c, err := paypal.NewClient("id", "secret", url)
	if err != nil {
		t.Fatal(err)
	}
	c.SetHTTPClient(client)
	ctx, report := retrysafe.WithOperation(t.Context(), "pay", "order-1")
	if _, err := c.CreateOrder(ctx, paypal.OrderIntentCapture, nil, nil, nil); err != nil || report.Err() != nil {
		t.Fatal(err, report.Err())
	}
	requests := p.Requests()
	if len(requests) != 2 || requests[0].Key != "" || requests[1].Key != string(report.Key()) {
		t.Errorf("%v", requests)
	}
}
