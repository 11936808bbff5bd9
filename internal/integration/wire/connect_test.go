package wire_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// What fails before there is a connection was not sent, whatever the error.
var notSent = want{sent: retrysafe.NotSent}

func TestNotSentBecauseTheNameIsNotFound(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		resolver := &net.Resolver{PreferGo: true, Dial: startNameServer(t)}
		dialer := &net.Dialer{Resolver: resolver}
		e := setup{url: "http://provider.invalid", key: key, transport: &http.Transport{DialContext: dialer.DialContext}}.fail(t.Context(), t)
		notSent.check(t, e, 0)
		var dns *net.DNSError
		if !errors.As(e, &dns) || !dns.IsNotFound {
			t.Errorf("error is %v, want a name that is not found", e.Attempts[0].Err)
		}
	})
}

// startNameServer starts a DNS server that knows no name, and returns how to
// reach it.
func startNameServer(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			// RFC 1035 section 4.1.1: a response, recursion available, NXDOMAIN.
			packet[2], packet[3] = 0x81, 0x83
			server.WriteTo(packet[:n], from)
		}
	}()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}
}

func TestNotSentBecauseTheConnectionIsRefused(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		e := setup{url: "http://" + closedAddr(t), key: key, transport: plain()}.fail(t.Context(), t)
		notSent.check(t, e, 0)
		if !errors.Is(e, syscall.ECONNREFUSED) {
			t.Errorf("error is %v, want ECONNREFUSED", e.Attempts[0].Err)
		}
	})
}

// closedAddr is an address where nobody listens.
func closedAddr(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	return listener.Addr().String()
}

func TestNotSentBecauseTheHostIsUnreachable(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		// No address of a loopback is unreachable, so the socket says it.
		dialer := &net.Dialer{Control: func(string, string, syscall.RawConn) error { return syscall.EHOSTUNREACH }}
		o := startOrigin(t, (*served).drain)
		e := setup{origin: o, url: o.http(), key: key, transport: &http.Transport{DialContext: dialer.DialContext}}.fail(t.Context(), t)
		notSent.check(t, e, o.count())
	})
}

func TestNotSentBecauseConnectingTimesOut(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		dialer := &net.Dialer{Timeout: time.Nanosecond}
		o := startOrigin(t, (*served).drain)
		e := setup{origin: o, url: o.http(), key: key, transport: &http.Transport{DialContext: dialer.DialContext}}.fail(t.Context(), t)
		notSent.check(t, e, o.count())
		if !errors.Is(e, os.ErrDeadlineExceeded) && !isTimeout(e) {
			t.Errorf("error is %v, want a timeout", e.Attempts[0].Err)
		}
	})
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestNotSentBecauseTheAttemptEndsWhileConnecting(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		stalled := func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done() // net/http ends it when idle connections are closed
			return nil, ctx.Err()
		}
		e := setup{
			url: "http://127.0.0.1", key: key, timeout: 10 * time.Millisecond,
			transport: &http.Transport{DialContext: stalled},
		}.fail(t.Context(), t)
		notSent.check(t, e, 0)
		if !errors.Is(e, retrysafe.ErrAttemptTimeout) {
			t.Errorf("error is %v, want ErrAttemptTimeout", e)
		}
	})
}

func TestNotSentBecauseTheCertificateIsNotTrusted(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startTLS(t, serverTLS(), func(c *served) { c.readRequest() })
		e := setup{origin: o, url: o.https(), key: key, transport: plain()}.fail(t.Context(), t)
		notSent.check(t, e, o.count())
		var unknown x509.UnknownAuthorityError
		if !errors.As(e, &unknown) {
			t.Errorf("error is %v, want an unknown authority", e.Attempts[0].Err)
		}
	})
}

func TestNotSentBecauseNoTLSVersionIsShared(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		config := serverTLS()
		config.MaxVersion = tls.VersionTLS12
		o := startTLS(t, config, func(c *served) { c.readRequest() })
		transport := trusting()
		transport.TLSClientConfig.MinVersion = tls.VersionTLS13
		notSent.check(t, setup{origin: o, url: o.https(), key: key, transport: transport}.fail(t.Context(), t), o.count())
	})
}

func TestNotSentBecauseTheServerDoesNotSpeakTLS(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, func(c *served) {
			c.in.ReadByte()
			c.say("HTTP/1.0 400 Bad Request\r\n\r\n")
			c.drain()
		})
		notSent.check(t, setup{origin: o, url: o.https(), key: key, transport: trusting()}.fail(t.Context(), t), o.count())
	})
}

func TestNotSentBecauseTheAttemptEndsInTheHandshake(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		ctx, cancel := cancelled(t)
		o := startOrigin(t, func(c *served) {
			c.in.ReadByte() // of the client's hello
			cancel()
			c.drain()
		})
		e := setup{origin: o, url: o.https(), key: key, transport: trusting()}.fail(ctx, t)
		notSent.check(t, e, o.count())
		if !errors.Is(e, context.Canceled) {
			t.Errorf("error is %v, want the caller's own end", e)
		}
	})
}

func TestNotSentBecauseTheAttemptsTimeIsOverInTheHandshake(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, (*served).drain)
		e := setup{origin: o, url: o.https(), key: key, transport: trusting(), timeout: 20 * time.Millisecond}.fail(t.Context(), t)
		notSent.check(t, e, o.count())
		if !errors.Is(e, retrysafe.ErrAttemptTimeout) || errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("error is %v, want ErrAttemptTimeout and no deadline of the caller's", e)
		}
	})
}

func TestNotSentBecauseOfTLSHandshakeTimeout(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		o := startOrigin(t, (*served).drain)
		transport := trusting()
		transport.TLSHandshakeTimeout = 10 * time.Millisecond
		e := setup{origin: o, url: o.https(), key: key, transport: transport}.fail(t.Context(), t)
		notSent.check(t, e, o.count())
		if !isTimeout(e.Attempts[0].Err) {
			t.Errorf("error is %v, want a timeout", e.Attempts[0].Err)
		}
	})
}

func TestNotSentBecauseTheProxyIsNotThere(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			nothingLeft(t)
			transport := trusting()
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: closedAddr(t)})
			e := setup{url: scheme + "://provider.invalid", transport: transport}.fail(t.Context(), t)
			notSent.check(t, e, 0)
			var op *net.OpError
			if !errors.As(e, &op) || op.Op != "proxyconnect" {
				t.Errorf("error is %v, want one of proxyconnect", e.Attempts[0].Err)
			}
		})
	}
}

func TestNotSentBecauseTheProxyDoesNotConnect(t *testing.T) {
	for name, answer := range map[string]string{
		"407":                  "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
		"502":                  "HTTP/1.1 502 Bad Gateway\r\n\r\n",
		"closed":               "",
		"a text that imitates": "HTTP/1.1 502 http2: Transport received GOAWAY from server ErrCode:\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
				nothingLeft(t)
				proxy := startOrigin(t, func(c *served) {
					if req, ok := c.readHead(); ok && req.Method == http.MethodConnect {
						c.say(answer)
					}
				})
				transport := trusting()
				transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: proxy.addr})
				e := setup{url: "https://provider.invalid", key: key, transport: transport}.fail(t.Context(), t)
				notSent.check(t, e, proxy.count())
				if proxy.connections.Load() != 1 {
					t.Errorf("proxy was asked %d times", proxy.connections.Load())
				}
			})
		})
	}
}

func TestNotSentBecauseTheProxyStalls(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		ctx, cancel := cancelled(t)
		proxy := startOrigin(t, func(c *served) {
			c.readHead()
			cancel()
			c.drain()
		})
		transport := trusting()
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: proxy.addr})
		e := setup{url: "https://provider.invalid", key: key, transport: transport}.fail(ctx, t)
		notSent.check(t, e, proxy.count())
	})
}

func TestMaybeSentToAProxyThatForwardsPlainRequests(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		proxy := startOrigin(t, func(c *served) { c.readRequest() })
		transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxy.addr})}
		e := setup{url: "http://provider.invalid", key: key, transport: transport}.fail(t.Context(), t)
		want{retrysafe.MaybeSent, 1, 1}.check(t, e, proxy.count())
	})
}

func TestNotSentBecauseThePoolIsFull(t *testing.T) {
	eachKeying(t, func(t *testing.T, key retrysafe.KeyRules) {
		nothingLeft(t)
		holding, release := make(chan struct{}), make(chan struct{})
		o := startOrigin(t, func(c *served) {
			c.readRequest()
			close(holding)
			<-release
			c.say(done)
			c.drain()
		})
		s := setup{origin: o, url: o.http(), key: key, transport: &http.Transport{MaxConnsPerHost: 1}}
		holder, first := s.client(t), make(chan error, 1)
		go func() {
			_, err := pay.Do(t.Context(), holder, "order-0", payment{})
			first <- err
		}()
		<-holding
		s.timeout = 10 * time.Millisecond
		e := s.fail(t.Context(), t)
		close(release)
		if err := <-first; err != nil {
			t.Errorf("the call that held the connection: %v", err)
		}
		notSent.check(t, e, o.count()-1)
	})
}
