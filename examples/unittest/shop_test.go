package shop_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/retrysafe/retrysafe"
	shop "github.com/retrysafe/retrysafe/examples/unittest"
	"github.com/retrysafe/retrysafe/mock"
)

const api = "https://api.example.com"

var order = shop.Order{ID: "order-1234", Cents: 4200, Card: "tok_visa"}

// newShop returns a provider that needs no socket, a client that talks to it,
// and the key of the order.
func newShop(t *testing.T, opts *mock.Options) (*mock.Provider, *retrysafe.Client, string) {
	t.Helper()
	provider, err := mock.NewProvider(opts)
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, provider.Client())
	return provider, client, string(retrysafe.DeriveKey("acme/test", "charges.create", order.ID))
}

func newClient(t *testing.T, httpClient *http.Client) *retrysafe.Client {
	t.Helper()
	client, err := retrysafe.NewClient(api, &retrysafe.Options{Account: "acme/test", HTTPClient: httpClient})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// "The charge went through and the answer was lost."
func TestAnOrderWhoseAnswerIsLostIsPaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, client, key := newShop(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}})
		payment, err := shop.Pay(t.Context(), client, order)
		if err != nil || payment.Status != shop.Paid || payment.Charge != "eff_1" {
			t.Errorf("payment is %+v, %v, want paid by eff_1", payment, err)
		}
		provider.OneEffect(t, key)
		provider.Attempts(t, key, 2)
	})
}

func TestAnOrderWithADeclinedCardIsNotPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, client, key := newShop(t, &mock.Options{Effect: func(mock.Request) mock.Reply {
			return mock.Problem(http.StatusPaymentRequired, "Card declined", "")
		}})
		payment, err := shop.Pay(t.Context(), client, order)
		if payment.Status != shop.Declined || !errors.Is(err, retrysafe.ErrRefused) {
			t.Errorf("payment is %+v, %v, want declined", payment, err)
		}
		provider.NoEffect(t, key)
		provider.Attempts(t, key, 1)
	})
}

// The provider takes the money, says nothing, and is down for the rest of the
// day. Time in a synctest bubble is virtual: the test takes no time.
func TestAnOpenOrderThatIsPaidAgainTheNextDayIsPaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, client, key := newShop(t, &mock.Options{Script: []mock.Fault{
			mock.StallAfterEffect(time.Hour), mock.Unavailable("").Times(4),
		}})
		payment, err := shop.Pay(t.Context(), client, order)
		if payment.Status != shop.Open || !retrysafe.Retryable(err) {
			t.Fatalf("payment is %+v, %v, want open and to be called again", payment, err)
		}
		provider.OneEffect(t, key) // the provider knows, the shop cannot

		time.Sleep(20 * time.Hour)
		tomorrow := newClient(t, provider.Client()) // nothing was kept but the order
		if payment, err = shop.Pay(t.Context(), tomorrow, order); err != nil || payment.Status != shop.Paid {
			t.Errorf("payment is %+v, %v, want paid", payment, err)
		}
		provider.OneEffect(t, key)
		provider.OneKey(t, "/v1/charges")
		provider.ScriptUsed(t)
	})
}

// The same with httpmock, for those who have their responders there.
func TestAnOrderIsPaidOnceWithHTTPMock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		charges := 0
		transport := httpmock.NewMockTransport()
		transport.RegisterResponder("POST", api+"/v1/charges", mock.Sequence(
			mock.LostAnswer(func() { charges++ }),
			mock.InFlight(mock.IETF, 1, nil),
			mock.Replay(mock.JSON(http.StatusCreated, map[string]string{"id": "ch_1"})),
		))
		client := newClient(t, &http.Client{Transport: transport})
		payment, err := shop.Pay(t.Context(), client, order)
		if err != nil || payment.Status != shop.Paid || payment.Charge != "ch_1" {
			t.Errorf("payment is %+v, %v, want paid by ch_1", payment, err)
		}
		if calls := transport.GetTotalCallCount(); charges != 1 || calls != 3 {
			t.Errorf("%d charges in %d requests, want 1 in 3", charges, calls)
		}
	})
}
