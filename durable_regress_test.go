package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

func nameOf(id string) store.Name {
	return store.Name{Scope: "acme/test", Kind: createCharge.Name, ID: id}
}

func TestRetryableIsFalseOnceNoCallMayCarryOnAnyMore(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Profile, o.Retry.MaxAttempts = retrysafe.Profile{}, 1 })
		do(client, "order-1")
		time.Sleep(10 * time.Minute) // MaxElapsed is over
		_, err := do(client, "order-1")
		if len(p.Requests()) != 1 {
			t.Fatal("sent again")
		}
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		t.Logf("%v: resend %t window %v", err, rec.Resend, rec.Window)
		if retrysafe.Retryable(err) {
			t.Errorf("%v: retryable, but no later call will send it", err)
		}
	})
}

func TestLookingForAnOperationIsNoDeliveryOfIt(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.ResetBeforeEffect()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.Profile = retrysafe.Profile{Window: time.Hour, LongestExecution: 30 * time.Minute, Consistent: true}
			o.Retry.MaxAttempts = 1
		})
		do(client, "order-1")
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Reconcile: func(context.Context, *retrysafe.Client, retrysafe.Operation, charge) (retrysafe.Finding[charged], error) {
				return retrysafe.NotFound[charged](), nil
			},
		})
		time.Sleep(61 * time.Minute)
		for range 48 * 60 {
			if _, err := client.Resume(context.Background(), handler); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		if rec.State != store.StateFailed {
			t.Errorf("%v two days after the only delivery, of which a consistent provider knows nothing", rec.State)
		}
	})
}

func TestNotFoundAtTheFirstAskingButTooEarly(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			o.Profile = retrysafe.Profile{Window: time.Hour, LongestExecution: 30 * time.Minute, Consistent: true}
		})
		do(client, "order-1")
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Reconcile: func(context.Context, *retrysafe.Client, retrysafe.Operation, charge) (retrysafe.Finding[charged], error) {
				return retrysafe.NotFound[charged](), nil
			},
		})
		for range 48 * 60 {
			time.Sleep(time.Minute)
			if _, err := client.Resume(context.Background(), handler); err != nil {
				t.Fatal(err)
			}
		}
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		if rec.State != store.StateFailed {
			t.Errorf("%v two days after the only delivery, of which a consistent provider knows nothing (last held %v)", rec.State, rec.LastHeld)
		}
	})
}

func TestOnePassAsksOnceOfEachOperation(t *testing.T) {
	const operations = 200
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer().Times(operations)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 })
		for i := range operations {
			do(client, fmt.Sprint("order-", i))
		}
		time.Sleep(25 * time.Hour)
		asked := map[string]int{}
		client = restart(func(o *retrysafe.Options) { o.Resume.Parallel = 1 })
		client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Reconcile: func(_ context.Context, _ *retrysafe.Client, op retrysafe.Operation, _ charge) (retrysafe.Finding[charged], error) {
				asked[op.ID]++
				return retrysafe.CannotTell[charged](), nil
			},
		}))
		most := 0
		for _, n := range asked {
			most = max(most, n)
		}
		if len(asked) != operations || most != 1 {
			t.Errorf("%d operations asked about, one of them %d times, in one pass", len(asked), most)
		}
	})
}

func TestOnePassSendsWhatIsPendingOnce(t *testing.T) {
	const operations = 200
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse().Times(1000000)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Retry.MaxAttempts, o.Retry.Budget = 1, plenty() })
		for i := range operations {
			createCharge.Enqueue(context.Background(), client, nil, fmt.Sprint("order-", i), charge{})
		}
		report, _ := client.Resume(context.Background(), createCharge.Handle(retrysafe.Handlers[charge, charged]{}))
		if report.Resent != operations {
			t.Errorf("%+v, want each of %d once", report, operations)
		}
	})
}

func TestTheKeyOfARecordedAnswerIsThatWhichWasSent(t *testing.T) {
	declined := mock.Answer(402, http.Header{"Content-Type": {"application/json"}}, `{}`)
	storeBubble(t, &mock.Options{Script: []mock.Fault{declined}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Profile = consistent })
		do(client, "order-1")
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		if _, err := s.Reopen(context.Background(), store.Reopening{Name: rec.Name, Fence: rec.Fence, Actor: "ann", Evidence: "card is valid"}); err != nil {
			t.Fatal(err)
		}
		key, err := createCharge.Enqueue(context.Background(), client, nil, "order-1", charge{Amount: 4200, Currency: "eur"})
		first, err2 := do(client, "order-1")
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if key != first.Key {
			t.Errorf("Enqueue returned %s, on the wire was %s", string(key), string(first.Key))
		}
		again, err := do(client, "order-1")
		if err != nil || again.Key != first.Key {
			t.Errorf("recorded: key %s, want %s", string(again.Key), string(first.Key))
		}
		p.OneEffect(t, string(first.Key))
	})
}

func TestRecordedBytesAreSentAlsoWhenTheAnswerToTheClaimIsLost(t *testing.T) {
	pay := createCharge
	pay.Identity = func(c charge) []any { return []any{c.Amount} }
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Store = lined{s, &line{at: 1, kind: failAfter}} })
		if _, err := pay.Enqueue(context.Background(), restart(), nil, "order-1", charge{Amount: 4200, Currency: "eur"}); err != nil {
			t.Fatal(err)
		}
		if _, err := pay.Do(context.Background(), client, "order-1", charge{Amount: 4200, Currency: "EUR"}); err != nil {
			t.Fatal(err)
		}
		if body := string(p.Requests()[0].Body); !strings.Contains(body, `"eur"`) {
			t.Errorf("sent %s, and %s is recorded", body, `"eur"`)
		}
	})
}

func TestAnAnswerThatNoCallCanWinBackIsNotRetryable(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.CutBody(3).Times(2)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Retry.MaxAttempts = 2 })
		_, first := do(client, "order-1")
		if retrysafe.OutcomeOf(first) != retrysafe.Applied || !errors.Is(first, retrysafe.ErrAnswerLost) {
			t.Fatal(first)
		}
		_, again := do(client, "order-1")
		if retrysafe.Retryable(first) && again != nil && len(p.Requests()) == 2 {
			t.Errorf("retryable (%v), but calling again only says: %v", first, again)
		}
	})
}

func TestWhoSentNothingContradictsNobody(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		l := &line{}
		slow := restart(func(o *retrysafe.Options) {
			o.Store = lined{s, l}
			o.Retry.MaxElapsed = retrysafe.Unlimited
			o.Retry.Backoff = retrysafe.Backoff{Base: 5 * time.Minute, Cap: 5 * time.Minute, Jitter: retrysafe.NoJitter}
		})
		ended := make(chan error)
		go func() {
			_, err := do(slow, "order-1") // not sent, and it waits for five minutes
			ended <- err
		}()
		synctest.Wait()
		l.set(true) // it cannot renew
		time.Sleep(2 * time.Minute)
		if _, err := do(restart(), "order-1"); err != nil {
			t.Fatal(err)
		}
		l.set(false)
		err := <-ended
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		if rec.Conflicts != 0 {
			t.Errorf("%d conflicts: the first one sent nothing, which contradicts nobody; it was told %v", rec.Conflicts, err)
		}
		if _, err := do(restart(), "order-1"); err != nil {
			t.Errorf("a later call is told %v, want the recorded answer", err)
		}
	})
}

func TestAStoreThatHangsDoesNotHoldACallForEver(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Store = hanging{s} })
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		begin := time.Now()
		_, err := createCharge.Do(ctx, client, "order-1", charge{})
		if took := time.Since(begin); took > 3*time.Minute {
			t.Errorf("took %v of virtual time (%v), want MaxElapsed at most", took, err)
		}
	})
}

type hanging struct{ durable }

func (hanging) Claim(ctx context.Context, _ store.Claim) (store.Grant, error) {
	<-ctx.Done()
	return store.Grant{}, ctx.Err()
}

func TestWhatCannotBeReadIsAskedAbout(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		intent := store.Intent{Name: nameOf("order-1"), Owner: "acme/test", OnLapse: store.LapseResume, Window: time.Hour, Request: []byte(`{"v":99}`)}
		if _, err := s.Begin(context.Background(), intent); err != nil {
			t.Fatal(err)
		}
		asked := 0
		handler := createCharge.Handle(retrysafe.Handlers[charge, charged]{
			Reconcile: func(_ context.Context, _ *retrysafe.Client, op retrysafe.Operation, _ charge) (retrysafe.Finding[charged], error) {
				asked++
				if !op.RequestLost {
					t.Error("request is not lost")
				}
				return retrysafe.CannotTell[charged](), nil
			},
		})
		for range 30 {
			client.Resume(context.Background(), handler)
			time.Sleep(time.Hour)
		}
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		if asked == 0 {
			t.Errorf("never asked about; the record is %v resend %t passes %d", rec.State, rec.Resend, rec.Passes)
		}
	})
}

func TestALeaderWhoseOwnDeadlineIsTooShortDoesNotEndTheOthers(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Unavailable("5")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) {
			inner := o.HTTPClient.Transport
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second)
				return inner.RoundTrip(r)
			})}
		})
		leader := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			time.Sleep(time.Millisecond)
			_, err := createCharge.Do(ctx, client, "order-1", charge{Amount: 4200, Currency: "eur"})
			leader <- err
		}()
		time.Sleep(2 * time.Millisecond)
		_, err := do(client, "order-1")
		t.Logf("leader: %v", <-leader)
		if err != nil {
			t.Errorf("who had two minutes: %v", err)
		}
	})
}

func TestAnObserverIsToldRecordedAsTheErrorIs(t *testing.T) {
	spy := &storeSpy{}
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Observer = spy })
		do(client, "order-1")
		_, err := createCharge.Do(context.Background(), client, "order-1", charge{Amount: 1})
		if spy.ends[1].Recorded != asError(t, err).Recorded {
			t.Errorf("observer: %t, error: %t", spy.ends[1].Recorded, asError(t, err).Recorded)
		}
	})
}

// moveTexts keeps what may be printed of store moves.
type moveTexts struct {
	spyObserver
	text string
}

func (m *moveTexts) StoreMoved(_ context.Context, e retrysafe.StoreMove) {
	b, _ := e.MarshalJSON()
	m.text += fmt.Sprint(e, string(b))
}

func TestAStoreMoveDoesNotShowTheKey(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		key, _ := createCharge.Key(restart(), "order-1")
		seen := &moveTexts{}
		do(restart(func(o *retrysafe.Options) { o.Observer, o.Store = seen, talkative{s, string(key)} }), "order-1")
		if strings.Contains(seen.text, string(key)) {
			t.Errorf("a store move prints the key: %s", seen.text)
		}
	})
}

func TestWithoutAnAttemptsTimeoutTheLeaseLimitsIt(t *testing.T) {
	for _, elapsed := range []time.Duration{0, retrysafe.Unlimited} {
		synctest.Test(t, func(t *testing.T) {
			d := &down{takes: 29 * time.Second, up: true}
			client := wireClient(t, d, retrysafe.Options{
				Retry: retrysafe.RetryPolicy{AttemptTimeout: retrysafe.Unlimited, MaxElapsed: elapsed}, Store: durable{store.NewMemory()}, Account: "acme/test",
			})
			if _, err := createCharge.Do(t.Context(), client, "order-1", charge{}); err != nil {
				t.Errorf("an attempt of 29 s: %v", err)
			}
			d.takes = 31 * time.Second
			if _, err := createCharge.Do(t.Context(), client, "order-2", charge{}); !errors.Is(err, retrysafe.ErrAttemptTimeout) {
				t.Errorf("%v, want an attempt to end at half of the lease", err)
			}
		})
	}
}
