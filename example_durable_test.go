package retrysafe_test

import (
	"context"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// storedClient talks to a provider with these faults, under a profile whose keys
// may be sent for a day, and writes operations down in s.
func storedClient(s store.Store, script ...mock.Fault) *retrysafe.Client {
	provider, err := mock.NewProvider(&mock.Options{Script: script})
	if err != nil {
		panic(err)
	}
	client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
		Account: "acme/live", HTTPClient: provider.Client(), Store: s,
		Profile: retrysafe.Profile{Window: 24 * time.Hour},
	})
	if err != nil {
		panic(err)
	}
	return client
}

// With a store an operation that was called before gives its recorded answer,
// and nothing is sent.
func Example_durable() {
	ctx, client := context.Background(), storedClient(store.NewMemory())
	for range 2 {
		res, err := createCharge.Do(ctx, client, "order-1234", charge{Amount: 4200, Currency: "eur"})
		fmt.Println(res.Value.ID, err, "recorded:", res.Recorded, "attempts:", len(res.Attempts))
	}
	// Output:
	// eff_1 <nil> recorded: false attempts: 1
	// eff_1 <nil> recorded: true attempts: 0
}

// What is enqueued is sent by whoever runs Client.Run or Client.Resume. Its
// handler is told how it ended, from the record.
func ExampleClient_Resume() {
	ctx, client := context.Background(), storedClient(store.NewMemory(), mock.LoseAnswer())
	if _, err := createCharge.Enqueue(ctx, client, nil, "order-1234", charge{Amount: 4200, Currency: "eur"}); err != nil {
		fmt.Println(err)
	}
	charges := createCharge.Handle(retrysafe.Handlers[charge, charged]{
		Settled: func(_ context.Context, op retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
			fmt.Println(op, "is", retrysafe.OutcomeOf(err), res.Value.ID)
			return nil
		},
	})
	report, err := client.Resume(ctx, charges)
	fmt.Println(report.Applied, "applied,", report.Told, "told", err)
	// Output:
	// charges.create "order-1234" is applied eff_1
	// 1 applied, 1 told <nil>
}

// What waits for a runner can be cancelled, and then is never sent.
func ExampleCommand_Cancel() {
	ctx, client := context.Background(), storedClient(store.NewMemory())
	if _, err := createCharge.Enqueue(ctx, client, nil, "order-1234", charge{Amount: 4200, Currency: "eur"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(createCharge.Cancel(ctx, client, "order-1234"))
	_, err := createCharge.Lookup(ctx, client, "order-1234")
	fmt.Println(retrysafe.OutcomeOf(err))
	// Output:
	// <nil>
	// not applied
}
