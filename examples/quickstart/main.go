// Quickstart charges a card, and the first answer is lost on its way back.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

type charge struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type charged struct {
	ID string `json:"id"`
}

// Declared once: what is sent, what comes back, and a name that never changes.
var createCharge = retrysafe.Command[charge, charged]{Name: "charges.create", Path: "/v1/charges"}

func main() {
	// A provider on this machine, which takes the money and loses its first answer.
	provider, err := mock.NewProvider(&mock.Options{Script: []mock.Fault{mock.LoseAnswer()}})
	if err == nil {
		err = provider.Start()
	}
	if err != nil {
		log.Fatal(err)
	}

	client, err := retrysafe.NewClient(provider.URL(), &retrysafe.Options{
		Account: "acme/demo", // whose keys these are
		Retry:   retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: 20 * time.Millisecond}},
	})
	if err != nil {
		log.Fatal(err)
	}
	// The same ID is the same charge: in every attempt, call, process and restart.
	res, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})

	switch outcome := retrysafe.OutcomeOf(err); {
	case outcome == retrysafe.Applied:
		fmt.Println("charged once:", res.Value.ID, "after", len(res.Attempts), "attempts,", provider.EffectCount(), "effect")
	case outcome == retrysafe.NotApplied:
		fmt.Println("not charged: try another card, under a new ID:", err)
	case retrysafe.Retryable(err):
		fmt.Println("perhaps charged: call again, under the same ID:", err)
	default:
		fmt.Println("perhaps charged: ask the provider, send nothing before you know:", err)
	}
}
