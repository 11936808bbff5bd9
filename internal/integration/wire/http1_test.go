package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// givesUpAfter passes n writes on, then blocks until it is closed, as a
// connection does whose other end stopped reading.
type givesUpAfter struct {
	net.Conn
	n       int
	blocked func()
	closed  chan struct{}
}

func (c *givesUpAfter) Write(p []byte) (int, error) {
	if c.n--; c.n >= 0 {
		return c.Conn.Write(p)
	}
	c.blocked()
	<-c.closed
	return 0, net.ErrClosed
}

func (c *givesUpAfter) Close() error {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return c.Conn.Close()
}

// blockingAfter dials connections that take n writes, then call blocked.
func blockingAfter(n int, blocked func()) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &givesUpAfter{Conn: conn, n: n, blocked: blocked, closed: make(chan struct{})}, nil
	}}
}

// aboveBuffer fills twice what net/http holds back before it writes.
var aboveBuffer = strings.Repeat("x", 10_000)

func TestNotSentBecauseTheHeadersWereNotWrittenWhole(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		ctx, cancel := cancelled(t)
		begun := make(chan string, 1)
		o := startOrigin(t, func(c *served) {
			line, _ := c.in.ReadString('\n')
			begun <- line
			c.readRequest()
		})
		client := setup{origin: o, url: o.http(), key: key, transport: blockingAfter(1, cancel)}.client(t)
		e := failWith(ctx, t, client, payment{Long: aboveBuffer})
		want{retrysafe.NotSent, 1, 0}.check(t, e, o.count())
		if line := <-begun; !strings.HasPrefix(line, "POST /pay ") {
			t.Errorf("server was given %q, want the beginning of the request", line)
		}
	})
}

func TestMaybeSentThoughTheBodyWasWrittenInPart(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		ctx, cancel := cancelled(t)
		o := startOrigin(t, func(c *served) {
			// A server may act on what it has by now.
			if _, ok := c.readHead(); ok {
				c.drain()
			}
		})
		client := setup{origin: o, url: o.http(), key: key, transport: blockingAfter(1, cancel)}.client(t)
		e := failWith(ctx, t, client, payment{Note: aboveBuffer})
		want{retrysafe.MaybeSent, 1, 0}.check(t, e, o.count())
	})
}

func TestMaybeSentThoughTheServerResetInTheMiddleOfTheBody(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, func(c *served) {
			req, ok := c.readHead()
			if ok {
				io.CopyN(io.Discard, req.Body, 1000)
				c.reset()
			}
		})
		client := setup{origin: o, url: o.http(), key: key, transport: plain()}.client(t)
		e := failWith(t.Context(), t, client, payment{Note: strings.Repeat("x", 7<<20)})
		want{retrysafe.MaybeSent, 1, 0}.check(t, e, o.count())
	})
}

// afterTheRequest lists how a server can fail once it has the whole request:
// it may have acted, or not, and the client is told the same.
var afterTheRequest = []struct {
	name string
	fail func(*served)
}{
	{"closed", func(*served) {}},
	{"reset", (*served).reset},
	{"status line cut", func(c *served) { c.say("HTTP/1.1 20") }},
	{"status line malformed", func(c *served) { c.say("HTTP/1.1 2OO OK\r\n\r\n") }},
	{"not HTTP", func(c *served) { c.say("SSH-2.0-OpenSSH_9.9\r\n\r\n") }},
	{"headers cut", func(c *served) { c.say("HTTP/1.1 200 OK\r\nContent-Type: appl") }},
	{"headers cut by a reset", func(c *served) { c.say("HTTP/1.1 200 OK\r\nContent-Le"); c.reset() }},
	{"headers too long", func(c *served) {
		c.say("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
		c.drain()
	}},
	{"headers without end", func(c *served) {
		c.say("HTTP/1.1 200 OK\r\n")
		for {
			if _, err := io.WriteString(c.Conn, "X-More: "+strings.Repeat("x", 4<<10)+"\r\n"); err != nil {
				return
			}
		}
	}},
	{"informational answers without end", func(c *served) {
		for {
			if _, err := io.WriteString(c.Conn, "HTTP/1.1 103 Early Hints\r\nLink: <"+strings.Repeat("x", 4<<10)+">\r\n\r\n"); err != nil {
				return
			}
		}
	}},
}

func TestMaybeSentToAServerThatFailsAfterTheRequest(t *testing.T) {
	for _, way := range afterTheRequest {
		t.Run(way.name, func(t *testing.T) {
			eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
				nothingLeft(t)
				o := startOrigin(t, func(c *served) {
					if c.readRequest() {
						way.fail(c)
					}
				})
				transport := &http.Transport{MaxResponseHeaderBytes: 16 << 10}
				e := setup{origin: o, url: o.http(), key: key, transport: transport}.fail(t.Context(), t)
				want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
			})
		})
	}
}

func TestMaybeSentToAServerThatFailsAfterTheRequestOverTLS(t *testing.T) {
	for _, way := range afterTheRequest {
		t.Run(way.name, func(t *testing.T) {
			nothingLeft(t)
			o := startTLS(t, serverTLS(), func(c *served) {
				if c.readRequest() {
					way.fail(c)
				}
			})
			transport := trusting()
			transport.MaxResponseHeaderBytes = 16 << 10
			e := setup{origin: o, url: o.https(), transport: transport}.fail(t.Context(), t)
			want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
		})
	}
}

func TestMaybeSentThoughTheServerResetBeforeItReadTheBody(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, func(c *served) {
			if _, ok := c.readHead(); ok {
				c.reset()
			}
		})
		e := setup{origin: o, url: o.http(), key: key, transport: plain()}.fail(t.Context(), t)
		want{retrysafe.MaybeSent, 1, 0}.check(t, e, o.count())
	})
}

func TestMaybeSentToASilentServer(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		ctx, cancel := cancelled(t)
		o := startOrigin(t, func(c *served) {
			c.readRequest()
			cancel()
			c.drain()
		})
		e := setup{origin: o, url: o.http(), key: key, transport: plain()}.fail(ctx, t)
		want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
		if !errors.Is(e, context.Canceled) {
			t.Errorf("error is %v, want the caller's own end", e)
		}
	})
}

func TestMaybeSentBeforeResponseHeaderTimeout(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, func(c *served) {
			c.readRequest()
			c.drain()
		})
		transport := &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}
		e := setup{origin: o, url: o.http(), key: key, transport: transport}.fail(t.Context(), t)
		if !isTimeout(e.Attempts[0].Err) {
			t.Errorf("error is %v, want a timeout", e.Attempts[0].Err)
		}
		// The timer begins when the request was written, which is not yet read.
		eventually(func() bool { return o.count() == 1 })
		want{retrysafe.MaybeSent, 1, 1}.check(t, e, o.count())
	})
}

func TestAppliedThoughTheBodyOfTheAnswerWasCut(t *testing.T) {
	for name, fail := range map[string]func(*served){"closed": func(*served) {}, "reset": (*served).reset} {
		t.Run(name, func(t *testing.T) {
			eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
				nothingLeft(t)
				o := startOrigin(t, func(c *served) {
					c.readRequest()
					c.say(strings.TrimSuffix(done, "\"r\"}"))
					fail(c)
				})
				res, err := pay.Do(t.Context(), setup{origin: o, url: o.http(), key: key, transport: plain()}.client(t), "order-1", payment{})
				e := asError(t, err)
				if e.Outcome != retrysafe.Applied || !errors.Is(e, retrysafe.ErrAnswerLost) {
					t.Errorf("%v and %v, want applied and ErrAnswerLost", e.Outcome, e)
				}
				if res == nil || res.Status != http.StatusOK {
					t.Errorf("result is %v, want one with status 200", res)
				}
				if a := e.Attempts[0]; a.Sent != retrysafe.MaybeSent || a.Deliveries != 1 || o.count() != 1 {
					t.Errorf("%v in %d deliveries, server was given %d", a.Sent, a.Deliveries, o.count())
				}
			})
		})
	}
}

// expectContinue asks for 100 (Continue) before the body.
func expectContinue(r *http.Request) error {
	r.Header.Set("Expect", "100-continue")
	return nil
}

func TestMaybeSentThoughTheServerClosedInsteadOfContinue(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, func(c *served) { c.readHead() })
		e := setup{
			origin: o, url: o.http(), key: key, authorize: expectContinue,
			transport: &http.Transport{ExpectContinueTimeout: time.Hour},
		}.fail(t.Context(), t)
		want{retrysafe.MaybeSent, 1, 0}.check(t, e, o.count())
	})
}

// TLS 1.3 lets a client write before the server has judged its certificate. In
// truth nothing was processed, but the client cannot know when it was judged.
func TestMaybeSentThoughTheClientsCertificateWasRejected(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		wrote := make(chan struct{})
		config := serverTLS()
		config.ClientAuth = tls.RequestClientCert
		config.VerifyConnection = func(tls.ConnectionState) error {
			<-wrote
			return errors.New("no certificate")
		}
		o := startTLS(t, config, func(c *served) { c.readRequest() })
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { close(wrote) },
		})
		e := setup{origin: o, url: o.https(), key: key, transport: trusting()}.fail(ctx, t)
		want{retrysafe.MaybeSent, 1, 0}.check(t, e, o.count())
		var alert tls.AlertError
		if !errors.As(e, &alert) {
			var op *net.OpError
			if !errors.As(e, &op) || op.Op != "remote error" {
				t.Errorf("error is %v, want the server's alert", e.Attempts[0].Err)
			}
		}
	})
}
