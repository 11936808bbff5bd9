// Package sdktest runs other people's SDKs against mock on a loopback port:
// each alone, as it is when nobody changes anything, and under retrysafe.
package sdktest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/retrysafe/retrysafe/mock"
)

// Provider is somebody else's API on a loopback port. Its ledger is mock's.
type Provider struct {
	*mock.Provider
	// Inner reaches it whatever host a request names, so that SDKs keep their
	// own URLs.
	Inner http.RoundTripper
}

// Start serves mock until the end of the test, which then fails if a fault of
// the script did not happen. Front, if any, stands before it, for what an SDK
// sends that mock does not read.
func Start(t *testing.T, opts mock.Options, front func(http.Handler) http.Handler) *Provider {
	t.Helper()
	p, err := mock.NewProvider(&opts)
	if err != nil {
		t.Fatal(err)
	}
	handler := http.Handler(p)
	if front != nil {
		handler = front(p)
	}
	server := httptest.NewServer(handler)
	inner := &http.Transport{}
	t.Cleanup(func() {
		inner.CloseIdleConnections()
		server.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		p.ScriptUsed(t)
	})
	return &Provider{Provider: p, Inner: &loopback{host: server.Listener.Addr().String(), next: inner}}
}

// loopback sends every request to one host.
type loopback struct {
	host string
	next http.RoundTripper
}

func (l *loopback) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host, out.Host = "http", l.host, ""
	resp, err := l.next.RoundTrip(out)
	if err == nil {
		resp.Request = req
	}
	return resp, err
}

// KeyInBody is a front for a provider that reads the key in a field of a JSON
// body: mock, which reads a header, is told it there. A header of that name
// from outside counts for nothing.
func KeyInBody(field string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			body, err := io.ReadAll(req.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			var fields map[string]any
			json.Unmarshal(body, &fields)
			req.Header.Del("Idempotency-Key")
			if key, ok := fields[field].(string); ok {
				req.Header.Set("Idempotency-Key", key)
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, req)
		})
	}
}
