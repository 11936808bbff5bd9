package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// exampleClient talks to a provider in memory that fails as told.
func exampleClient(script ...mock.Fault) *retrysafe.Client {
	provider, err := mock.NewProvider(&mock.Options{Script: script})
	if err != nil {
		panic(err)
	}
	client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
		Account: "acme/live", HTTPClient: provider.Client(),
		Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}},
	})
	if err != nil {
		panic(err)
	}
	return client
}

// The provider takes the money, and its answer is lost. The second attempt has
// the same key, so the provider gives the first one's answer again.
func ExampleCommand_Do() {
	client := exampleClient(mock.LoseAnswer())
	res, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
	fmt.Println(retrysafe.OutcomeOf(err), res.Value.ID, "after", len(res.Attempts), "attempts, replayed:", res.Replayed)
	// Output: applied eff_1 after 2 attempts, replayed: true
}

// Nothing answered, so nobody knows. Calling again under the same ID is safe.
func ExampleOutcomeOf() {
	client := exampleClient(mock.LoseAnswer().Times(5))
	_, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
	fmt.Println(retrysafe.OutcomeOf(err), retrysafe.Retryable(err))

	res, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
	fmt.Println(retrysafe.OutcomeOf(err), res.Value.ID)
	// Output:
	// unknown true
	// applied eff_1
}

// A provider's error body as a type of the application's own.
func ExampleCommand_failure() {
	client := exampleClient(mock.Answer(402, http.Header{"Content-Type": {"application/json"}}, `{"reason":"insufficient funds"}`))
	pay := createCharge
	pay.Name, pay.Failure = "charges.pay", func(a retrysafe.Answer) error {
		d := &Decline{}
		if a.Decode(d) != nil {
			return nil
		}
		return d
	}
	_, err := pay.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
	var declined *Decline
	if errors.As(err, &declined) {
		fmt.Println(retrysafe.OutcomeOf(err), "because of", declined.Reason)
	}
	// Output: not applied because of insufficient funds
}

type Decline struct {
	Reason string `json:"reason"`
}

func (d *Decline) Error() string { return "declined: " + d.Reason }

// Fields with tags go into the path, the query or a header; the rest is the body.
func ExampleCommand_tags() {
	type capture struct {
		Charge  string `path:"charge"`
		Account string `header:"Stripe-Account"`
		Amount  int64  `form:"amount"`
	}
	command := retrysafe.Command[capture, retrysafe.None]{
		Name: "charges.capture", Path: "/v1/charges/{charge}/capture", Body: retrysafe.Form,
	}
	fmt.Println(command.Validate(exampleClient()))
	// Output: <nil>
}

// A key can be known before the call, to be stored or logged by its hash.
func ExampleDeriveKey() {
	key := retrysafe.DeriveKey("acme/stripe/live", "charges.create", "order-1234")
	fmt.Println(string(key))
	fmt.Println(key.LogValue())
	// Output:
	// 5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3
	// 2c924fee
}

func ExampleQuery_Pages() {
	type page struct {
		Limit int    `query:"limit"`
		After string `query:"starting_after,omitempty"`
	}
	type charges struct {
		Data []charged `json:"data"`
		More bool      `json:"has_more"`
	}
	list := retrysafe.Query[page, charges]{Name: "charges.list", Path: "/v1/charges"}
	json := http.Header{"Content-Type": {"application/json"}}
	client := exampleClient(
		mock.Answer(200, json, `{"data":[{"id":"ch_1"},{"id":"ch_2"}],"has_more":true}`),
		mock.Answer(200, json, `{"data":[{"id":"ch_3"}],"has_more":false}`),
	)
	next := func(p page, res *retrysafe.Result[charges]) (page, bool) {
		if !res.Value.More {
			return p, false
		}
		p.After = res.Value.Data[len(res.Value.Data)-1].ID
		return p, true
	}
	for res, err := range list.Pages(context.Background(), client, page{Limit: 2}, next) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, c := range res.Value.Data {
			fmt.Println(c.ID)
		}
	}
	// Output:
	// ch_1
	// ch_2
	// ch_3
}
