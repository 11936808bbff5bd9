package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

func transportOf(t *testing.T, client *retrysafe.Client, to *retrysafe.TransportOptions) *http.Client {
	t.Helper()
	transport, err := retrysafe.NewTransport(client, to)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport}
}

// paid calls once, as a new process would.
//
//lint:ignore ST1008 the report is there whatever the error is
func paid(t *testing.T, client *retrysafe.Client, header ...string) (sdkAnswer, error, *retrysafe.Report) {
	t.Helper()
	ctx, report := retrysafe.WithOperation(context.Background(), "charges.create", "order-1")
	got, err := send(ctx, transportOf(t, client, nil), "POST", sdkURL, `{"amount":4200}`, header...)
	return got, err, report
}

var anyPay = retrysafe.Command[retrysafe.None, []byte]{Name: "charges.create", Path: "/v1/charges"}

func TestWithAStoreTheAnswerComesBackInAnotherProcess(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		first, err, _ := paid(t, restart())
		if err != nil {
			t.Fatal(err)
		}
		again, err, report := paid(t, restart(), "Authorization", "Bearer other", "X-Attempt", "2", "Idempotency-Key", "own")
		if err != nil || again.body != first.body || again.status != first.status || report.Err() != nil || len(report.Attempts()) != 0 {
			t.Errorf("%+v %v %v, want %+v", again, err, report.Err(), first)
		}
		if len(p.Requests()) != 1 {
			t.Errorf("%d requests, want 1", len(p.Requests()))
		}
		ctx, _ := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		_, err = send(ctx, transportOf(t, restart(), nil), "POST", sdkURL, `{"amount":1}`)
		if !errors.Is(err, retrysafe.ErrKeyReused) || !strings.Contains(err.Error(), "/amount") || asError(t, err).Outcome != retrysafe.Applied {
			t.Errorf("other body: %v", err)
		}
	})
}

func TestARecordedDeclineIsTheSDKsOwnErrorAgain(t *testing.T) {
	declined := mock.Answer(400, http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"session=secret"}}, `{"code":"declined"}`)
	storeBubble(t, &mock.Options{Script: []mock.Fault{declined}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		got, err, report := paid(t, restart())
		if err != nil || got.status != 400 || report.Outcome() != retrysafe.NotApplied {
			t.Fatalf("%+v %v %v", got, err, report.Err())
		}
		// It speaks for its delivery alone, so the application may ask again.
		got, err, report = paid(t, restart())
		if err != nil || got.status != 201 || report.Outcome() != retrysafe.Applied {
			t.Errorf("%+v %v %v", got, err, report.Err())
		}
		p.OneKey(t, "")
	})
}

func TestCredentialsAreSentEveryTimeAndNeverRecorded(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer().Times(2)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Header = http.Header{"X-Version": {"2026"}} })
		_, err, report := paid(t, client, "X-Api-Key", "sk_other", "Cookie", "sk_cookie", "X-Version", "2025", "Stripe-Account", "acct_1", "Accept-Encoding", "br")
		if err != nil || report.Err() != nil {
			t.Fatal(err, report.Err())
		}
		for _, r := range p.Requests() {
			if r.Header.Get("Authorization") != "Bearer sk_secret" || r.Header.Get("X-Api-Key") != "sk_other" || r.Header.Get("X-Version") != "2025" ||
				r.Header.Get("Stripe-Account") != "acct_1" || r.Header.Get("Accept-Encoding") != "" {
				t.Errorf("sent %v", r.Header)
			}
		}
		rec, err := s.Get(t.Context(), store.Name{Scope: "acme/test", Kind: "charges.create", ID: "order-1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"sk_", "Authorization", "Cookie", "X-Api-Key", string(report.Key())} {
			if all := fmt.Sprintf("%s %s", rec.Request, rec.Result); strings.Contains(all, secret) {
				t.Errorf("the record holds %q: %s", secret, all)
			}
		}
		for _, kept := range []string{"2025", "acct_1", "application/json"} {
			if !strings.Contains(string(rec.Request), kept) {
				t.Errorf("the record lacks %q: %s", kept, rec.Request)
			}
		}
	})
}

func TestWhatWasRecordedIsResumedOnlyWithCredentials(t *testing.T) {
	authorize := func(o *retrysafe.Options) {
		o.Authorize = func(r *http.Request) error { r.Header.Set("Authorization", "Bearer runner"); return nil }
	}
	once := func(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 }
	for name, c := range map[string]struct {
		authorize bool
		applied   int
	}{"with Authorize": {true, 1}, "without": {false, 0}} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				if _, _, report := paid(t, restart(once)); report.Outcome() != retrysafe.Unknown || !retrysafe.Retryable(report.Err()) {
					t.Fatal(report.Err())
				}
				runner := restart()
				if c.authorize {
					runner = restart(authorize)
				}
				for range 3 {
					time.Sleep(time.Hour)
					if _, err := runner.Resume(t.Context(), anyPay.Handle(retrysafe.Handlers[retrysafe.None, []byte]{})); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(p.Requests()); n != 1+c.applied {
					t.Fatalf("%d requests, want %d", n, 1+c.applied)
				}
				if !c.authorize {
					_, err := anyPay.Resume(t.Context(), runner, "order-1")
					if e := asError(t, err); e.Outcome != retrysafe.Unknown || !retrysafe.Retryable(err) || len(p.Requests()) != 1 {
						t.Errorf("resumed by name: %v", err)
					}
				}
				// The call is made again.
				got, err, report := paid(t, restart())
				if err != nil || got.status != 201 || report.Err() != nil || len(p.Requests()) != 2 {
					t.Errorf("%+v %v %v, %d requests", got, err, report.Err(), len(p.Requests()))
				}
				p.OneKey(t, "")
				p.OneEffectEach(t)
			})
		})
	}
}

func TestARunnerWaitsForTheCallOfAnotherOrigin(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		to := &retrysafe.TransportOptions{Origins: []string{"https://files.example.com"}}
		call := func(change ...func(*retrysafe.Options)) (sdkAnswer, *retrysafe.Report) {
			ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
			got, _ := send(ctx, transportOf(t, restart(change...), to), "POST", "https://files.example.com/v1/charges", `{"amount":4200}`)
			return got, report
		}
		call(func(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 })
		time.Sleep(time.Hour)
		runner := restart(func(o *retrysafe.Options) { o.Authorize = func(*http.Request) error { return nil } })
		if _, err := runner.Resume(t.Context(), anyPay.Handle(retrysafe.Handlers[retrysafe.None, []byte]{})); err != nil || len(p.Requests()) != 1 {
			t.Fatalf("%v, %d requests", err, len(p.Requests()))
		}
		got, report := call()
		if got.status != 201 || report.Err() != nil {
			t.Errorf("%+v %v", got, report.Err())
		}
		if _, err, _ := paid(t, restart()); !errors.Is(err, retrysafe.ErrKeyReused) {
			t.Errorf("the same path of its own origin: %v", err)
		}
	})
}

func TestARecordedStreamIsAppliedWithoutItsAnswer(t *testing.T) {
	stream := mock.Answer(200, http.Header{"Content-Type": {"text/event-stream"}}, "data: one\n\n")
	storeBubble(t, &mock.Options{Script: []mock.Fault{stream}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		got, err, report := paid(t, restart())
		if err != nil || got.body != "data: one\n\n" || report.Err() != nil {
			t.Fatalf("%+v %v %v", got, err, report.Err())
		}
		got, err, report = paid(t, restart())
		if report.Outcome() != retrysafe.Applied || !errors.Is(report.Err(), retrysafe.ErrAnswerLost) || len(p.Requests()) != 1 {
			t.Errorf("%v, %d requests", report.Err(), len(p.Requests()))
		}
		if err == nil && (got.body != "" || !errors.Is(got.cut, retrysafe.ErrAnswerLost)) {
			t.Errorf("the SDK sees %+v", got)
		}
	})
}

func TestALongRequestIsNeverSentFromItsRecord(t *testing.T) {
	long := strings.Repeat("x", 9<<20)
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		//lint:ignore ST1008 the report is there whatever the error is
		call := func(body string, change ...func(*retrysafe.Options)) (sdkAnswer, error, *retrysafe.Report) {
			ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
			got, err := send(ctx, transportOf(t, restart(change...), nil), "POST", sdkURL, body)
			return got, err, report
		}
		_, err, report := call(long, func(o *retrysafe.Options) { o.Retry.MaxAttempts = 1 })
		if err == nil || report.Outcome() != retrysafe.NotApplied {
			t.Fatalf("%v", report.Err())
		}
		if _, err, _ := call(long + "y"); !errors.Is(err, retrysafe.ErrKeyReused) {
			t.Errorf("another body: %v", err)
		}
		// Nothing ran, so it is sent again, with the bytes of the call.
		if got, err, _ := call(long); err != nil || got.status != 413 {
			t.Errorf("%d %v", got.status, err)
		}
		rec, err := s.Get(t.Context(), store.Name{Scope: "acme/test", Kind: "charges.create", ID: "order-1"})
		if err != nil || len(rec.Request) > 1000 {
			t.Errorf("%d bytes are recorded, %v", len(rec.Request), err)
		}
	})
}

func TestAKeyInTheBodyTakesThePlaceOfTheSDKs(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		square := func(o *retrysafe.Options) {
			o.Profile = retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/idempotency_key"}}
		}
		for i := range 2 {
			ctx, report := retrysafe.WithOperation(t.Context(), "payments.create", "order-1")
			body := fmt.Sprintf(`{"idempotency_key":"sdk-%d","amount":1}`, i)
			if _, err := send(ctx, transportOf(t, restart(square), nil), "POST", sdkURL, body); err != nil || report.Err() != nil {
				t.Fatal(err, report.Err())
			}
			want := fmt.Sprintf(`{"idempotency_key":%q,"amount":1}`, string(report.Key()))
			if got := string(p.Requests()[0].Body); got != want || len(p.Requests()) != 1 {
				t.Errorf("sent %s, want %s, once", got, want)
			}
		}
	})
}
