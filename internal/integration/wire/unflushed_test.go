package wire_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"github.com/retrysafe/retrysafe"
)

// gate holds back what is written to connections while it is shut, until it is
// opened or the connection is closed.
type gate struct {
	shut    atomic.Bool
	blocked func()
	opened  chan struct{}
}

type gated struct {
	net.Conn
	gate   *gate
	closed context.Context
	close  context.CancelFunc
}

func (c *gated) Write(p []byte) (int, error) {
	if c.gate.shut.Load() {
		c.gate.blocked()
		select {
		case <-c.gate.opened:
		case <-c.closed.Done():
		}
	}
	return c.Conn.Write(p)
}

func (c *gated) Close() error {
	defer c.close()
	return c.Conn.Close()
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	closed, cancel := context.WithCancel(context.Background())
	return &gated{conn, g, closed, cancel}, nil
}

var payNothing = retrysafe.Command[retrysafe.None, retrysafe.None]{Name: "pay.nothing", Path: "/pay"}.
	With(retrysafe.Call{First: true})

// Over HTTP/1 this proves that nothing was sent whole, over HTTP/2 it proves
// nothing: the headers are on their way when the caller is told of the failure.
func TestMaybeSentOverHTTP2ThoughTheTraceSaysThatNoHeadersWereWritten(t *testing.T) {
	for name, row := range map[string]struct {
		start     func(*testing.T, func(*framed)) *origin
		url       func(*origin) string
		transport *http.Transport
	}{
		"TLS":         {startFramed, (*origin).https, multiplexed()},
		"unencrypted": {startPlainFramed, (*origin).http, priorKnowledge()},
	} {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			o := row.start(t, eachRequest(func(f *framed, stream uint32) { f.answer(stream, "200") }))
			ctx, cancel := cancelled(t)
			g := &gate{blocked: cancel, opened: make(chan struct{})}
			row.transport.DialContext = g.dial
			client := setup{origin: o, url: row.url(o), transport: row.transport}.client(t)
			if _, err := payNothing.Do(t.Context(), client, "order-0", retrysafe.None{}); err != nil {
				t.Fatal(err)
			}

			var wroteHeaders atomic.Bool
			g.shut.Store(true)
			_, err := payNothing.Do(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
				WroteHeaders: func() { wroteHeaders.Store(true) },
			}), client, "order-1", retrysafe.None{})
			if wroteHeaders.Load() || o.count() != 1 {
				t.Fatalf("the headers were written: %t, requests: %d", wroteHeaders.Load(), o.count())
			}
			want{retrysafe.MaybeSent, 1, 0}.check(t, asError(t, err), o.count()-1)

			close(g.opened)
			if !eventually(func() bool { return o.count() == 2 }) {
				t.Error("the request never came, so it could have been called not sent")
			}
		})
	}
}

// priorKnowledge is plain, and speaks HTTP/2 without TLS.
func priorKnowledge() *http.Transport {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport
}

func TestUnencryptedHTTP2IsJudgedAsHTTP2(t *testing.T) {
	for name, row := range map[string]struct {
		handle func(*framed)
		want   want
	}{
		"stream refused":       {resets(http2.ErrCodeRefusedStream), refusedByProtocol},
		"stream reset":         {resets(http2.ErrCodeInternal), want{retrysafe.MaybeSent, 1, 1}},
		"PROTOCOL_ERROR storm": {resets(http2.ErrCodeProtocol), want{retrysafe.MaybeSent, 1, 1}},
		"closed":               {func(f *framed) { f.nextRequest() }, want{retrysafe.MaybeSent, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			o := startPlainFramed(t, row.handle)
			e := setup{origin: o, url: o.http(), key: keyless, transport: priorKnowledge()}.fail(t.Context(), t)
			row.want.check(t, e, o.count())
		})
	}
}
