package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

func recordOf(t *testing.T, s store.Store, id string) store.Record {
	t.Helper()
	rec, err := s.Get(context.Background(), store.Name{Scope: "acme/test", Kind: createCharge.Name, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// call is one call on a goroutine of its own.
type call struct {
	res  *retrysafe.Result[charged]
	err  error
	took time.Duration
	done chan struct{}
}

func calling(ctx context.Context, client *retrysafe.Client, with retrysafe.Call) *call {
	c := &call{done: make(chan struct{})}
	begin := time.Now()
	go func() {
		defer close(c.done)
		c.res, c.err = createCharge.With(with).Do(ctx, client, "order-1", charge{Amount: 4200, Currency: "eur"})
		c.took = time.Since(begin)
	}()
	return c
}

func (c *call) end() (*retrysafe.Result[charged], error) {
	<-c.done
	return c.res, c.err
}

// slowly lets every request take some time on its way.
func slowly(d time.Duration) func(*retrysafe.Options) {
	return func(o *retrysafe.Options) {
		inner := o.HTTPClient.Transport
		o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(d)
			return inner.RoundTrip(r)
		})}
	}
}

func once1(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 }

func TestEveryWaiterHasAContextOfItsOwn(t *testing.T) {
	storeBubble(t, &mock.Options{Delay: 10 * time.Second}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		clients := []*retrysafe.Client{restart(), restart()}
		leader := calling(context.Background(), clients[0], retrysafe.Call{})
		synctest.Wait()
		var waiters []*call
		var contexts []context.CancelCauseFunc
		reason := errors.New("the user went away")
		for i := range 100 {
			ctx, cancel := context.WithCancelCause(context.Background())
			contexts = append(contexts, cancel)
			waiters = append(waiters, calling(ctx, clients[i%2], retrysafe.Call{}))
		}
		time.Sleep(time.Second)
		for i := range 50 {
			contexts[i](reason)
		}
		for i, w := range waiters {
			_, err := w.end()
			switch {
			case i >= 50 && err != nil:
				t.Errorf("waiter %d: %v", i, err)
			case i < 50 && (!errors.Is(err, reason) || !errors.Is(err, context.Canceled) || w.took != time.Second):
				t.Errorf("waiter %d: after %v %v, want its own end at once", i, w.took, err)
			case i < 50 && (retrysafe.OutcomeOf(err) != retrysafe.Unknown || !retrysafe.Retryable(err)):
				t.Errorf("waiter %d: %v, want unknown and retryable", i, err)
			}
		}
		if _, err := leader.end(); err != nil || len(p.Requests()) != 1 {
			t.Errorf("leader: %v, %d requests", err, len(p.Requests()))
		}
		for _, cancel := range contexts {
			cancel(nil)
		}
	})
}

func TestWhenTheLeaderLeavesExactlyOneWaiterCarriesOn(t *testing.T) {
	storeBubble(t, &mock.Options{Delay: 4 * time.Second}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		often := func(o *retrysafe.Options) { o.Retry.MaxAttempts = 20 }
		clients := []*retrysafe.Client{restart(often, slowly(time.Second)), restart(often, slowly(time.Second))}
		ctx, cancel := context.WithCancel(context.Background())
		leader := calling(ctx, clients[0], retrysafe.Call{})
		synctest.Wait()
		var waiters []*call
		for i := range 99 {
			waiters = append(waiters, calling(context.Background(), clients[i%2], retrysafe.Call{}))
		}
		time.Sleep(2 * time.Second)
		cancel()
		if _, err := leader.end(); !errors.Is(err, context.Canceled) || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
			t.Errorf("leader: %v", err)
		}
		sent := 0
		for i, w := range waiters {
			res, err := w.end()
			if err != nil {
				t.Fatalf("waiter %d: %v", i, err)
			}
			if !res.Recorded {
				sent++
			}
		}
		if sent != 1 {
			t.Errorf("%d waiters sent, want one", sent)
		}
		p.OneKey(t, "")
		p.OneEffect(t, p.Keys()[0])
	})
}

func TestAWaiterOfAFailedLeaderGetsItsFailure(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(slowly(time.Second), once1)
		var calls []*call
		for range 50 {
			calls = append(calls, calling(context.Background(), client, retrysafe.Call{}))
		}
		for i, c := range calls {
			_, err := c.end()
			if retrysafe.OutcomeOf(err) != retrysafe.NotApplied || !retrysafe.Retryable(err) {
				t.Errorf("call %d: %v, want not applied", i, err)
			}
		}
		if n := len(p.Requests()); n != 1 {
			t.Fatalf("%d requests, want the leader's alone", n)
		}
		// Who asks after that does ask again.
		if _, err := do(client, "order-1"); err != nil {
			t.Error(err)
		}
	})
}

func TestNoWaitEndsAtOnce(t *testing.T) {
	storeBubble(t, &mock.Options{Delay: 10 * time.Second}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		leader := calling(context.Background(), client, retrysafe.Call{})
		synctest.Wait()
		c := calling(context.Background(), restart(), retrysafe.Call{NoWait: true})
		_, err := c.end()
		if e := asError(t, err); !errors.Is(err, retrysafe.ErrInFlight) || c.took != 0 || e.Outcome != retrysafe.Unknown || !retrysafe.Retryable(err) {
			t.Errorf("after %v: %v", c.took, err)
		}
		leader.end()
	})
}

func TestWaitersOfALeaderThatGaveUpDoNotHammer(t *testing.T) {
	opts := &mock.Options{PerKey: func(string) []mock.Fault { return []mock.Fault{mock.Unavailable("").Times(1000)} }}
	storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		clients := []*retrysafe.Client{restart(slowly(time.Second)), restart(slowly(time.Second))}
		var calls []*call
		for i := range 100 {
			calls = append(calls, calling(context.Background(), clients[i%2], retrysafe.Call{}))
		}
		for i, c := range calls {
			if _, err := c.end(); retrysafe.OutcomeOf(err) != retrysafe.Unknown || !errors.Is(err, retrysafe.ErrAttemptsExhausted) || asError(t, err).Status != 503 {
				t.Errorf("call %d: %v, want the leader's unknown", i, err)
			}
		}
		if n := len(p.Requests()); n != 5 {
			t.Errorf("%d requests, want the leader's 5", n)
		}
	})
}

func TestALeaseIsRenewedOverALongRetry(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Unavailable("").Times(10)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		patient := restart(func(o *retrysafe.Options) {
			o.Retry = retrysafe.RetryPolicy{MaxAttempts: 20, MaxElapsed: retrysafe.Unlimited,
				Backoff: retrysafe.Backoff{Base: time.Minute, Cap: time.Minute, Jitter: retrysafe.NoJitter}}
		})
		leader := calling(context.Background(), patient, retrysafe.Call{})
		for range 59 { // ten attempts, a minute apart
			time.Sleep(10 * time.Second)
			if _, err := calling(context.Background(), restart(), retrysafe.Call{NoWait: true}).end(); !errors.Is(err, retrysafe.ErrInFlight) {
				t.Fatalf("another client: %v, want in flight", err)
			}
			if report, err := restart().Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{})); err != nil || report.Resent != 0 {
				t.Fatalf("a runner: %+v %v", report, err)
			}
		}
		res, err := leader.end()
		if err != nil || len(res.Attempts) != 11 || len(p.Requests()) != 11 {
			t.Errorf("%v %v, %d requests", res, err, len(p.Requests()))
		}
		if rec := recordOf(t, s, "order-1"); rec.Claims != 1 {
			t.Errorf("%d claims, want one", rec.Claims)
		}
	})
}

func TestWithoutItsLeaseNoAttemptStartsAndARunningOneCounts(t *testing.T) {
	for name, c := range map[string]struct {
		opts     mock.Options
		applied  bool
		requests int
	}{
		"the running attempt's answer":  {mock.Options{Script: []mock.Fault{mock.StallAfterEffect(80 * time.Second)}}, true, 1},
		"no further attempt is started": {mock.Options{Script: []mock.Fault{mock.Unavailable("90")}}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &c.opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				l := &line{}
				client := restart(func(o *retrysafe.Options) {
					o.Store, o.Lease = lined{s, l}, 100*time.Second
					o.Retry.AttemptTimeout, o.Retry.MaxElapsed, o.Retry.MaxRetryAfter = 99*time.Second, time.Hour, time.Hour
				})
				first := calling(context.Background(), client, retrysafe.Call{})
				synctest.Wait()
				l.set(true)
				time.Sleep(79 * time.Second)
				if c.applied {
					l.set(false)
				}
				_, err := first.end()
				if (err == nil) != c.applied || len(p.Requests()) != c.requests {
					t.Errorf("%v, %d requests", err, len(p.Requests()))
				}
				if !c.applied && retrysafe.OutcomeOf(err) != retrysafe.Unknown {
					t.Errorf("%v, want unknown", err)
				}
			})
		})
	}
}

func TestWhoLostItsClaimStartsNoAttempt(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		first := calling(context.Background(), restart(func(o *retrysafe.Options) {
			o.Store = lined{s, l}
			o.Retry.MaxElapsed = retrysafe.Unlimited
			o.Retry.Backoff = retrysafe.Backoff{Base: 5 * time.Minute, Cap: 5 * time.Minute, Jitter: retrysafe.NoJitter}
		}), retrysafe.Call{})
		synctest.Wait()
		l.set(true)
		time.Sleep(2 * time.Minute)
		second := calling(context.Background(), restart(slowly(10*time.Minute), func(o *retrysafe.Options) {
			o.Retry.AttemptTimeout, o.Retry.MaxElapsed = time.Hour, time.Hour
		}), retrysafe.Call{})
		synctest.Wait()
		l.set(false) // it can ask again, and hears that it is not the holder
		if _, err := first.end(); retrysafe.OutcomeOf(err) != retrysafe.Unknown || !errors.Is(err, retrysafe.ErrInFlight) || len(p.Requests()) != 1 {
			t.Errorf("first: %v, %d requests; want none after it lost its claim", err, len(p.Requests()))
		}
		if _, err := second.end(); err != nil {
			t.Errorf("second: %v", err)
		}
	})
}

func TestASecondClientTakesOverALapsedLease(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		gone := restart(l.on(s), slowly(time.Second))
		first := calling(context.Background(), gone, retrysafe.Call{})
		synctest.Wait()
		l.set(true)
		time.Sleep(59 * time.Second)
		if _, err := calling(context.Background(), restart(), retrysafe.Call{NoWait: true}).end(); !errors.Is(err, retrysafe.ErrInFlight) {
			t.Errorf("before the lapse: %v", err)
		}
		second := calling(context.Background(), restart(), retrysafe.Call{})
		if _, err := second.end(); err != nil || second.took > 2*time.Second {
			t.Errorf("after the lapse: %v in %v", err, second.took)
		}
		first.end()
		p.OneEffectEach(t)
	})
}

func TestALateSuccessSettlesTheRecord(t *testing.T) {
	// The first delivery takes effect, and its answer comes when another client
	// has taken over, and got no answer.
	opts := &mock.Options{Script: []mock.Fault{mock.Pass(), mock.ResetBeforeEffect()}}
	storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		slow := restart(func(o *retrysafe.Options) {
			o.Store = lined{s, l}
			inner := o.HTTPClient.Transport
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := inner.RoundTrip(r)
				time.Sleep(5 * time.Minute) // whatever its context says
				return resp, err
			})}
		})
		first := calling(context.Background(), slow, retrysafe.Call{})
		synctest.Wait()
		l.set(true)
		time.Sleep(2 * time.Minute)
		_, second := do(restart(once1), "order-1")
		if retrysafe.OutcomeOf(second) != retrysafe.Unknown {
			t.Fatalf("second: %v", second)
		}
		l.set(false)
		if _, err := first.end(); err != nil {
			t.Errorf("first: %v, want its success", err)
		}
		res, err := do(restart(), "order-1")
		if err != nil || !res.Recorded {
			t.Errorf("later: %v %v, want the recorded success", res, err)
		}
		if rec := recordOf(t, s, "order-1"); rec.State != store.StateSucceeded || rec.Conflicts != 0 {
			t.Errorf("record %v with %d conflicts", rec.State, rec.Conflicts)
		}
		p.OneEffectEach(t)
	})
}

func TestALateRefusalIsWhatTheRecordSays(t *testing.T) {
	// The first one's 400 speaks for its delivery alone; meanwhile the second
	// one's took effect.
	bad := mock.Answer(400, http.Header{"Content-Type": {"application/json"}}, `{}`)
	storeBubble(t, &mock.Options{Script: []mock.Fault{bad}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		slow := restart(func(o *retrysafe.Options) {
			o.Store = lined{s, l}
			inner := o.HTTPClient.Transport
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := inner.RoundTrip(r)
				time.Sleep(5 * time.Minute)
				return resp, err
			})}
		})
		first := calling(context.Background(), slow, retrysafe.Call{})
		synctest.Wait()
		l.set(true)
		time.Sleep(2 * time.Minute)
		if _, err := do(restart(once1), "order-1"); err != nil {
			t.Fatal(err)
		}
		l.set(false)
		if _, err := first.end(); retrysafe.OutcomeOf(err) != retrysafe.Applied {
			t.Errorf("first: %v, want what the record says: applied", err)
		}
		p.OneEffectEach(t)
	})
}

func TestALateRefusalWhileTheOtherIsAtWorkIsUnknown(t *testing.T) {
	bad := mock.Answer(400, http.Header{"Content-Type": {"application/json"}}, `{}`)
	storeBubble(t, &mock.Options{Script: []mock.Fault{bad}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		slow := restart(func(o *retrysafe.Options) {
			o.Store = lined{s, l}
			inner := o.HTTPClient.Transport
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := inner.RoundTrip(r)
				time.Sleep(130 * time.Second)
				return resp, err
			})}
		})
		first := calling(context.Background(), slow, retrysafe.Call{})
		synctest.Wait()
		l.set(true)
		time.Sleep(2 * time.Minute)
		second := calling(context.Background(), restart(slowly(time.Minute), func(o *retrysafe.Options) { o.Retry.AttemptTimeout = 2 * time.Minute }), retrysafe.Call{})
		synctest.Wait()
		l.set(false)
		if _, err := first.end(); retrysafe.OutcomeOf(err) != retrysafe.Unknown || !errors.Is(err, retrysafe.ErrInFlight) {
			t.Errorf("first: %v, want unknown, in flight", err)
		}
		if _, err := second.end(); err != nil {
			t.Errorf("second: %v", err)
		}
	})
}

func TestWaitersGiveUpAtTheirElapsedLimit(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		leader := calling(context.Background(), restart(slowly(20*time.Second)), retrysafe.Call{})
		synctest.Wait()
		waiter := calling(context.Background(), restart(func(o *retrysafe.Options) { o.Retry.MaxElapsed = 5 * time.Second }), retrysafe.Call{})
		_, err := waiter.end()
		if !errors.Is(err, retrysafe.ErrNoTimeLeft) || !errors.Is(err, retrysafe.ErrInFlight) || waiter.took != 5*time.Second || !retrysafe.Retryable(err) {
			t.Errorf("after %v: %v", waiter.took, err)
		}
		leader.end()
	})
}

// TestHundredsOfOperationsAtOnceAreEachSentOnce is for the race detector.
func TestHundredsOfOperationsAtOnceAreEachSentOnce(t *testing.T) {
	storeBubble(t, &mock.Options{Delay: time.Second}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		clients := []*retrysafe.Client{restart(), restart()}
		var calls sync.WaitGroup
		for i := range 400 {
			calls.Add(1)
			go func() {
				defer calls.Done()
				if _, err := do(clients[i%2], "order-"+string(rune('a'+i/20))); err != nil {
					t.Error(err)
				}
			}()
		}
		calls.Wait()
		if n := len(p.Requests()); n != 20 {
			t.Errorf("%d requests for 20 operations", n)
		}
		p.OneEffectEach(t)
	})
}
