package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

const host = "https://api.example.com"

// down is a host that fails until it is up, and notes when it was asked and for
// what. An answer takes a while.
type down struct {
	mu       sync.Mutex
	up       bool
	status   int // 0: 503
	header   []string
	takes    time.Duration
	asked    []time.Time
	keys     []string
	under    int
	together int
}

func (d *down) RoundTrip(req *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.asked, d.keys = append(d.asked, time.Now()), append(d.keys, req.Header.Get("Idempotency-Key"))
	d.under++
	d.together = max(d.together, d.under)
	d.mu.Unlock()
	select {
	case <-time.After(d.takes):
	case <-req.Context().Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.under--
	switch {
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	case d.up:
		return trapAnswer(201, trapCharged), nil
	case d.status != 0:
		return trapAnswer(d.status, `{}`, d.header...), nil
	default:
		return trapAnswer(503, `{}`, d.header...), nil
	}
}

func (d *down) recover() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up = true
}

// outOfTokens is a client whose budget for the host is empty.
func outOfTokens(t *testing.T, d *down, opts retrysafe.Options) (*retrysafe.Client, *retrysafe.Budget) {
	budget := &retrysafe.Budget{}
	budget.Spend(host, 10)
	opts.Retry.Budget = budget
	return wireClient(t, d, opts), budget
}

// hungProbe sends the probe of a budget, which is not answered before the
// function that it returns is called.
func hungProbe(t *testing.T, d *down, budget *retrysafe.Budget) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	policy := retrysafe.RetryPolicy{AttemptTimeout: retrysafe.Unlimited, MaxElapsed: retrysafe.Unlimited, Budget: budget}
	go createCharge.Do(ctx, wireClient(t, d, retrysafe.Options{Retry: policy}), "the probe", charge{})
	time.Sleep(time.Second)
	synctest.Wait()
	return cancel
}

func TestWhileTheBudgetIsEmptyOneDeliveryProbesAndTheOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{takes: 100 * time.Millisecond}
		client, budget := outOfTokens(t, d, retrysafe.Options{})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := createCharge.Do(t.Context(), client, fmt.Sprint("order-", i), charge{}); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if d.together != 1 || len(d.asked) < 5 || len(d.asked) > 20 {
			t.Errorf("%d deliveries in five seconds, %d at once; want a probe now and then", len(d.asked), d.together)
		}
		if budget.Waiting() < 15 {
			t.Errorf("%d wait, want nearly all", budget.Waiting())
		}
		d.recover()
		wg.Wait()
		if budget.Waiting() != 0 {
			t.Errorf("%d wait after the end", budget.Waiting())
		}
	})
}

func TestOperationsGetTheirTurnInTheOrderOfComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{up: true}
		client, _ := outOfTokens(t, d, retrysafe.Options{})
		var want []string
		var wg sync.WaitGroup
		for i := range 50 {
			id := fmt.Sprint("order-", i)
			key, _ := createCharge.Key(client, id)
			want = append(want, string(key))
			wg.Go(func() { createCharge.Do(t.Context(), client, id, charge{}) })
			synctest.Wait()
		}
		wg.Wait()
		if !slices.Equal(d.keys, want) {
			t.Errorf("sent in the order\n%v, want\n%v", d.keys, want)
		}
	})
}

func TestWhoGetsNoTurnBeforeTheDeadlineHasSentNothing(t *testing.T) {
	for name, c := range map[string]struct {
		call    retrysafe.Call
		store   bool
		outcome retrysafe.Outcome
	}{
		"an operation that may have been sent before": {outcome: retrysafe.Unknown},
		"a first call":         {call: retrysafe.Call{First: true}, outcome: retrysafe.NotApplied},
		"with a durable store": {store: true, outcome: retrysafe.NotApplied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &down{takes: time.Hour}
				opts := retrysafe.Options{Retry: retrysafe.RetryPolicy{AttemptTimeout: retrysafe.Unlimited}}
				if c.store {
					opts.Store, opts.Account = durable{store.NewMemory()}, "acme/test"
				}
				client, budget := outOfTokens(t, d, opts)
				defer hungProbe(t, d, budget)()

				ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
				defer end()
				begun := time.Now()
				_, err := createCharge.With(c.call).Do(ctx, client, "order-1", charge{})
				e := asError(t, err)
				if took := time.Since(begun); took != 10*time.Second || len(d.asked) != 1 {
					t.Errorf("ended after %v and %d deliveries, want the whole time and the probe alone", took, len(d.asked))
				}
				if e.Outcome != c.outcome || e.ThisCall != retrysafe.NotApplied || !retrysafe.Retryable(err) {
					t.Errorf("%v and %v of this call, retryable %t; want %v, not applied, true", e.Outcome, e.ThisCall, retrysafe.Retryable(err), c.outcome)
				}
				if !errors.Is(err, retrysafe.ErrBudgetExhausted) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, want both reasons", err)
				}
				if wait := e.Attempts[0].Wait; wait != 10*time.Second || e.RetryAt.Before(time.Now()) {
					t.Errorf("waited %v, retry %v from now; want the time in line, and no time that has passed", wait, time.Until(e.RetryAt))
				}
			})
		})
	}
}

// detached is an observer that lets the caller's deadline go.
type detached struct{}

func (detached) OperationStart(context.Context, retrysafe.OperationStart) context.Context {
	return context.Background()
}

func (detached) OperationEnd(context.Context, retrysafe.OperationEnd) {}

func TestTheCallersDeadlineIsTheReasonWhateverAnObserverDoes(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			d := &down{takes: time.Hour}
			client, budget := outOfTokens(t, d, retrysafe.Options{Observer: detached{}})
			defer hungProbe(t, d, budget)()
			ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
			defer end()
			_, err := createCharge.Do(ctx, client, "order-1", charge{})
			if !errors.Is(err, retrysafe.ErrBudgetExhausted) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want both reasons", err)
			}
		})
	}
}

func TestAWaitThatMaxElapsedEndsIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{takes: time.Hour}
		client, budget := outOfTokens(t, d, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxElapsed: 10 * time.Second}})
		defer hungProbe(t, d, budget)()
		_, err := createCharge.Do(t.Context(), client, "order-1", charge{})
		if !errors.Is(err, retrysafe.ErrBudgetExhausted) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the budget alone", err)
		}
	})
}

func TestWhoLeavesTheLineTakesNobodysTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{up: true}
		client, budget := outOfTokens(t, d, retrysafe.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var left sync.WaitGroup
		for i := range 30 {
			left.Go(func() {
				_, err := createCharge.Do(ctx, client, fmt.Sprint("left-", i), charge{})
				if !errors.Is(err, context.Canceled) || !errors.Is(err, retrysafe.ErrBudgetExhausted) || retrysafe.OutcomeOf(err) == retrysafe.Applied {
					t.Errorf("%v, want the cancellation", err)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		begun := time.Now()
		done := make(chan time.Duration, 1)
		go func() {
			createCharge.Do(t.Context(), client, "stays", charge{})
			done <- time.Since(begun)
		}()
		synctest.Wait()
		cancel()
		left.Wait()
		if took := <-done; took > retrysafe.FirstProbe || len(d.asked) != 1 || budget.Waiting() != 0 {
			t.Errorf("its turn came after %v and %d deliveries, %d wait; want it to be the next", took, len(d.asked), budget.Waiting())
		}
	})
}

func TestWhoLeavesJustAfterItsTurnCameGivesItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := &retrysafe.Budget{}
		budget.Spend(host, 10)
		pass := func(d time.Duration) { time.Sleep(d + time.Millisecond); synctest.Wait() }
		if !budget.LeaveAtTheTurn(host, pass) {
			t.Error("the next one waits for a probe that was never sent")
		}
	})
}

// Turns and cancellations at the same moments: whoever has left gives back what
// it was given.
func TestNoTurnIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{up: true, takes: time.Millisecond}
		client, budget := outOfTokens(t, d, retrysafe.Options{})
		var wg sync.WaitGroup
		var applied atomic.Int64
		for i := range 400 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%8)*retrysafe.FirstProbe/4+time.Duration(i)*time.Microsecond)
				defer cancel()
				if i%2 == 0 {
					ctx = t.Context()
				}
				if _, err := createCharge.Do(ctx, client, fmt.Sprint("order-", i), charge{}); err == nil {
					applied.Add(1)
				}
			})
		}
		wg.Wait()
		if applied.Load() < 200 || budget.Waiting() != 0 {
			t.Errorf("%d applied and %d wait, want all that stayed", applied.Load(), budget.Waiting())
		}
	})
}

// unendingBody is a body of which nothing comes before its request ends.
type unendingBody struct{ ctx context.Context }

func (h unendingBody) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func (unendingBody) Close() error { return nil }

// Unless it has waited for a while: a host that never answers is one that fails,
// also if all callers have less patience than the attempt's timeout.
func TestWhoLeavesSaysNothingOfTheHost(t *testing.T) {
	for name, send := range map[string]transportFunc{
		"before the answer": (&down{takes: time.Hour}).RoundTrip,
		"within the answer": func(req *http.Request) (*http.Response, error) {
			resp := trapAnswer(201, "")
			resp.Body, resp.ContentLength = unendingBody{req.Context()}, 100
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget := &retrysafe.Budget{}
				client := wireClient(t, send, retrysafe.Options{Retry: retrysafe.RetryPolicy{Budget: budget}})
				for patience, tokens := range map[time.Duration]int{time.Second - 1: 10, time.Second: 9} {
					cancelled, cancel := context.WithCancel(t.Context())
					time.AfterFunc(patience, cancel)
					_, err := createCharge.Do(cancelled, client, "order-1", charge{})
					if !errors.Is(err, context.Canceled) || budget.Tokens() != tokens {
						t.Errorf("cancelled after %v: %v, %d tokens, want %d", patience, err, budget.Tokens(), tokens)
					}
					budget.Deliver(host)
					bounded, end := context.WithTimeout(t.Context(), patience)
					_, err = createCharge.Do(bounded, client, "order-1", charge{})
					end()
					if !errors.Is(err, context.DeadlineExceeded) || budget.Tokens() != tokens {
						t.Errorf("over after %v: %v, %d tokens, want %d", patience, err, budget.Tokens(), tokens)
					}
					budget.Deliver(host)
				}
			})
		})
	}
}

func TestAPanicOfTheApplicationGivesTheTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &down{up: true}
		panics := true
		client, _ := outOfTokens(t, d, retrysafe.Options{Authorize: func(*http.Request) error {
			if panics {
				panic("no credentials")
			}
			return nil
		}})
		func() {
			defer func() { recover() }()
			createCharge.Do(t.Context(), client, "order-1", charge{})
		}()
		panics = false
		if _, err := createCharge.Do(t.Context(), client, "order-2", charge{}); err != nil {
			t.Errorf("%v, want the next to be the probe", err)
		}
	})
}

func TestWaitingOperationsHaveNoGoroutineOfTheirOwnAndLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	const waiting = 5000
	var ended sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	d := &down{takes: time.Hour}
	client, budget := outOfTokens(t, d, retrysafe.Options{})
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	for i := range waiting {
		ended.Go(func() { createCharge.Do(ctx, client, fmt.Sprint("order-", i), charge{}) })
	}
	for budget.Waiting() < waiting-1 {
		time.Sleep(10 * time.Millisecond)
	}
	each := int64(memory()-before) / waiting
	own := runtime.NumGoroutine() - goroutines - waiting
	cancel()
	ended.Wait()
	t.Logf("%d bytes of heap each", each)
	if each > 4096 {
		t.Errorf("%d bytes for each waiting operation, want at most 4 KiB", each)
	}
	if own > 2 {
		t.Errorf("%d goroutines beside the callers'", own)
	}
}
