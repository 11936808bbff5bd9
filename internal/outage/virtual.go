package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// latency is how long a request takes to the server, and its answer back, where
// both are in memory.
const latency = 5 * time.Millisecond

// virtual plays a story in virtual time: a minute passes as soon as everybody
// waits for it.
func virtual(t *testing.T, s *story, p peer) (tape *tape, err error) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{server: newServer(s), start: time.Now()}
		at := place{url: "http://server.test", transport: func() http.RoundTripper { return m }, start: m.start}
		err = s.play(context.Background(), p, at, m.server.tape)
		tape = m.server.tape
	})
	return tape, err
}

// memory carries requests to a server without a network.
type memory struct {
	server *server
	start  time.Time
}

// RoundTrip brings a request to the server, and its answer back.
func (m *memory) RoundTrip(req *http.Request) (*http.Response, error) {
	op, err := operation(req)
	if err == nil && req.Body != nil {
		_, err = io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	if !sleep(req.Context(), latency) {
		return nil, context.Cause(req.Context())
	}
	status := m.server.answer(time.Since(m.start), op, req.Header.Get("Idempotency-Key"))
	if !sleep(req.Context(), latency) {
		return nil, context.Cause(req.Context())
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(body(status))),
		ContentLength: int64(len(body(status))),
		Request:       req,
	}, nil
}
