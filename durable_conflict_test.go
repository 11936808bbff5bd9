package retrysafe_test

import (
	"context"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// An operator wrongly says that it did not run, and then its holder hears done.
func TestTwoEffectsUnderTwoKeysAreRaised(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		ctx := context.Background()
		// The first holder at the level of the store: its effect is heard late.
		g, err := s.Claim(ctx, store.Claim{Intent: store.Intent{Name: nameOf("order-1"), Owner: "acme/test", OnLapse: store.LapseUnknown, Request: []byte("{}\n")}, Lease: time.Second, Nonce: store.Nonce{9}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if _, err := s.Claim(ctx, store.Claim{Intent: store.Intent{Name: nameOf("order-1")}, Mode: store.ModeSweep}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Resolve(ctx, store.Resolution{Name: nameOf("order-1"), Fence: g.Record.Fence, State: store.StatePending, NotRun: true, Evidence: "wrong", Actor: "ops"}); err != nil {
			t.Fatal(err)
		}
		late, err := s.Complete(ctx, g.Record.Token(), store.Completion{State: store.StateSucceeded, Result: []byte("{\"v\":1}\n")})
		if err != nil || late.Record.Conflicts != 1 {
			t.Errorf("an older generation's success: %v, %d conflicts (%v)", late.Status, late.Record.Conflicts, err)
		}
		if _, err := do(restart(), "order-1"); retrysafe.OutcomeOf(err) == retrysafe.NotApplied || len(p.Requests()) != 0 {
			t.Errorf("called again: %v, %d requests", err, len(p.Requests()))
		}
	})
}

// A handler was told not applied, and then an older holder hears that it was
// done.
func TestAHandlerHearsOfAContradiction(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		ctx := context.Background()
		client := restart()
		if _, err := createCharge.Enqueue(ctx, client, nil, "order-1", charge{Amount: 1, Currency: "eur"}); err != nil {
			t.Fatal(err)
		}
		zombie, err := s.Claim(ctx, store.Claim{Intent: store.Intent{Name: nameOf("order-1")}, Mode: store.ModeResume, Runner: true, Lease: time.Second, Nonce: store.Nonce{9}})
		if err != nil || zombie.Status != store.ClaimAcquired {
			t.Fatal(zombie.Status, err)
		}
		time.Sleep(2 * time.Second)
		other, err := s.Claim(ctx, store.Claim{Intent: store.Intent{Name: nameOf("order-1")}, Mode: store.ModeResume, Runner: true, Lease: time.Second, Nonce: store.Nonce{8}})
		if err != nil || other.Status != store.ClaimAcquired {
			t.Fatal(other.Status, err)
		}
		if _, err := s.Complete(ctx, other.Record.Token(), store.Completion{State: store.StateFailed, Reason: store.ReasonRefused, Notice: true, Result: []byte("{\"v\":1}\n")}); err != nil {
			t.Fatal(err)
		}
		var told []retrysafe.Outcome
		h := createCharge.Handle(retrysafe.Handlers[charge, charged]{Settled: func(_ context.Context, _ retrysafe.Operation, _ *retrysafe.Result[charged], err error) error {
			told = append(told, retrysafe.OutcomeOf(err))
			return nil
		}})
		if _, err := client.Resume(ctx, h); err != nil {
			t.Fatal(err)
		}
		c, err := s.Complete(ctx, zombie.Record.Token(), store.Completion{State: store.StateSucceeded, Notice: true, Result: []byte("{\"v\":1}\n")})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := client.Resume(ctx, h); err != nil {
			t.Fatal(err)
		}
		t.Logf("%v; told %v; record's outcome is %v", c.Status, told, c.Record.Outcome())
		if told[len(told)-1] != retrysafe.Applied {
			t.Errorf("the handler was told %v and nothing since; the record says %v", told, c.Record.Outcome())
		}
	})
}
