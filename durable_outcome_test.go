package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

var asJSON = http.Header{"Content-Type": {"application/json"}}

func TestPromise4_NotAppliedIsFinalWithAStore(t *testing.T) {
	declined := func(mock.Request) mock.Reply { return mock.Problem(402, "Declined", "") }
	for name, opts := range map[string]mock.Options{
		"nothing was sent":              {Script: []mock.Fault{mock.Refuse().Times(5)}},
		"refused for its delivery":      {Script: []mock.Fault{mock.Answer(400, asJSON, `{}`)}},
		"refused, speaking for the key": {Effect: declined},
		"too many requests":             {Script: []mock.Fault{mock.TooManyRequests("3600")}},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				configure := func(o *retrysafe.Options) { o.Profile = consistent }
				_, err := do(restart(configure), "order-1")
				if e := asError(t, err); e.Outcome != retrysafe.NotApplied || e.ThisCall != retrysafe.NotApplied {
					t.Fatalf("%v, want not applied", err)
				}
				sent, client := len(p.Requests()), restart(configure)
				asked := createCharge.Handle(retrysafe.Handlers[charge, charged]{
					Settled: func(context.Context, retrysafe.Operation, *retrysafe.Result[charged], error) error {
						t.Error("a handler is told what the caller was told")
						return nil
					},
				})
				for range 48 {
					time.Sleep(time.Hour)
					if report, err := client.Resume(context.Background(), asked); err != nil || report.Resent+report.Reconciled+report.Told != 0 {
						t.Fatalf("%+v %v", report, err)
					}
					if _, err := createCharge.Resume(context.Background(), client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
						t.Fatalf("resumed: %v", err)
					}
					if err := asked.Resume(context.Background(), client, "order-1"); retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
						t.Fatalf("resumed with its handler: %v", err)
					}
				}
				ctx, cancel := context.WithTimeout(context.Background(), 48*time.Hour)
				defer cancel()
				if err := client.Run(ctx, asked); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if n := len(p.Requests()); n != sent {
					t.Errorf("%d requests, and there were %d when not applied was told", n, sent)
				}
			})
		})
	}
}

func TestWithoutItsStoreNothingIsSent(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{gone: true}
		client := restart(func(o *retrysafe.Options) { o.Store = lined{s, l} })
		_, err := createCharge.With(retrysafe.Call{First: true}).Do(context.Background(), client, "order-1", charge{})
		e := asError(t, err)
		if !errors.Is(err, retrysafe.ErrStore) || !errors.Is(err, errLine) || e.Outcome != retrysafe.Unknown || e.ThisCall != retrysafe.NotApplied ||
			e.Evidence != retrysafe.EvidenceStore || !retrysafe.Retryable(err) {
			t.Errorf("%v", err)
		}
		for what, call := range map[string]func() error{
			"enqueue": func() error {
				_, err := createCharge.Enqueue(context.Background(), client, nil, "order-1", charge{})
				return err
			},
			"look up": func() error { _, err := createCharge.Lookup(context.Background(), client, "order-1"); return err },
			"resume":  func() error { _, err := createCharge.Resume(context.Background(), client, "order-1"); return err },
			"cancel":  func() error { return createCharge.Cancel(context.Background(), client, "order-1") },
			"pass": func() error {
				_, err := client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{}))
				return err
			},
		} {
			if err := call(); !errors.Is(err, retrysafe.ErrStore) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
				t.Errorf("%s: %v, want ErrStore and unknown", what, err)
			}
		}
		if n := len(p.Requests()); n != 0 {
			t.Errorf("%d requests without a store", n)
		}
	})
}

// TestACompletionThatFails cuts the store off when the request is on its way.
func TestACompletionThatFails(t *testing.T) {
	declined := func(mock.Request) mock.Reply { return mock.Problem(402, "Declined", "") }
	for name, c := range map[string]struct {
		opts    mock.Options
		outcome retrysafe.Outcome
		status  int
	}{
		"leaves a success a success":   {mock.Options{}, retrysafe.Applied, 201},
		"makes a refusal unknown":      {mock.Options{Effect: declined}, retrysafe.Unknown, 402},
		"makes a not run unknown":      {mock.Options{Script: []mock.Fault{mock.TooManyRequests("3600")}}, retrysafe.Unknown, 429},
		"leaves a doubt a doubt":       {mock.Options{Script: []mock.Fault{mock.Unavailable("3600")}}, retrysafe.Unknown, 503},
		"leaves a lost answer applied": {mock.Options{Script: []mock.Fault{mock.CutBody(3).Times(5)}}, retrysafe.Applied, 201},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &c.opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				l := &line{}
				client := restart(func(o *retrysafe.Options) {
					o.Profile, o.Store = consistent, lined{s, l}
					inner := o.HTTPClient.Transport
					o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						l.set(true)
						return inner.RoundTrip(r)
					})}
				})
				begin := time.Now()
				res, err := do(client, "order-1")
				if retrysafe.OutcomeOf(err) != c.outcome || res == nil || res.Status != c.status {
					t.Errorf("%v %v, want %v with the server's %d", res, err, c.outcome, c.status)
				}
				if err != nil && !errors.Is(err, retrysafe.ErrStore) {
					t.Errorf("%v, want ErrStore", err)
				}
				if c.outcome == retrysafe.Applied && len(p.Requests()) != 1 {
					t.Errorf("%d requests: sent again although that it was applied is not written down", len(p.Requests()))
				}
				if took := time.Since(begin); took > 15*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestOnlyAStoreThatVouchesKnowsThatNobodySentBefore(t *testing.T) {
	opts := &mock.Options{PerKey: func(string) []mock.Fault { return []mock.Fault{mock.Answer(400, asJSON, `{}`).Times(9)} }}
	for name, c := range map[string]struct {
		capable store.Capabilities
		first   bool
		want    retrysafe.Outcome
	}{
		"memory":                      {store.NewMemory().Capabilities(), false, retrysafe.Unknown},
		"memory, and the caller says": {store.NewMemory().Capabilities(), true, retrysafe.NotApplied},
		"only this process":           {store.Capabilities{Durability: store.DurablePowerLoss}, false, retrysafe.Unknown},
		"commits may be lost":         {store.Capabilities{Durability: store.DurableCommit, Shared: true}, false, retrysafe.Unknown},
		"outlives a loss of power":    {store.Capabilities{Durability: store.DurablePowerLoss, Shared: true}, false, retrysafe.NotApplied},
		"replicated":                  {store.Capabilities{Durability: store.DurableReplicated, Shared: true}, false, retrysafe.NotApplied},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				client := restart(func(o *retrysafe.Options) { o.Store = claiming{s, c.capable} })
				_, err := createCharge.With(retrysafe.Call{First: c.first}).Do(context.Background(), client, "order-1", charge{})
				if e := asError(t, err); e.Outcome != c.want || e.ThisCall != retrysafe.NotApplied || e.Status != 400 {
					t.Errorf("%v, want %v", err, c.want)
				}
				if rec := recordOf(t, s, "order-1"); rec.Outcome() != c.want {
					t.Errorf("recorded as %v, told %v", rec.Outcome(), c.want)
				}
			})
		})
	}
}

// claiming is a store that says of itself what a test wants.
type claiming struct {
	durable
	capable store.Capabilities
}

func (c claiming) Capabilities() store.Capabilities { return c.capable }

func TestAppliedIsCommittedBeforeAnythingIsSentAgain(t *testing.T) {
	opts := &mock.Options{Script: []mock.Fault{mock.CutBody(3), mock.CutBody(3)}}
	storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		requests := 0
		client := restart(func(o *retrysafe.Options) {
			inner := o.HTTPClient.Transport
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if requests++; requests > 1 {
					rec := recordOf(t, s, "order-1")
					if rec.State != store.StateSucceeded || !rec.Partial {
						t.Errorf("at request %d the record is %v, partial %t", requests, rec.State, rec.Partial)
					}
					res, err := createCharge.Lookup(context.Background(), restart(), "order-1")
					if retrysafe.OutcomeOf(err) != retrysafe.Applied || !errors.Is(err, retrysafe.ErrAnswerLost) || res == nil || res.Status != 201 {
						t.Errorf("looked up at request %d: %v %v", requests, res, err)
					}
				}
				return inner.RoundTrip(r)
			})}
		})
		res, err := do(client, "order-1")
		if err != nil || requests != 3 || res.Value.Amount != 4200 {
			t.Fatalf("%v %v, %d requests", res, err, requests)
		}
		again, err := do(restart(), "order-1")
		if err != nil || again.Value != res.Value || !again.Recorded {
			t.Errorf("the answer that was won back: %v %v", again, err)
		}
		p.OneEffect(t, string(res.Key))
	})
}

func TestACrashAfterAppliedWasCommittedLeavesItApplied(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.CutBody(3)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{at: 3, kind: goneBefore} // claim, commit, and no more
		if _, err := do(restart(l.on(s)), "order-1"); err != nil {
			t.Errorf("%v, want the answer that was won back and could not be written down", err)
		}
		_, err := createCharge.Lookup(context.Background(), restart(), "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.Applied || !errors.Is(err, retrysafe.ErrAnswerLost) {
			t.Errorf("looked up: %v, want applied, answer lost", err)
		}
		_, err = do(restart(), "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.Applied || !errors.Is(err, retrysafe.ErrAnswerLost) {
			t.Errorf("called again: %v, want applied, answer lost", err)
		}
		p.OneKey(t, "")
		p.OneEffectEach(t)
	})
}

// storeSpy is a spyObserver of the store too.
type storeSpy struct {
	spyObserver
	mu    sync.Mutex // renewals are told on a goroutine of their own
	moves []retrysafe.StoreMove
}

func (s *storeSpy) StoreMoved(_ context.Context, m retrysafe.StoreMove) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves = append(s.moves, m)
}

func (s *storeSpy) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, m := range s.moves {
		words = append(words, strings.TrimSpace(m.Move+" "+m.Status))
	}
	return strings.Join(words, ", ")
}

func TestAnObserverSeesOneEndForEveryStartWithAStore(t *testing.T) {
	spy := &storeSpy{}
	check := func(t *testing.T, when string, starts int, recorded bool, moves string) {
		t.Helper()
		if spy.operations != starts || spy.operationEnds != starts {
			t.Errorf("%s: %d starts, %d ends; want %d", when, spy.operations, spy.operationEnds, starts)
		}
		if starts > 0 && spy.ends[starts-1].Recorded != recorded {
			t.Errorf("%s: recorded is %t", when, !recorded)
		}
		if got := spy.words(); got != moves {
			t.Errorf("%s: moves %q, want %q", when, got, moves)
		}
		spy.moves = nil
	}
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Pass(), mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		client := restart(once1, func(o *retrysafe.Options) { o.Observer, o.Store = spy, lined{s, l} })
		ctx := context.Background()
		do(client, "order-1")
		check(t, "a call", 1, false, "claim acquired, complete done")
		do(client, "order-1")
		check(t, "a recorded answer", 2, true, "claim settled")
		createCharge.Do(ctx, client, "order-1", charge{Amount: 1})
		if got := spy.words(); got != "claim mismatched" || spy.operationEnds != 3 || spy.ends[2].Outcome != retrysafe.Applied {
			t.Errorf("another request of that ID: %q, %d ends", got, spy.operationEnds)
		}
		spy.moves = nil
		do(client, "order-2")
		check(t, "a lost answer", 4, false, "claim acquired, complete done")
		time.Sleep(time.Minute)
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{})
		client.Resume(ctx, handler)
		check(t, "a pass", 5, false, "due, claim acquired, complete done, notice, notice, due, due")
		createCharge.Lookup(ctx, client, "order-2")
		check(t, "a look-up", 5, false, "get")
		createCharge.Enqueue(ctx, client, nil, "order-3", charge{})
		check(t, "enqueueing", 5, false, "begin created")
		createCharge.Cancel(ctx, client, "order-3")
		if !strings.Contains(spy.words(), "get") {
			t.Errorf("cancelling: %s", spy.words())
		}
		spy.moves = nil
		createCharge.Resume(ctx, client, "order-3")
		check(t, "resuming what was cancelled", 6, true, "claim settled")
		l.set(true)
		do(client, "order-4")
		check(t, "without a store", 7, false, "claim, claim")
		l.set(false)
		leader := make(chan error)
		go func() {
			_, err := do(restart(slowly(70*time.Second), func(o *retrysafe.Options) { o.Observer, o.Retry.AttemptTimeout = &storeSpy{}, time.Hour }), "order-5")
			leader <- err
		}()
		synctest.Wait()
		createCharge.With(retrysafe.Call{NoWait: true}).Do(ctx, client, "order-5", charge{Amount: 4200, Currency: "eur"})
		check(t, "in flight", 8, true, "claim held")
		<-leader
	})
}

func TestAnObserverHearsOfRenewals(t *testing.T) {
	spy := &storeSpy{}
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(slowly(25*time.Second), func(o *retrysafe.Options) { o.Observer = spy })
		if _, err := do(client, "order-1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // what is not held is not renewed
		if got := spy.words(); got != "claim acquired, renew, complete done" {
			t.Errorf("moves %q", got)
		}
		spy.mu.Lock()
		defer spy.mu.Unlock()
		if m := spy.moves[1]; m.Count != 1 || m.Err != nil || m.Operation != (retrysafe.Operation{}) {
			t.Errorf("renewal %+v", m)
		}
	})
}
