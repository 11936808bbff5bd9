package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

var order = charge{Amount: 4200, Currency: "eur"}

// silent is a handler that does nothing.
func silent() retrysafe.Handler { return createCharge.Handle(retrysafe.Handlers[charge, charged]{}) }

func mustEnqueue(t *testing.T, client *retrysafe.Client, id string) retrysafe.Key {
	t.Helper()
	key, err := createCharge.Enqueue(context.Background(), client, nil, id, order)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustResume(t *testing.T, client *retrysafe.Client, handlers ...retrysafe.Handler) retrysafe.ResumeReport {
	t.Helper()
	report, err := client.Resume(context.Background(), handlers...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestEnqueueingAgainChangesNothing(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		key := mustEnqueue(t, client, "order-1")
		if want, _ := createCharge.Key(client, "order-1"); key != want {
			t.Errorf("key %s, want %s", string(key), string(want))
		}
		before := recordOf(t, s, "order-1")
		if again := mustEnqueue(t, restart(), "order-1"); again != key {
			t.Errorf("key %s, want %s", string(again), string(key))
		}
		if after := recordOf(t, s, "order-1"); after.Fence != before.Fence || after.State != store.StatePending {
			t.Errorf("%+v, want it unchanged", after)
		}
		_, err := createCharge.Enqueue(context.Background(), client, nil, "order-1", charge{Amount: 1})
		if !errors.Is(err, retrysafe.ErrKeyReused) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
			t.Errorf("another request: %v", err)
		}
		mustResume(t, client, silent())
		mustEnqueue(t, client, "order-1") // it has ended, and stays so
		mustResume(t, client, silent())
		p.Attempts(t, string(key), 1)
	})
}

func TestWhatWasNotRunCanBeEnqueued(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(once1)
		if _, err := do(client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
			t.Fatal(err)
		}
		mustResume(t, client, silent())
		if len(p.Requests()) != 1 {
			t.Fatal("sent again without having been asked")
		}
		key := mustEnqueue(t, client, "order-1")
		if report := mustResume(t, client, silent()); report.Applied != 1 {
			t.Errorf("%+v", report)
		}
		p.OneEffect(t, string(key))
	})
}

func TestCancelIsBeforeOrNever(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		ctx, client := context.Background(), restart()
		mustEnqueue(t, client, "order-1")
		for range 2 { // the second time says the same
			if err := createCharge.Cancel(ctx, client, "order-1"); err != nil {
				t.Errorf("cancelled: %v", err)
			}
		}
		mustEnqueue(t, client, "order-1")
		mustResume(t, client, silent())
		_, err := do(client, "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.NotApplied || !errors.Is(err, retrysafe.ErrCancelled) || retrysafe.Retryable(err) || len(p.Requests()) != 0 {
			t.Errorf("called after it was cancelled: %v, %d requests", err, len(p.Requests()))
		}
		mustEnqueue(t, client, "order-2")
		mustResume(t, client, silent())
		err = createCharge.Cancel(ctx, client, "order-2")
		if !errors.Is(err, retrysafe.ErrNotPending) || retrysafe.OutcomeOf(err) != retrysafe.Applied {
			t.Errorf("cancelled too late: %v", err)
		}
		if err := createCharge.Cancel(ctx, client, "order-3"); !errors.Is(err, retrysafe.ErrNotFound) {
			t.Errorf("cancelled what is not there: %v", err)
		}
	})
}

func TestCancelWhileItIsSentIsTooLate(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		mustEnqueue(t, restart(), "order-1")
		var running sync.WaitGroup
		running.Add(1)
		go func() {
			defer running.Done()
			restart(slowly(10*time.Second)).Resume(context.Background(), silent())
		}()
		synctest.Wait()
		err := createCharge.Cancel(context.Background(), restart(), "order-1")
		if !errors.Is(err, retrysafe.ErrNotPending) || !errors.Is(err, retrysafe.ErrInFlight) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
			t.Errorf("%v", err)
		}
		running.Wait()
	})
}

func TestACallTakesOverWhatIsPending(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(once1)
		key := mustEnqueue(t, client, "order-1")
		_, err := do(client, "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
			t.Fatalf("%v", err)
		}
		// The caller was told, so it is no longer a runner's to try.
		for range 5 {
			time.Sleep(time.Hour)
			if report := mustResume(t, client, silent()); report.Resent != 0 || report.Told != 0 {
				t.Errorf("%+v", report)
			}
		}
		if res, err := do(client, "order-1"); err != nil || res.Key != key {
			t.Errorf("asked again: %v", err)
		}
	})
}

func TestARunnerReleasesWhatWasNotSentAndTellsNobody(t *testing.T) {
	const failures = 6
	told := 0
	handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
		Settled: func(context.Context, retrysafe.Operation, *retrysafe.Result[charged], error) error {
			told++
			return nil
		},
	})
	waits := make([]time.Duration, failures) // summed over several runs, because they are jittered
	for range 40 {
		storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse().Times(failures)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
			client := restart(once1)
			mustEnqueue(t, client, "order-1")
			before := told
			for i := range failures {
				report := mustResume(t, client, handler)
				rec := recordOf(t, s, "order-1")
				if report.Pending != 1 || rec.State != store.StatePending || rec.Passes != i+1 || rec.Told || told != before {
					t.Fatalf("pass %d: %+v, %v after %d passes, told %d", i, report, rec.State, rec.Passes, told-before)
				}
				waits[i] += rec.Next.Sub(rec.Updated)
				if early := mustResume(t, client, handler); early.Resent != 0 {
					t.Fatalf("pass %d: sent again before it was due", i)
				}
				time.Sleep(time.Until(rec.Next) + time.Millisecond)
			}
			if report := mustResume(t, client, handler); report.Applied != 1 || told != before+1 {
				t.Errorf("%+v, told %d", report, told-before)
			}
			p.OneEffectEach(t)
		})
	}
	for i := 2; i < failures; i++ {
		if waits[i] <= waits[i-2] {
			t.Errorf("waits %v in all, want them to grow", waits)
		}
	}
}

func TestWhatIsNotDueCanBeForcedButNotAgainstTheServersAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		fault  mock.Fault
		forced bool
	}{
		"own backoff":         {mock.Refuse(), true},
		"the server's advice": {mock.TooManyRequests("3600"), false},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &mock.Options{Script: []mock.Fault{c.fault}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				client := restart(once1)
				mustEnqueue(t, client, "order-1")
				mustResume(t, client, silent())
				next := recordOf(t, s, "order-1").Next
				_, err := createCharge.With(retrysafe.Call{NoWait: true}).Do(context.Background(), client, "order-1", order)
				if e := asError(t, err); !errors.Is(err, retrysafe.ErrPending) || e.Outcome != retrysafe.Unknown || !e.RetryAt.Equal(next) || !retrysafe.Retryable(err) {
					t.Errorf("not due: %v", err)
				}
				_, err = createCharge.With(retrysafe.Call{Force: true, NoWait: true}).Do(context.Background(), client, "order-1", order)
				if (err == nil) != c.forced {
					t.Errorf("forced: %v", err)
				}
				if !c.forced {
					time.Sleep(time.Until(next))
					if _, err := do(client, "order-1"); err != nil {
						t.Errorf("when it is due: %v", err)
					}
				}
			})
		})
	}
}

func TestASettledHandlerIsToldUntilItReturnsNil(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		mustEnqueue(t, restart(), "order-1")
		var by []string
		failing := true
		handler := func(who string) retrysafe.Handler {
			return createCharge.Handle(retrysafe.Handlers[charge, charged]{
				Settled: func(_ context.Context, op retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
					if err != nil || op.ID != "order-1" || res.Value.Amount != 4200 || !res.Recorded || string(res.Key) != p.Keys()[0] {
						t.Errorf("%s is told of %v: %v %v", who, op, res, err)
					}
					by = append(by, who)
					if failing {
						return errors.New("the mail server is down")
					}
					return nil
				},
			})
		}
		first, second := restart(), restart()
		if report := mustResume(t, first, handler("first")); report.Untold != 1 || report.Told != 0 || report.Applied != 1 {
			t.Errorf("%+v", report)
		}
		mustResume(t, second, handler("second")) // not yet: somebody may be at it
		time.Sleep(time.Hour)
		mustResume(t, second, handler("second"))
		time.Sleep(time.Hour)
		failing = false
		if report := mustResume(t, first, handler("first")); report.Told != 1 {
			t.Errorf("%+v", report)
		}
		for range 5 {
			time.Sleep(time.Hour)
			mustResume(t, second, handler("second"))
		}
		if got := fmt.Sprint(by); got != "[first second first]" {
			t.Errorf("told %s", got)
		}
		p.OneEffectEach(t)
	})
}

func TestAHandlerIsToldOfARefusal(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(402, asJSON, `{"code":"declined"}`)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Profile = consistent; o.Profile.Code = []string{"/code"} })
		mustEnqueue(t, client, "order-1")
		var told error
		mustResume(t, client, createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Settled: func(_ context.Context, _ retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
				told = err
				if res == nil || res.Status != 402 {
					t.Errorf("result %v", res)
				}
				return nil
			},
		}))
		if e := asError(t, told); e.Outcome != retrysafe.NotApplied || e.ProviderCode != "declined" || !e.Recorded || !errors.Is(told, retrysafe.ErrRefused) {
			t.Errorf("told %v", told)
		}
	})
}

func TestCommandsWithoutAHandlerAreCountedAndUntouched(t *testing.T) {
	refund := retrysafe.Command[charge, charged]{Name: "refunds.create", Path: "/v1/refunds"}
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		for i := range 3 {
			refund.Enqueue(context.Background(), client, nil, fmt.Sprint("order-", i), order)
		}
		mustEnqueue(t, client, "order-9")
		report := mustResume(t, client, silent())
		if report.Unhandled["refunds.create"] != 3 || len(report.Unhandled) != 1 || report.Applied != 1 || len(p.Requests()) != 1 {
			t.Errorf("%+v, %d requests", report, len(p.Requests()))
		}
		if report := mustResume(t, client); report.Unhandled["refunds.create"] != 3 || len(p.Requests()) != 1 {
			t.Errorf("without any handler: %+v", report)
		}
		if report := mustResume(t, client, refund.Handle(retrysafe.Handlers[charge, charged]{})); report.Applied != 3 {
			t.Errorf("%+v", report)
		}
	})
}

func TestTwoRunnersAtOnceDoNotSendTwice(t *testing.T) {
	const operations = 30
	storeBubble(t, &mock.Options{Delay: 500 * time.Millisecond}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		for i := range operations {
			mustEnqueue(t, restart(), fmt.Sprint("order-", i))
		}
		var runners sync.WaitGroup
		var mu sync.Mutex
		told := map[string]int{}
		for range 3 {
			runners.Add(1)
			client := restart()
			go func() {
				defer runners.Done()
				client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{
					Settled: func(_ context.Context, op retrysafe.Operation, _ *retrysafe.Result[charged], err error) error {
						mu.Lock()
						defer mu.Unlock()
						told[op.ID]++
						return err
					},
				}))
			}()
		}
		runners.Wait()
		if len(p.Requests()) != operations || len(told) != operations {
			t.Errorf("%d requests, %d told", len(p.Requests()), len(told))
		}
		for id, n := range told {
			if n != 1 {
				t.Errorf("%s was told %d times", id, n)
			}
		}
		p.OneEffectEach(t)
	})
}

func TestRunKeepsAtItUntilItsContextEnds(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		client := restart(func(o *retrysafe.Options) { o.Store = lined{s, l} })
		ctx, cancel := context.WithCancelCause(context.Background())
		ended := make(chan error)
		go func() { ended <- client.Run(ctx, silent()) }()
		l.set(true) // a store that fails does not end it
		time.Sleep(time.Hour)
		mustEnqueue(t, restart(), "order-1")
		l.set(false)
		time.Sleep(time.Minute)
		if rec := recordOf(t, s, "order-1"); rec.State != store.StateSucceeded {
			t.Errorf("%v", rec.State)
		}
		reason := errors.New("shutting down")
		cancel(reason)
		if err := <-ended; !errors.Is(err, reason) {
			t.Errorf("%v", err)
		}
		wantInvalid(t, restart(func(o *retrysafe.Options) { o.Store = plainStore{s} }).Run(context.Background(), silent()))
	})
}

// plainStore has none of the optional interfaces.
type plainStore struct{ store.Store }

func TestARunnerEndsWithItsContext(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		for i := range 20 {
			mustEnqueue(t, restart(), fmt.Sprint("order-", i))
		}
		client := restart(slowly(time.Second))
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err := client.Resume(ctx, silent())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		for range 10 {
			time.Sleep(time.Minute)
			mustResume(t, restart(), silent())
		}
		p.OneEffectEach(t)
		if n := p.EffectCount(); n != 20 {
			t.Errorf("%d effects, want 20", n)
		}
	})
}

func TestThePaceOfAPassIsKept(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		for i := range 50 {
			mustEnqueue(t, restart(), fmt.Sprint("order-", i))
		}
		begin := time.Now()
		mustResume(t, restart(func(o *retrysafe.Options) { o.Resume.PerSecond = 10 }), silent())
		if took := time.Since(begin); took < 4900*time.Millisecond || took > 6*time.Second {
			t.Errorf("50 operations at 10 a second took %v", took)
		}
	})
}

func TestHandlersAreChecked(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		other := createCharge
		other.Path = "/v2/charges"
		client := restart()
		if err := createCharge.Validate(client); err != nil {
			t.Fatal(err)
		}
		for _, handlers := range [][]retrysafe.Handler{{silent(), silent()}, {other.Handle(retrysafe.Handlers[charge, charged]{})}} {
			_, err := client.Resume(context.Background(), handlers...)
			wantInvalid(t, err)
		}
		_, err := (&retrysafe.Client{}).Resume(context.Background())
		wantInvalid(t, err)
		if _, err := createCharge.Resume(context.Background(), client, "order-1"); !errors.Is(err, retrysafe.ErrNotFound) || !strings.Contains(err.Error(), "not found") {
			t.Errorf("%v", err)
		}
	})
}
