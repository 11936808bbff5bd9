package retrysafe_test

import (
	"context"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

type charge struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type charged struct {
	ID     string `json:"id"`
	Amount int64  `json:"amount"`
}

var createCharge = retrysafe.Command[charge, charged]{Name: "charges.create", Path: "/v1/charges"}

func TestAChargeWhoseAnswerIsLostTakesEffectOnceAndIsAnswered(t *testing.T) {
	provider := mock.StartProvider(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}})
	client, err := retrysafe.NewClient(provider.URL(), &retrysafe.Options{
		Account: "acme/test/live", Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	res, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if res.Value.ID == "" || res.Value.Amount != 4200 || !res.Replayed {
		t.Errorf("result is %v with value %+v, want a replayed answer", res, res.Value)
	}
	provider.OneEffect(t, string(res.Key))
	provider.Attempts(t, string(res.Key), 2)
}
