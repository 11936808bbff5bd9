package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// sockets plays a story over loopback, in real time. Each client has its own
// connections.
func sockets(_ *testing.T, s *story, p peer) (*tape, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{server: newServer(s), start: time.Now()}
	served := &http.Server{Handler: w}
	defer served.Close()
	go served.Serve(listener)
	at := place{url: "http://" + listener.Addr().String(), transport: w.connections, start: w.start}
	err = s.play(context.Background(), p, at, w.server.tape)
	w.close()
	// The tape is read when nobody writes on it any more.
	return w.server.tape, errors.Join(err, served.Shutdown(context.Background()))
}

// wire is the server as an http.Handler, and its clients' connections.
type wire struct {
	server *server
	start  time.Time
	pools  []*http.Transport
}

const opHeader = "X-Operation"

// ServeHTTP answers a request.
func (w *wire) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	_, err := io.Copy(io.Discard, req.Body)
	op, wrong := strconv.Atoi(req.Header.Get(opHeader))
	if err != nil || wrong != nil {
		http.Error(rw, "no operation", http.StatusBadRequest)
		return
	}
	status := w.server.answer(time.Since(w.start), op, req.Header.Get("Idempotency-Key"))
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	io.WriteString(rw, body(status))
}

// connections returns a client's own pool.
func (w *wire) connections() http.RoundTripper {
	pool := &http.Transport{MaxIdleConnsPerHost: 64}
	w.pools = append(w.pools, pool)
	return named{pool}
}

func (w *wire) close() {
	for _, pool := range w.pools {
		pool.CloseIdleConnections()
	}
}

// named tells the server a request's operation.
type named struct{ http.RoundTripper }

// RoundTrip sends a copy of the request.
func (n named) RoundTrip(req *http.Request) (*http.Response, error) {
	op, err := operation(req)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set(opHeader, fmt.Sprint(op))
	return n.RoundTripper.RoundTrip(req)
}
