package mock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxBody is how much of a request's body is read; more is answered with 413.
const maxBody = 8 << 20

// RoundTrip serves the request without a socket, and behaves as net/http's
// Transport does over a fresh HTTP/1.1 connection: it refuses what cannot be
// sent, reads and closes the body, ends with the request's context, calls the
// httptrace hooks in their order, and fails with the same errors. Unlike
// Transport it never sends a request again by itself.
func (p *Provider) RoundTrip(req *http.Request) (*http.Response, error) {
	open, err := begin(req)
	if err != nil {
		return nil, err
	}
	if !p.enter() {
		return nil, open.refuse()
	}
	defer p.leave()
	v := p.arrive(req)
	if v.fault.kind == refuse {
		p.handle(req.Context(), v)
		return nil, open.refuse()
	}
	body, err := open.send()
	if err != nil {
		p.journal.end(v.entry, 0, false)
		return nil, err
	}
	if len(body) > maxBody {
		p.journal.end(v.entry, http.StatusRequestEntityTooLarge, false)
		return open.receive(delivery{reply: p.rules.refuse(byStatus, http.StatusRequestEntityTooLarge)})
	}
	p.read(v, body)
	return open.receive(p.handle(req.Context(), v))
}

// exchange is one request as a Transport sends it.
type exchange struct {
	req   *http.Request
	trace trace
}

// begin checks a request as Transport does before it looks for a connection.
func begin(req *http.Request) (*exchange, error) {
	x := &exchange{req: req, trace: traceOf(req)}
	if err := x.check(); err != nil {
		x.closeBody()
		return nil, err
	}
	x.trace.getConn(hostPort(req.URL))
	return x, nil
}

func (x *exchange) check() error {
	req := x.req
	switch {
	case req.URL == nil:
		return errors.New("mock: nil Request.URL")
	case req.Header == nil:
		return errors.New("mock: nil Request.Header")
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("mock: unsupported protocol scheme %q", req.URL.Scheme)
	case req.URL.Host == "":
		return errors.New("mock: no Host in request URL")
	case req.Method != "" && !validToken(req.Method):
		return fmt.Errorf("mock: invalid method %q", req.Method)
	}
	if err := checkHeader(req.Header); err != nil {
		return fmt.Errorf("mock: %w", err)
	}
	if req.Context().Err() != nil {
		return context.Cause(req.Context())
	}
	return nil
}

func (x *exchange) closeBody() {
	if x.req.Body != nil {
		x.req.Body.Close()
	}
}

// refuse is a dial that finds nobody listening.
func (x *exchange) refuse() error {
	x.closeBody()
	err := errRefused()
	x.trace.connected(hostPort(x.req.URL), err)
	return err
}

// send connects and writes the request. The body it returns is cut one byte
// beyond maxBody.
func (x *exchange) send() ([]byte, error) {
	defer x.closeBody()
	x.trace.connected(hostPort(x.req.URL), nil)
	x.trace.gotConn()
	// A hook may have cancelled the request, and then nothing is written.
	if ctx := x.req.Context(); ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	x.trace.wroteHeaders()
	body, err := x.readBody()
	x.trace.wroteRequest(err)
	return body, err
}

func (x *exchange) readBody() ([]byte, error) {
	if x.req.Body == nil || x.req.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(x.req.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	announced, read := x.req.ContentLength, int64(len(body))
	if announced > 0 && announced != read && read <= maxBody {
		return nil, fmt.Errorf("mock: ContentLength=%d with Body length %d", announced, read)
	}
	return body, nil
}

// receive is what Transport makes of a delivery.
func (x *exchange) receive(d delivery) (*http.Response, error) {
	switch d.end {
	case gone:
		return nil, d.err
	case hungUp:
		return nil, io.EOF
	case reset:
		return nil, errReset()
	case refused:
		return nil, errRefused()
	}
	if d.inHead && d.bytes == 0 {
		return nil, io.EOF
	}
	x.trace.firstByte()
	if d.inHead {
		return nil, d.misread(x.req)
	}
	return x.response(d), nil
}

func (x *exchange) response(d delivery) *http.Response {
	reply := d.reply.clone()
	body := &responseBody{rest: bytes.NewReader(reply.Body)}
	length := int64(len(reply.Body))
	if d.end == cut {
		body.rest, body.cut = bytes.NewReader(reply.Body[:d.bytes]), true
	}
	if x.req.Method == http.MethodHead {
		body.rest, body.cut = bytes.NewReader(nil), false
	}
	if reply.Header.Get("Date") == "" {
		reply.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if bodyAllowed(reply.Status) {
		reply.Header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", reply.Status, http.StatusText(reply.Status)),
		StatusCode: reply.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        reply.Header,
		Body:          body,
		ContentLength: length,
		Request:       x.req,
	}
}

// responseBody is an answer's body, which may be cut off.
type responseBody struct {
	rest   *bytes.Reader
	cut    bool
	closed bool
}

func (b *responseBody) Read(buf []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.rest.Read(buf)
	if err == io.EOF && b.cut {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *responseBody) Close() error {
	b.closed = true
	return nil
}
