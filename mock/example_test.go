package mock_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/jarcoal/httpmock"

	"github.com/retrysafe/retrysafe/mock"
)

// charge is the application's code: it knows nothing of mocks.
func charge(client *http.Client, url, key string) (string, error) {
	req, err := http.NewRequest("POST", url+"/v1/charges", strings.NewReader(`{"amount":2000}`))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.Status + " " + string(body), err
}

// The charge goes through, its answer is lost, and the second attempt with the
// same key gets it back.
func Example() {
	p, err := mock.NewProvider(&mock.Options{Script: []mock.Fault{mock.LoseAnswer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	fmt.Println(charge(p.Client(), "https://api.example", "order-1234"))
	fmt.Println(charge(p.Client(), "https://api.example", "order-1234"))
	fmt.Println("effects:", p.Effects("order-1234"))
	// Output:
	//  Post "https://api.example/v1/charges": EOF
	// 201 Created {"amount":2000,"id":"eff_1"} <nil>
	// effects: 1
}

// Stripe stores a declined card, too: it is no effect, and asking again does not
// change the answer.
func ExampleOptions_effect() {
	declines := 0
	p, err := mock.NewProvider(&mock.Options{
		Dialect: mock.StripeV1,
		Effect: func(mock.Request) mock.Reply {
			declines++
			return mock.StripeError(402, "card_error", "card_declined", "Your card was declined.")
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	for range 2 {
		fmt.Println(charge(p.Client(), "https://api.example", "order-1234"))
	}
	fmt.Println("declined:", declines, "effects:", p.EffectCount())
	// Output:
	// 402 Payment Required {"error":{"type":"card_error","code":"card_declined","message":"Your card was declined."}} <nil>
	// 402 Payment Required {"error":{"type":"card_error","code":"card_declined","message":"Your card was declined."}} <nil>
	// declined: 1 effects: 0
}

// A program without a test serves the provider itself.
func ExampleProvider_Start() {
	p, err := mock.NewProvider(&mock.Options{Script: []mock.Fault{mock.Unavailable("1")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	for range 2 {
		charge(http.DefaultClient, p.URL(), "order-1234")
	}
	for _, r := range p.Requests() {
		fmt.Println(r)
	}
	// Output:
	// #1 POST /v1/charges key 71983129: 503, fault Unavailable("1")
	// #2 POST /v1/charges key 71983129: 201, effect eff_1
}

// The responders are registered as any other of httpmock.
func ExampleSequence() {
	charged := 0
	transport := httpmock.NewMockTransport()
	transport.RegisterResponder("POST", "https://api.example/v1/charges", mock.Sequence(
		mock.LostAnswer(func() { charged++ }),
		mock.InFlight(mock.StripeV1, 1, nil),
		mock.Replay(mock.JSON(200, map[string]string{"id": "ch_1"})),
	))
	client := &http.Client{Transport: transport}

	for range 3 {
		fmt.Println(charge(client, "https://api.example", "order-1234"))
	}
	fmt.Println("charged:", charged)
	// Output:
	//  Post "https://api.example/v1/charges": EOF
	// 409 Conflict {"error":{"type":"invalid_request_error","code":"idempotency_key_in_use","message":"Another request with this idempotency key is still being processed."}} <nil>
	// 200 OK {"id":"ch_1"} <nil>
	// charged: 1
}
