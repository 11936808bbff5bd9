package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// The three ways a key goes over the wire. net/http knows the first header's
// name and sends such a request again by itself; it does not know the second's.
var (
	keyed   = retrysafe.KeyRules{}
	renamed = retrysafe.KeyRules{Header: "Cko-Idempotency-Key"}
	keyless = retrysafe.KeyRules{Place: retrysafe.KeyNowhere}
)

var keyings = []struct {
	name string
	key  retrysafe.KeyRules
}{{"keyed", keyed}, {"keyed by another header", renamed}, {"keyless", keyless}}

// eachKeying runs a test with each of the three.
func eachKeying(t *testing.T, test func(*testing.T, retrysafe.KeyRules)) {
	for _, k := range keyings {
		t.Run(k.name, func(t *testing.T) { test(t, k.key) })
	}
}

type payment struct {
	Amount int    `json:"amount"`
	Note   string `json:"note,omitempty"`
	Long   string `header:"X-Long"`
}

type receipt struct {
	ID string `json:"id"`
}

var pay = retrysafe.Command[payment, receipt]{Name: "pay", Path: "/pay"}.With(retrysafe.Call{First: true})

// setup is a client to be.
type setup struct {
	url       string
	origin    *origin // whose connections must be released, nil if there is none
	transport http.RoundTripper
	key       retrysafe.KeyRules
	// timeout limits an attempt. Zero: the default, which no test waits for.
	timeout       time.Duration
	maxDeliveries int
	authorize     func(*http.Request) error
}

func (s setup) client(t *testing.T) *retrysafe.Client {
	t.Helper()
	client, err := retrysafe.NewClient(s.url, &retrysafe.Options{
		Profile:    retrysafe.Profile{Key: s.key},
		HTTPClient: &http.Client{Transport: s.transport},
		Authorize:  s.authorize,
		Retry: retrysafe.RetryPolicy{
			MaxAttempts: 1, AttemptTimeout: s.timeout, MaxDeliveries: s.maxDeliveries,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	if s.origin != nil {
		s.origin.clients = append(s.origin.clients, client)
	}
	return client
}

// fail makes one payment of one attempt, which must not succeed.
func (s setup) fail(ctx context.Context, t *testing.T) *retrysafe.Error {
	t.Helper()
	return failWith(ctx, t, s.client(t), payment{Amount: 1})
}

func failWith(ctx context.Context, t *testing.T, client *retrysafe.Client, p payment) *retrysafe.Error {
	t.Helper()
	_, err := pay.Do(ctx, client, "order-1", p)
	return asError(t, err)
}

func asError(t *testing.T, err error) *retrysafe.Error {
	t.Helper()
	var e *retrysafe.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *retrysafe.Error", err)
	}
	if len(e.Attempts) != 1 {
		t.Fatalf("%d attempts, want 1: %v", len(e.Attempts), e)
	}
	return e
}

// want is what must be known after a failure, and what the server must have
// been given.
type want struct {
	sent       retrysafe.Sent
	deliveries int
	atServer   int
}

// outcome is what a call has to say of the operation if it is the first and
// only one that was made.
func (w want) outcome() retrysafe.Outcome {
	if w.sent == retrysafe.NotSent || w.sent == retrysafe.RefusedByProtocol {
		return retrysafe.NotApplied
	}
	return retrysafe.Unknown
}

func (w want) check(t *testing.T, e *retrysafe.Error, requests int) {
	t.Helper()
	a := e.Attempts[0]
	t.Logf("%v; %v", e, a.Err)
	if a.Sent != w.sent || a.Deliveries != w.deliveries {
		t.Errorf("%v in %d deliveries, want %v in %d: %v", a.Sent, a.Deliveries, w.sent, w.deliveries, a.Err)
	}
	if e.Outcome != w.outcome() || e.ThisCall != w.outcome() {
		t.Errorf("outcome is %v (this call: %v), want %v", e.Outcome, e.ThisCall, w.outcome())
	}
	if requests != w.atServer {
		t.Errorf("server was given %d requests, want %d", requests, w.atServer)
	}
}

// nothingLeft fails a test that leaves goroutines behind. It comes first, so
// that it looks when clients and servers are closed.
func nothingLeft(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !eventually(func() bool { return runtime.NumGoroutine() <= before }) {
			stacks := make([]byte, 1<<20)
			t.Errorf("goroutines are left behind:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	})
}

// eventually polls for as long as anything can take on a busy machine.
func eventually(done func() bool) bool {
	for range 5000 {
		if done() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// plain is a transport as an application would make one, over HTTP/1.
func plain() *http.Transport { return &http.Transport{} }

// trusting is plain, and trusts the servers of these tests.
func trusting() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority().pool}}
}

// cancelled returns a context for a server to end.
func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
