package retrysafe_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// TestAnErrorOfTheStoreSaysWhatIsSafeNext looks at what people read.
func TestAnErrorOfTheStoreSaysWhatIsSafeNext(t *testing.T) {
	ctx := context.Background()
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		if _, err := do(client, "done"); err != nil {
			t.Fatal(err)
		}
		_, reused := createCharge.Do(ctx, client, "done", charge{Amount: 1, Currency: "eur"})
		_, absent := createCharge.Lookup(ctx, client, "absent")
		_, err := createCharge.Enqueue(ctx, client, nil, "pending", charge{})
		if err != nil {
			t.Fatal(err)
		}
		_, pending := createCharge.Lookup(ctx, client, "pending")
		for _, c := range []struct {
			err   error
			words []string
		}{
			{reused, []string{"/amount differ", "applied (recorded)", "give it an ID of its own"}},
			{absent, []string{"not found", "unknown", "Do or Enqueue begins it"}},
			{pending, []string{"pending", "unknown (recorded)", "call again under the same ID"}},
			{createCharge.Cancel(ctx, client, "done"), []string{"not pending: it is succeeded", "applied", "too late to cancel"}},
		} {
			for _, words := range c.words {
				if c.err == nil || !strings.Contains(c.err.Error(), words) {
					t.Errorf("%v: want %q in it", c.err, words)
				}
			}
		}
	})
}

// TestWithoutAKeyWhatADeadProcessLeftIsNotRetryable: no later call would send it.
func TestWithoutAKeyWhatADeadProcessLeftIsNotRetryable(t *testing.T) {
	keyless := func(o *retrysafe.Options) {
		o.Profile = retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}
	}
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		crashed(t, s, func(changes ...func(*retrysafe.Options)) *retrysafe.Client {
			return restart(append(changes, keyless)...)
		}, "order-1")
		time.Sleep(2 * time.Minute)
		for range 3 {
			_, err := do(restart(keyless), "order-1")
			if !errors.Is(err, retrysafe.ErrNotResent) || retrysafe.Retryable(err) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
				t.Errorf("%v: want unknown, and not to be called again", err)
			}
		}
	})
}

func TestWhatIsAppliedAlwaysHasAResult(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		short := createCharge
		short.Retention = time.Hour
		client := restart()
		if _, err := short.Do(context.Background(), client, "order-1", charge{Amount: 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if purged, err := s.Purge(context.Background(), store.PurgeLimits{Limit: 10}); err != nil || purged.Emptied != 1 {
			t.Fatal(purged, err)
		}
		res, err := short.Do(context.Background(), client, "order-1", charge{Amount: 1})
		if res == nil || !res.Recorded || !errors.Is(err, retrysafe.ErrAnswerGone) || retrysafe.OutcomeOf(err) != retrysafe.Applied {
			t.Errorf("%v %v: want an empty result beside applied, answer gone", res, err)
		}
	})
}

func TestAStoreThatCannotBeIsRefusedAtOnce(t *testing.T) {
	for name, o := range map[string]retrysafe.Options{
		"without account":  {Store: store.NewMemory()},
		"nil pointer":      {Account: "a", Store: (*store.Memory)(nil)},
		"a lease of 1 ns":  {Account: "a", Store: store.NewMemory(), Lease: 1},
		"a negative lease": {Account: "a", Store: store.NewMemory(), Lease: -time.Second},
		"a negative pace":  {Account: "a", Store: store.NewMemory(), Resume: retrysafe.ResumePolicy{PerSecond: -1}},
		"a backwards wait": {Account: "a", Store: store.NewMemory(), Resume: retrysafe.ResumePolicy{Backoff: retrysafe.Backoff{Base: 2, Cap: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := retrysafe.NewClient("https://api.example.com", &o)
			wantInvalid(t, err)
		})
	}
	client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{Account: "a", Store: &store.Memory{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := do(client, "order-1"); !errors.Is(err, store.ErrClosed) || retrysafe.Retryable(err) {
		t.Errorf("a store that was never made: %v", err)
	}
}
