package retrysafe_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

func TestWhatIsAppliedAfterAllIsNotCalledRefused(t *testing.T) {
	for _, reason := range []store.Reason{store.ReasonRefused} {
		storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
			ctx := context.Background()
			client := restart()
			if _, err := createCharge.Enqueue(ctx, client, nil, "order-1", charge{Amount: 4200, Currency: "eur"}); err != nil {
				t.Fatal(err)
			}
			n := store.Intent{Name: nameOf("order-1")}
			zombie, _ := s.Claim(ctx, store.Claim{Intent: n, Mode: store.ModeResume, Runner: true, Lease: time.Second, Nonce: store.Nonce{9}})
			time.Sleep(2 * time.Second)
			other, _ := s.Claim(ctx, store.Claim{Intent: n, Mode: store.ModeResume, Runner: true, Lease: time.Second, Nonce: store.Nonce{8}})
			if _, err := s.Complete(ctx, other.Record.Token(), store.Completion{State: store.StateFailed, Reason: reason, Result: []byte(`{"v":1,"cause":"refused","evidence":"refused","verdict":"refused","answered":true,"status":402}` + "\n")}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Complete(ctx, zombie.Record.Token(), store.Completion{State: store.StateSucceeded}); err != nil {
				t.Fatal(err)
			}
			_, err := createCharge.Lookup(ctx, client, "order-1")
			t.Logf("%v %v", retrysafe.OutcomeOf(err), err)
			if retrysafe.OutcomeOf(err) == retrysafe.Applied && errors.Is(err, retrysafe.ErrRefused) {
				t.Errorf("Applied, and errors.Is(err, ErrRefused)")
			}
		})
	}
}
