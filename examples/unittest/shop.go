// Package shop takes payments for orders. Its tests show how an application
// proves, without a provider and without waiting, that it keeps its promises
// when the provider or the network fails.
package shop

import (
	"context"

	"github.com/retrysafe/retrysafe"
)

// Order is what a customer pays for.
type Order struct {
	ID    string
	Cents int64
	Card  string
}

// Status is how far the payment of an order is.
type Status string

// The statuses. Only an Open order is paid again, by calling Pay again.
const (
	Paid     Status = "paid"
	Declined Status = "declined"
	Open     Status = "open" // it may be paid
)

// Payment is what the shop writes down.
type Payment struct {
	Status Status
	Charge string // the provider's ID; empty if its answer was lost for good
}

type charge struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Source   string `json:"source"`
}

type charged struct {
	ID string `json:"id"`
}

var createCharge = retrysafe.Command[charge, charged]{Name: "charges.create", Path: "/v1/charges"}

// Pay charges an order. The error says why it is not paid; an order that is
// Open may be, and is charged at most once however often Pay is called for it
// while the provider keeps its key.
func Pay(ctx context.Context, client *retrysafe.Client, order Order) (Payment, error) {
	res, err := createCharge.Do(ctx, client, order.ID, charge{
		Amount: order.Cents, Currency: "eur", Source: order.Card,
	})
	switch retrysafe.OutcomeOf(err) {
	case retrysafe.Applied:
		return Payment{Status: Paid, Charge: res.Value.ID}, nil
	case retrysafe.NotApplied:
		return Payment{Status: Declined}, err
	default:
		return Payment{Status: Open}, err
	}
}
