package sdks_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// sdk is how one of them is used.
type sdk struct {
	profile retrysafe.Profile
	dialect mock.Dialect
	// origin is what the SDK believes to be the provider's; empty: it is told.
	origin string
	effect func(mock.Request) mock.Reply
	// call makes one call with the SDK's own retries switched off; plain, with
	// its own settings.
	call  func(ctx context.Context, client *http.Client, url string) error
	plain func(ctx context.Context, client *http.Client, url string) error
	// fails and declined are answers in the provider's own form.
	fails    func(status int) mock.Fault
	conflict mock.Fault
	declined mock.Fault
	// isDeclined recognises the SDK's own typed error.
	isDeclined func(error) bool
	// named is set for an SDK that takes no context.
	named func(*http.Request) (command, id string)
}

// vouching is Memory as a store would be that outlives everything.
type vouching struct{ *store.Memory }

func (vouching) Capabilities() store.Capabilities {
	return store.Capabilities{Durability: store.DurablePowerLoss, Shared: true}
}

// rerouted sends what is meant for an SDK's fixed origin to the mock.
type rerouted struct{ to *mock.Provider }

func (r rerouted) RoundTrip(req *http.Request) (*http.Response, error) {
	same := req.Clone(req.Context())
	same.URL.Scheme, same.URL.Host = "http", r.to.URL()[len("http://"):]
	return http.DefaultTransport.RoundTrip(same)
}

func (s *sdk) start(t *testing.T, script ...mock.Fault) (*mock.Provider, *http.Client, string) {
	t.Helper()
	p := mock.StartProvider(t, &mock.Options{Dialect: s.dialect, Effect: s.effect, Script: script})
	url, options := p.URL(), retrysafe.Options{
		Account: "acme/test", Profile: s.profile, Store: vouching{store.NewMemory()},
		Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}},
	}
	if s.origin != "" {
		url, options.HTTPClient = s.origin, &http.Client{Transport: rerouted{p}}
	}
	client, err := retrysafe.NewClient(url, &options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	// The one line: the SDK's http.Client gets a transport.
	transport, err := retrysafe.NewTransport(client, &retrysafe.TransportOptions{Name: s.named})
	if err != nil {
		t.Fatal(err)
	}
	return p, &http.Client{Transport: transport, Timeout: 20 * time.Second}, url
}

// deliveries counts what net/http put on the wire: on a connection that was used
// before, it sends a request with an Idempotency-Key again by itself.
func deliveries(report *retrysafe.Report) (n int) {
	for _, a := range report.Attempts() {
		n += a.Deliveries
	}
	return n
}

func json(status int, body string) mock.Fault {
	return mock.Answer(status, http.Header{"Content-Type": {"application/json"}}, body)
}

// proves runs what holds under every SDK.
func (s *sdk) proves(t *testing.T) {
	for name, script := range map[string][]mock.Fault{
		"500 as JSON": {s.fails(500)}, "503 as JSON": {s.fails(503)}, "409 in flight": {s.conflict},
		"lost answer": {mock.LoseAnswer()}, "reset": {mock.ResetAfterEffect()}, "cut body": {mock.CutBody(5)},
		"all of them": {s.fails(503), mock.LoseAnswer(), s.conflict, mock.CutBody(7)},
	} {
		t.Run(name+" ends in one effect", func(t *testing.T) {
			p, client, url := s.start(t, script...)
			ctx, report := retrysafe.WithOperation(t.Context(), "pay", "order-1234")
			if err := s.call(ctx, client, url); err != nil {
				t.Errorf("the SDK says %v", err)
			}
			key := string(retrysafe.DeriveKey("acme/test", "pay", "order-1234"))
			p.OneEffect(t, key)
			p.Attempts(t, key, len(script)+1)
			if s.named != nil {
				return // There is no context, so there is no report.
			}
			if report.Err() != nil || string(report.Key()) != key || deliveries(report) != len(script)+1 {
				t.Errorf("the report says %v after %d deliveries", report.Err(), deliveries(report))
			}
		})
	}
	t.Run("a decline is the SDK's own error", func(t *testing.T) {
		p, client, url := s.start(t, s.declined)
		ctx, report := retrysafe.WithOperation(t.Context(), "pay", "order-1234")
		if err := s.call(ctx, client, url); !s.isDeclined(err) {
			t.Errorf("the SDK says %T %v", err, err)
		}
		if s.named == nil && (report.Outcome() != retrysafe.NotApplied || !errors.Is(report.Err(), retrysafe.ErrRefused)) {
			t.Errorf("the report says %v", report.Err())
		}
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
	t.Run("what is out for good is tried five times and no more", func(t *testing.T) {
		p, client, url := s.start(t, s.fails(503).Times(5))
		ctx, report := retrysafe.WithOperation(t.Context(), "pay", "order-1234")
		if err := s.call(ctx, client, url); err == nil {
			t.Error("the SDK says that it worked")
		}
		if n := len(p.Requests()); n != 5 || s.named == nil && report.Outcome() != retrysafe.Unknown {
			t.Errorf("%d requests, %v", n, report.Err())
		}
	})
	t.Run("alone it gives up or doubles", func(t *testing.T) {
		p := mock.StartProvider(t, &mock.Options{Dialect: s.dialect, Effect: s.effect, Script: []mock.Fault{s.fails(500), mock.FailAfterEffect(503), mock.CutBody(5)}})
		client, url := &http.Client{Timeout: 10 * time.Second}, p.URL()
		if s.origin != "" {
			url, client.Transport = s.origin, rerouted{p}
		}
		worked := 0
		for range 3 {
			if s.plain(context.Background(), client, url) == nil {
				worked++
			}
		}
		if worked == 3 && p.Effects("") <= 3 && len(p.Keys()) <= 3 {
			t.Errorf("alone it made all three calls work")
		}
	})
}
