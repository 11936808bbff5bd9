//go:build unix

package crash_test

import (
	"context"
	"net"
	"net/http"

	"github.com/retrysafe/retrysafe"
)

// trappedTransport is net/http's own, on connections that have points.
func trappedTransport(t *trap) *http.Transport {
	var dialer net.Dialer
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		return &trappedConn{conn, t}, err
	}}
}

type trappedConn struct {
	net.Conn
	trap *trap
}

// Write sends the first byte of a request by itself.
func (c *trappedConn) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return c.Conn.Write(b)
	}
	c.trap.pass("before first byte")
	if n, err := c.Conn.Write(b[:1]); err != nil {
		return n, err
	}
	c.trap.pass("after first byte")
	n, err := c.Conn.Write(b[1:])
	c.trap.pass("after last byte")
	return n + 1, err
}

// Read has a point when bytes have arrived that nobody has seen yet.
func (c *trappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.trap.pass("before answer")
	}
	return n, err
}

// judged has the point at which the client has read and judged an answer.
type judged struct{ trap *trap }

func (judged) OperationStart(ctx context.Context, _ retrysafe.OperationStart) context.Context {
	return ctx
}
func (judged) OperationEnd(context.Context, retrysafe.OperationEnd) {}
func (judged) AttemptStart(ctx context.Context, _ retrysafe.AttemptStart) context.Context {
	return ctx
}

func (j judged) AttemptEnd(_ context.Context, end retrysafe.AttemptEnd) {
	if end.Attempt.Status != 0 {
		j.trap.pass("after answer")
	}
}
