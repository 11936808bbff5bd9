package main

import (
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe"
)

// order is what a customer wants to pay.
type order struct {
	id     string
	amount int64
	card   string
}

const (
	goodCard  = "tok_good"
	emptyCard = "tok_empty" // is declined
)

func orderOf(seed uint64, n int) order {
	o := order{id: fmt.Sprintf("order-%d", n+1), amount: 4200, card: goodCard}
	if draw(seed, "card", o.id).Float64() < declining {
		o.card = emptyCard
	}
	return o
}

func (o order) request() chargeRequest {
	return chargeRequest{Order: o.id, Amount: o.amount, Card: o.card}
}

// chargeRequest and chargeAnswer are what goes over the wire.
type chargeRequest struct {
	Order  string `json:"order"`
	Amount int64  `json:"amount"`
	Card   string `json:"card"`
}

type chargeAnswer struct {
	ID    string `json:"id"`
	Order string `json:"order"`
}

// createCharge is the one declaration that retrysafe needs.
var createCharge = retrysafe.Command[chargeRequest, chargeAnswer]{Name: "charges.create", Path: "/v1/charges"}

// profile is what is known of this provider beyond the IETF draft: it keeps its
// keys for a day, and a declined card is stored under the key.
var profile = retrysafe.Profile{
	Name:   "loopback",
	Window: 23 * time.Hour,
	Rules:  []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}},
}

// stillOpen is the outcome of an order that waits for a worker. The others are
// retrysafe's, as words.
const stillOpen = "open"

// word is how an order ended, as somebody knows it.
type word struct {
	Outcome string `json:"outcome"`
	Charge  string `json:"charge,omitempty"` // the provider's ID, if the answer is known
}

// wordOf is what Do, Settled or Lookup have said.
func wordOf(res *retrysafe.Result[chargeAnswer], err error) word {
	w := word{Outcome: retrysafe.OutcomeOf(err).String()}
	if res != nil {
		w.Charge = res.Value.ID
	}
	return w
}

var (
	applied    = retrysafe.Applied.String()
	notApplied = retrysafe.NotApplied.String()
	unknown    = retrysafe.Unknown.String()
)
