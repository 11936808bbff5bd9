package wire_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// stale answers the first request of a connection, reads the second in
// full and closes: it died while it was kept alive. Connections from the given
// number on say then to everything.
func stale(from int, then string) func(*served) {
	return func(c *served) {
		if c.number >= from {
			for c.readRequest() {
				c.say(then)
			}
			return
		}
		if c.readRequest() {
			c.say(done)
			c.readRequest()
		}
	}
}

// warm makes a call that leaves a connection kept alive.
func warm(t *testing.T, client *retrysafe.Client) {
	t.Helper()
	if _, err := pay.Do(t.Context(), client, "order-0", payment{}); err != nil {
		t.Fatal(err)
	}
}

func TestAStaleConnectionIsSentToTwiceInOneAttemptWithTheKnownHeader(t *testing.T) {
	nothingLeft(t)
	o := startOrigin(t, stale(2, done))
	client := setup{origin: o, url: o.http(), transport: plain()}.client(t)
	warm(t, client)
	res, err := pay.Do(t.Context(), client, "order-1", payment{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Attempts) != 1 || res.Attempts[0].Deliveries != 2 || o.count() != 1+2 {
		t.Errorf("attempts %+v; server was given %d, want 2", res.Attempts, o.count()-1)
	}
}

func TestAStaleConnectionIsSentToOnceWithoutTheKnownHeader(t *testing.T) {
	for name, s := range map[string]setup{
		"keyless": {key: keyless}, "keyed by another header": {key: renamed}, "keyed, one delivery is allowed": {maxDeliveries: 1},
	} {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			o := startOrigin(t, stale(2, done))
			s.origin, s.url, s.transport = o, o.http(), plain()
			client := s.client(t)
			warm(t, client)
			e := failWith(t.Context(), t, client, payment{})
			want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count()-1)
		})
	}
}

func TestAStaleConnectionIsSentToOnceWithoutABody(t *testing.T) {
	nothingLeft(t)
	o := startOrigin(t, stale(2, done))
	client := setup{origin: o, url: o.http(), key: keyless, transport: plain()}.client(t)
	warm(t, client)
	_, err := payNothing.Do(t.Context(), client, "order-1", retrysafe.None{})
	want{retrysafe.MaybeSent, 1, 1}.check(t, asError(t, err), o.count()-1)
}

// The replay was refused, but what it repeats may have been carried out.
func TestAHiddenReplayThatIsRefusedStaysInDoubt(t *testing.T) {
	nothingLeft(t)
	o := startOrigin(t, stale(2, refused))
	client := setup{origin: o, url: o.http(), transport: plain()}.client(t)
	warm(t, client)
	e := failWith(t.Context(), t, client, payment{})
	if e.Outcome != retrysafe.Unknown || e.ThisCall != retrysafe.Unknown || e.Status != 400 {
		t.Errorf("%v (this call: %v) with status %d, want unknown with 400", e.Outcome, e.ThisCall, e.Status)
	}
	if e.Attempts[0].Deliveries != 2 || o.count() != 1+2 {
		t.Errorf("%d deliveries, server was given %d, want 2", e.Attempts[0].Deliveries, o.count()-1)
	}
}

// The replay was not sent, but what it repeats may have been carried out.
func TestAHiddenReplayThatCannotConnectStaysInDoubt(t *testing.T) {
	nothingLeft(t)
	var o *origin
	var once sync.Once
	o = startOrigin(t, func(c *served) {
		c.readRequest()
		c.say(done)
		c.readRequest()
		once.Do(func() { o.listener.Close() })
	})
	client := setup{origin: o, url: o.http(), transport: plain()}.client(t)
	warm(t, client)
	e := failWith(t.Context(), t, client, payment{})
	want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count()-1)
}

// deaf is a context that does not end.
type deaf struct{ context.Context }

func (deaf) Done() <-chan struct{} { return nil }
func (deaf) Err() error            { return nil }

// Over HTTP/1 net/http does not look at the context before it writes. Here it
// could not even learn that the context has ended, and yet writes nothing.
func TestADeliveryAboveTheLimitIsNotWritten(t *testing.T) {
	nothingLeft(t)
	inner := trusting()
	t.Cleanup(inner.CloseIdleConnections)
	storm(t, true, inner, roundTripper(func(req *http.Request) (*http.Response, error) {
		return inner.RoundTrip(req.WithContext(deaf{req.Context()}))
	}))
}

func TestStaleConnectionsAreSentToNoMoreThanTheLimit(t *testing.T) {
	for name, overTLS := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			for range 10 {
				transport := trusting()
				storm(t, overTLS, transport, transport)
			}
		})
	}
}

// storm makes a call while several kept-alive connections are stale.
func storm(t *testing.T, overTLS bool, pool *http.Transport, transport http.RoundTripper) {
	t.Helper()
	const connections = 4
	pool.MaxIdleConnsPerHost = connections
	var all sync.WaitGroup
	all.Add(connections)
	handle := func(c *served) {
		if !c.readRequest() {
			return
		}
		if c.number <= connections {
			all.Done()
			all.Wait() // so that each call has a connection of its own
			c.say(done)
			c.readRequest()
		}
	}
	var config *tls.Config
	url := (*origin).http
	if overTLS {
		config, url = serverTLS(), (*origin).https
	}
	o := startTLS(t, config, handle)
	client := setup{origin: o, url: url(o), transport: transport}.client(t)
	var calls sync.WaitGroup
	for range connections {
		calls.Go(func() { warm(t, client) })
	}
	calls.Wait()
	e := failWith(t.Context(), t, client, payment{})
	// What was written late would still arrive before the connections are closed.
	pool.CloseIdleConnections()
	o.close(t)
	want{retrysafe.MaybeSent, 2, 2}.check(t, e, o.count()-connections)
}
