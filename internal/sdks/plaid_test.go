package sdks_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/plaid/plaid-go/v41/plaid"

	"github.com/retrysafe/retrysafe/mock"
)

func plaidCall(ctx context.Context, client *http.Client, url string) error {
	config := plaid.NewConfiguration()
	config.HTTPClient, config.Servers = client, plaid.ServerConfigurations{{URL: url}}
	config.AddDefaultHeader("PLAID-CLIENT-ID", "id")
	config.AddDefaultHeader("PLAID-SECRET", "secret")
	request := plaid.NewItemRemoveRequest("access-1")
	_, _, err := plaid.NewAPIClient(config).PlaidApi.ItemRemove(ctx).ItemRemoveRequest(*request).Execute()
	return err
}

func TestPlaid(t *testing.T) {
	s := sdk{
		effect: func(mock.Request) mock.Reply { return mock.JSON(200, map[string]any{"request_id": "r1"}) },
		call:   plaidCall, plain: plaidCall,
		fails: func(status int) mock.Fault {
			return json(status, `{"error_type":"API_ERROR","error_code":"INTERNAL_SERVER_ERROR"}`)
		},
		conflict: mock.KeyInFlight(1),
		declined: json(400, `{"error_type":"INVALID_INPUT","error_code":"INVALID_ACCESS_TOKEN","error_message":"no","display_message":null,"request_id":"r1"}`),
		isDeclined: func(err error) bool {
			of, is := err.(plaid.GenericOpenAPIError)
			if !is {
				return false
			}
			typed, readErr := plaid.ToPlaidError(of)
			return readErr == nil && typed.ErrorCode == "INVALID_ACCESS_TOKEN"
		},
	}
	s.proves(t)
}
