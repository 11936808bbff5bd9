package mock

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"
)

// server is a provider's own, on a loopback port.
type server struct {
	url   string
	http  *http.Server
	ended chan error
}

// Start serves the provider on a free port of 127.0.0.1 until
// [Provider.Close]. The error is ErrStarted, ErrClosed, or that of listening.
func (p *Provider) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case p.server != nil:
		return ErrStarted
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// A handler that hangs up on purpose is nothing to log.
	quiet := log.New(io.Discard, "", 0)
	s := &server{
		url:   "http://" + listener.Addr().String(),
		http:  &http.Server{Handler: p, ErrorLog: quiet, ReadHeaderTimeout: time.Minute},
		ended: make(chan error, 1),
	}
	go func() { s.ended <- s.http.Serve(listener) }()
	p.server = s
	return nil
}

// URL returns the address of the started provider, as "http://127.0.0.1:4711",
// and an empty string before Start.
func (p *Provider) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return ""
	}
	return p.server.url
}

func (s *server) close() error {
	err := s.http.Close()
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// ServeHTTP serves the provider as a handler, for a server of the caller's own.
// Faults that hang up take over the connection; where that cannot be done, as
// with HTTP/2, they panic with http.ErrAbortHandler, which is net/http's way to
// abort an answer.
func (p *Provider) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !p.enter() {
		hangUp(w, nil, true)
		return
	}
	defer p.leave()
	v := p.arrive(req)
	if v.fault.kind == refuse {
		p.handle(req.Context(), v)
		hangUp(w, nil, true)
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	switch {
	case err != nil:
		p.journal.end(v.entry, 0, false)
		hangUp(w, nil, false)
	case len(body) > maxBody:
		p.journal.end(v.entry, http.StatusRequestEntityTooLarge, false)
		write(w, p.rules.refuse(byStatus, http.StatusRequestEntityTooLarge))
	default:
		p.read(v, body)
		p.answer(w, req, p.handle(req.Context(), v))
	}
}

func (p *Provider) answer(w http.ResponseWriter, req *http.Request, d delivery) {
	switch d.end {
	case whole:
		write(w, d.reply)
	case cut:
		hangUp(w, d.sent(req), false)
	case hungUp, gone:
		hangUp(w, nil, false)
	default:
		hangUp(w, nil, true)
	}
}

func write(w http.ResponseWriter, reply Reply) {
	header := w.Header()
	for name, values := range reply.Header {
		header[name] = values
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // net/http would guess one
	}
	if bodyAllowed(reply.Status) {
		header.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	w.Write(reply.Body)
}

// hangUp sends some last bytes and ends the connection, with a reset if asked.
func hangUp(w http.ResponseWriter, last []byte, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(last) > 0 {
		conn.Write(last)
	}
	if tcp, ok := underneath(conn).(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) // closing now sends RST
		conn = tcp       // and no TLS alert before it
	}
	conn.Close()
}

// underneath returns the connection that TLS runs over.
func underneath(conn net.Conn) net.Conn {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return wrapped.NetConn()
	}
	return conn
}
