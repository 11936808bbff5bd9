package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestNoInformationFromATransportThatDoesNotTrace(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		fake := roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		})
		e := setup{url: "http://provider.invalid", key: key, transport: fake}.fail(t.Context(), t)
		want{retrysafe.NoInformation, 1, 0}.check(t, e, 0)
	})
}

func TestNoInformationFromATransportThatDropsTheContext(t *testing.T) {
	nothingLeft(t)
	o := startOrigin(t, func(c *served) { c.readRequest() })
	inner := plain()
	t.Cleanup(inner.CloseIdleConnections)
	dropping := roundTripper(func(req *http.Request) (*http.Response, error) {
		return inner.RoundTrip(req.Clone(context.Background()))
	})
	e := setup{origin: o, url: o.http(), transport: dropping}.fail(t.Context(), t)
	want{retrysafe.NoInformation, 1, 1}.check(t, e, o.count())
}

// traced is what otelhttp and the like are: a RoundTripper with a trace of its
// own that hands a changed copy of the request on.
func traced(inner http.RoundTripper, events *atomic.Int64) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GetConn: func(string) { events.Add(1) },
		})
		out := req.Clone(ctx)
		out.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		return inner.RoundTrip(out)
	})
}

func TestAWrapperThatPassesTheContextOnKeepsWhatIsKnown(t *testing.T) {
	closes := func(c *served) { c.readRequest() }
	t.Run("not sent", func(t *testing.T) {
		nothingLeft(t)
		var events atomic.Int64
		e := setup{url: "http://" + closedAddr(t), transport: traced(plain(), &events)}.fail(t.Context(), t)
		notSent.check(t, e, 0)
		if events.Load() != 1 {
			t.Errorf("the wrapper saw %d events, want 1", events.Load())
		}
	})
	t.Run("maybe sent", func(t *testing.T) {
		nothingLeft(t)
		var events atomic.Int64
		o := startOrigin(t, closes)
		e := setup{origin: o, url: o.http(), transport: traced(plain(), &events)}.fail(t.Context(), t)
		want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
	})
	t.Run("refused by protocol", func(t *testing.T) {
		nothingLeft(t)
		var events atomic.Int64
		o := startFramed(t, resets(7))
		inner := multiplexed()
		t.Cleanup(inner.CloseIdleConnections)
		e := setup{origin: o, url: o.https(), key: keyless, transport: traced(inner, &events)}.fail(t.Context(), t)
		refusedByProtocol.check(t, e, o.count())
	})
	t.Run("a hidden replay", func(t *testing.T) {
		nothingLeft(t)
		var events atomic.Int64
		o := startOrigin(t, stale(2, done))
		inner := plain()
		t.Cleanup(inner.CloseIdleConnections)
		client := setup{origin: o, url: o.http(), transport: traced(inner, &events)}.client(t)
		warm(t, client)
		res, err := pay.Do(t.Context(), client, "order-1", payment{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Attempts[0].Deliveries != 2 || events.Load() != 3 {
			t.Errorf("%d deliveries, the wrapper saw %d events", res.Attempts[0].Deliveries, events.Load())
		}
	})
}

// twice sends what failed once more, as a wrapper with a retry of its own does.
func twice(inner http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		for tries := 2; ; tries-- {
			out := req.Clone(req.Context())
			out.Body = io.NopCloser(strings.NewReader(string(body)))
			resp, err := inner.RoundTrip(out)
			if err == nil || tries == 1 {
				return resp, err
			}
		}
	})
}

// net/http repeats such a request only if nothing of it was written, but it is
// not net/http that repeats it here.
func TestAWrapperThatTriesAgainByItselfLeavesItsFirstTryInDoubt(t *testing.T) {
	nothingLeft(t)
	ctx, cancel := cancelled(t)
	o := startTLS(t, serverTLS(), func(c *served) { c.readRequest() })
	g := &gate{blocked: cancel, opened: make(chan struct{})}
	inner := trusting()
	inner.DialContext = g.dial
	var tries atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { g.shut.Store(tries.Add(1) == 2) },
	})
	client := setup{origin: o, url: o.https(), key: renamed, transport: twice(inner)}.client(t)
	e := failWith(ctx, t, client, payment{Long: aboveBuffer})
	want{retrysafe.MaybeSent, 2, 1}.check(t, e, o.count())
}

func TestAWrapperThatTriesAgainByItselfOverHTTP2LeavesItsFirstTryInDoubt(t *testing.T) {
	nothingLeft(t)
	o := startFramed(t, eachRequest(func(f *framed, stream uint32) {
		if stream == 1 {
			f.WriteRSTStream(stream, 2) // INTERNAL_ERROR: it may have been processed
			return
		}
		f.answer(stream, "400")
	}))
	inner := multiplexed()
	t.Cleanup(inner.CloseIdleConnections)
	e := setup{origin: o, url: o.https(), transport: twice(inner)}.fail(t.Context(), t)
	if e.Outcome != retrysafe.Unknown || e.Attempts[0].Deliveries != 2 || o.count() != 2 {
		t.Errorf("%v after %d deliveries, want unknown after 2", e.Outcome, e.Attempts[0].Deliveries)
	}
}

func TestTheCallersOwnTraceGetsItsEvents(t *testing.T) {
	nothingLeft(t)
	o := startOrigin(t, stale(9, done))
	var getConn, gotConn, wroteHeaders, wroteRequest, firstByte atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn:              func(string) { getConn.Add(1) },
		GotConn:              func(httptrace.GotConnInfo) { gotConn.Add(1) },
		WroteHeaders:         func() { wroteHeaders.Add(1) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { wroteRequest.Add(1) },
		GotFirstResponseByte: func() { firstByte.Add(1) },
	})
	client := setup{origin: o, url: o.http(), transport: plain()}.client(t)
	res, err := pay.Do(ctx, client, "order-1", payment{})
	if err != nil {
		t.Fatal(err)
	}
	for name, events := range map[string]*atomic.Int64{
		"GetConn": &getConn, "GotConn": &gotConn, "WroteHeaders": &wroteHeaders,
		"WroteRequest": &wroteRequest, "GotFirstResponseByte": &firstByte,
	} {
		if events.Load() != 1 {
			t.Errorf("%s was called %d times, want once", name, events.Load())
		}
	}
	if res.Attempts[0].Deliveries != 1 {
		t.Errorf("%d deliveries, want 1", res.Attempts[0].Deliveries)
	}
}
