package sdktest

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// Account is the one of every client here.
const Account = "acme/test"

// Call calls the SDK once, and returns the ID in its typed answer.
type Call func(ctx context.Context) (id string, err error)

// SDK is somebody else's SDK with the API that it is for.
type SDK struct {
	// Origin is the provider's, as the SDK has it, and Profile what it promises.
	Origin  string
	Profile retrysafe.Profile
	// Mock says how the provider behaves. Script is the cases' own.
	Mock  mock.Options
	Front func(http.Handler) http.Handler
	// Command and ID name the operation, and Made is the ID in the answer of the
	// first effect.
	Command, ID, Made string
	// Keyless says that the provider takes no key.
	Keyless bool
	// Nameless says that the SDK takes no context, so that there is no Report.
	Nameless bool
	// Durable gives the client a store.
	Durable bool
	// Transport are the options of its transport, and Trips how often the SDK
	// uses that in a call: once, unless it also asks for a token.
	Transport *retrysafe.TransportOptions
	Trips     int
	// Alone is the SDK as it comes, but for the connections, and Under the SDK
	// over a client's transport.
	Alone func(*http.Client) Call
	Under func(http.RoundTripper) Call
}

// Key is what is to be on the wire.
func (s *SDK) Key() string { return string(retrysafe.DeriveKey(Account, s.Command, s.ID)) }

// Start serves the provider with a script.
func (s *SDK) Start(t *testing.T, script ...mock.Fault) *Provider {
	t.Helper()
	opts := s.Mock
	opts.Script = script
	return Start(t, opts, s.Front)
}

// Options are a client's that reaches p, with waits as short as loopback.
func (s *SDK) Options(p *Provider, w *Watch, durable store.Store) *retrysafe.Options {
	o := &retrysafe.Options{
		Profile: s.Profile, Account: Account, HTTPClient: &http.Client{Transport: p.Inner}, Store: durable,
		Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: 5 * time.Millisecond, Cap: 20 * time.Millisecond}},
	}
	if w != nil {
		o.Observer = w
	}
	return o
}

// Client returns a client that reaches p.
func (s *SDK) Client(t *testing.T, p *Provider, w *Watch, durable store.Store) *retrysafe.Client {
	t.Helper()
	client, err := retrysafe.NewClient(s.Origin, s.Options(p, w, durable))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Over returns the client's transport for the SDK.
func (s *SDK) Over(t *testing.T, client *retrysafe.Client) http.RoundTripper {
	t.Helper()
	transport, err := retrysafe.NewTransport(client, s.Transport)
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

// counter counts how often an SDK uses its transport.
type counter struct {
	next http.RoundTripper
	n    atomic.Int32
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(req)
}

// Called is how one call under retrysafe went.
type Called struct {
	ID     string
	Err    error // what the SDK returned
	Report *retrysafe.Report
	End    retrysafe.OperationEnd
}

// Call calls the SDK once under retrysafe, as a new process does, and checks
// that the report and the observer tell the same.
func (s *SDK) Call(t *testing.T, p *Provider, durable store.Store) Called {
	t.Helper()
	w := &Watch{}
	before := len(p.Requests())
	trips := &counter{next: s.Over(t, s.Client(t, p, w, durable))}
	call := s.Under(trips)
	ctx, report := retrysafe.WithOperation(t.Context(), s.Command, s.ID)
	var got Called
	got.ID, got.Err = call(ctx)
	got.Report = report
	if ends := w.Ends(); len(ends) != 1 {
		t.Fatalf("%d operations ended, want one: %v", len(ends), ends)
	} else {
		got.End = ends[0]
	}
	if !s.Nameless && (report.Outcome() != got.End.Outcome || len(report.Attempts()) != got.End.Attempts || report.Key() != got.End.Key) {
		t.Errorf("the report is %v, and the observer was told %v", report, got.End)
	}
	if n := int(trips.n.Load()); n != max(s.Trips, 1) {
		t.Errorf("the SDK used the transport %d times in one call: it tries again by itself", n)
	}
	if sent := len(p.Requests()) - before; sent != w.Deliveries() {
		t.Errorf("%d requests arrived, and %d deliveries are known\n%s", sent, w.Deliveries(), timeline(p))
	}
	return got
}

func timeline(p *Provider) string {
	var all string
	for _, r := range p.Requests() {
		all += "  " + r.String() + "\n"
	}
	return all
}

// storeOf is s, or, for an SDK without a store, none.
func (s *SDK) storeOf(durable Store) store.Store {
	if !s.Durable {
		return nil
	}
	return durable
}
