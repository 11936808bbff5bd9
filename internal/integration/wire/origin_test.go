package wire_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// origin is a server written on the socket. It counts the connections it
// accepted and the requests it was given in full.
type origin struct {
	addr        string
	listener    net.Listener
	connections atomic.Int64
	requests    atomic.Int64
	open        atomic.Int64 // connections that are not closed, and the listener
	clients     []*retrysafe.Client
}

// served is the server's end of one connection.
type served struct {
	net.Conn
	origin *origin
	number int // of the connection, from 1
	in     *bufio.Reader
}

// startOrigin calls handle for every connection and closes the connection
// behind it. When the test ends, every client must have let go of its own.
func startOrigin(t *testing.T, handle func(*served)) *origin {
	t.Helper()
	return startTLS(t, nil, handle)
}

func startTLS(t *testing.T, config *tls.Config, handle func(*served)) *origin {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{addr: listener.Addr().String(), listener: listener}
	o.open.Add(1)
	go o.accept(config, handle)
	t.Cleanup(func() { o.close(t) })
	return o
}

func (o *origin) close(t *testing.T) {
	t.Helper()
	o.listener.Close()
	o.released(t)
}

// released fails the test if a client does not let go of its connections. It
// asks the clients more than once, because over HTTP/2 net/http takes a
// connection for busy until it has dealt with a call that was given up.
func (o *origin) released(t *testing.T) {
	t.Helper()
	released := eventually(func() bool {
		for _, client := range o.clients {
			client.CloseIdleConnections()
		}
		return o.open.Load() == 0
	})
	if !released {
		t.Errorf("%d connections are left behind", o.open.Load())
	}
}

func (o *origin) accept(config *tls.Config, handle func(*served)) {
	defer o.open.Add(-1)
	for {
		conn, err := o.listener.Accept()
		if err != nil {
			return
		}
		o.open.Add(1)
		go o.serve(conn, config, handle)
	}
}

func (o *origin) serve(conn net.Conn, config *tls.Config, handle func(*served)) {
	if config != nil {
		conn = tls.Server(conn, config)
	}
	defer o.open.Add(-1)
	defer conn.Close()
	number := int(o.connections.Add(1))
	handle(&served{Conn: conn, origin: o, number: number, in: bufio.NewReader(conn)})
}

func (o *origin) http() string  { return "http://" + o.addr }
func (o *origin) https() string { return "https://" + o.addr }
func (o *origin) count() int    { return int(o.requests.Load()) }

// readHead reads a request without its body. It is false if there is none.
func (c *served) readHead() (*http.Request, bool) {
	req, err := http.ReadRequest(c.in)
	return req, err == nil
}

// readRequest reads a request in full, and counts it.
func (c *served) readRequest() bool {
	req, ok := c.readHead()
	if !ok {
		return false
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return false
	}
	c.origin.requests.Add(1)
	return true
}

func (c *served) say(text string) { io.WriteString(c.Conn, text) }

// done is an answer that says so.
const done = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"id\":\"r\"}"

// refused is an answer for its own delivery alone.
const refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

// reset closes the connection so that the client sees ECONNRESET.
func (c *served) reset() {
	raw := c.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	raw.(*net.TCPConn).SetLinger(0)
	raw.Close()
}

// drain reads until the client closes its end.
func (c *served) drain() { io.Copy(io.Discard, c.in) }

// trust is a certificate for 127.0.0.1 and the pool that trusts it.
type trust struct {
	certificate tls.Certificate
	pool        *x509.CertPool
}

var authority = sync.OnceValue(func() trust {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wire"},
		// A testing/synctest bubble begins in the year 2000.
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return trust{certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool: pool}
})

// serverTLS is a server's configuration that offers the protocols.
func serverTLS(protocols ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{authority().certificate}, NextProtos: protocols}
}
