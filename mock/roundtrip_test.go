package mock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/mock"
)

// tracing records the names of the hooks in the order of their calls.
func tracing(ctx context.Context, calls *[]string) context.Context {
	add := func(format string, args ...any) { *calls = append(*calls, fmt.Sprintf(format, args...)) }
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:     func(hostPort string) { add("GetConn %s", hostPort) },
		ConnectDone: func(_, _ string, err error) { add("ConnectDone refused=%v", errors.Is(err, syscall.ECONNREFUSED)) },
		GotConn: func(info httptrace.GotConnInfo) {
			add("GotConn reused=%v addr=%v", info.Reused, info.Conn.RemoteAddr() != nil)
		},
		WroteHeaders:         func() { add("WroteHeaders") },
		WroteRequest:         func(info httptrace.WroteRequestInfo) { add("WroteRequest %v", info.Err) },
		GotFirstResponseByte: func() { add("FirstByte") },
	})
}

func TestTraceTellsWhatWasSent(t *testing.T) {
	connected := []string{"GetConn provider.test:80", "ConnectDone refused=false", "GotConn reused=false addr=true", "WroteHeaders"}
	written := append(slices.Clone(connected), "WroteRequest <nil>")
	for _, test := range []struct {
		fault mock.Fault
		want  []string
	}{
		{mock.Pass(), append(slices.Clone(written), "FirstByte")},
		{mock.CutBody(0), append(slices.Clone(written), "FirstByte")},
		{mock.CutHead(9), append(slices.Clone(written), "FirstByte")},
		{mock.CutHead(0), written},
		{mock.LoseAnswer(), written},
		{mock.ResetBeforeEffect(), written},
		{mock.Refuse(), []string{"GetConn provider.test:80", "ConnectDone refused=true"}},
	} {
		var calls []string
		p := provider(t, &mock.Options{Script: []mock.Fault{test.fault}})
		postCtx(tracing(t.Context(), &calls), p.Client(), anywhere, "k1", `{}`)
		if !slices.Equal(calls, test.want) {
			t.Errorf("%v: %q, want %q", test.fault, calls, test.want)
		}
	}
}

func TestClosedProviderIsTracedAsRefused(t *testing.T) {
	var calls []string
	p := provider(t, nil)
	p.Close()
	postCtx(tracing(t.Context(), &calls), p.Client(), "https://provider.test", "k1", `{}`)
	if want := []string{"GetConn provider.test:443", "ConnectDone refused=true"}; !slices.Equal(calls, want) {
		t.Errorf("%q, want %q", calls, want)
	}
}

// body counts its closes and fails where it is told to.
type body struct {
	io.Reader
	closed int
}

func (b *body) Close() error { b.closed++; return nil }

type failing struct{}

var errDisk = errors.New("disk failed")

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestRequestBodyThatFailsIsNotServed(t *testing.T) {
	var calls []string
	p := provider(t, nil)
	req, _ := http.NewRequestWithContext(tracing(t.Context(), &calls), "POST", anywhere, &body{Reader: failing{}})
	req.Header.Set("Idempotency-Key", "k1")
	if _, err := p.RoundTrip(req); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	if !slices.Contains(calls, "WroteRequest disk failed") {
		t.Errorf("hooks %q", calls)
	}
	p.NoEffect(t, "k1")
}

func TestWhatTransportWouldNotSendIsAnError(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"newline in a value": func(r *http.Request) { r.Header.Set("Idempotency-Key", "a\nb") },
		"NUL in a value":     func(r *http.Request) { r.Header.Set("X", "a\x00") },
		"DEL in a value":     func(r *http.Request) { r.Header.Set("X", "a\x7f") },
		"space in a name":    func(r *http.Request) { r.Header["a b"] = []string{"c"} },
		"empty name":         func(r *http.Request) { r.Header[""] = []string{"c"} },
		"no URL":             func(r *http.Request) { r.URL = nil },
		"no header":          func(r *http.Request) { r.Header = nil },
		"no host":            func(r *http.Request) { r.URL.Host = "" },
		"other scheme":       func(r *http.Request) { r.URL.Scheme = "ftp" },
		"method":             func(r *http.Request) { r.Method = "PO ST" },
		"body too short":     func(r *http.Request) { r.ContentLength = 7 },
		"body too long":      func(r *http.Request) { r.ContentLength = 1 },
		"ended context": func(r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			*r = *r.WithContext(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := provider(t, nil)
			sent := &body{Reader: strings.NewReader(`{}`)}
			req, _ := http.NewRequest("POST", anywhere, sent)
			change(req)
			if res, err := p.RoundTrip(req); err == nil {
				t.Errorf("answered with %v", res.Status)
			}
			if sent.closed == 0 {
				t.Error("the body was not closed")
			}
			if _, err := http.DefaultTransport.RoundTrip(req.Clone(req.Context())); err == nil {
				t.Error("Transport takes it")
			}
			if p.EffectCount() != 0 {
				t.Error("it had an effect")
			}
		})
	}
}

func TestBodyIsClosedAlways(t *testing.T) {
	for _, fault := range []mock.Fault{mock.Pass(), mock.Refuse(), mock.ResetBeforeEffect(), mock.LoseAnswer(), mock.Unavailable("")} {
		p := provider(t, &mock.Options{Script: []mock.Fault{fault}})
		sent := &body{Reader: strings.NewReader(`{}`)}
		req, _ := http.NewRequest("POST", anywhere, sent)
		if res, err := p.RoundTrip(req); err == nil {
			res.Body.Close()
		}
		if sent.closed == 0 {
			t.Errorf("%v: the body was not closed", fault)
		}
	}
}

func TestAnswerLooksLikeTransports(t *testing.T) {
	p := mock.StartProvider(t, nil)
	real := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer real.CloseIdleConnections()
	for _, method := range []string{"POST", "GET", "HEAD", "DELETE"} {
		var seen []*http.Response
		for _, client := range []*http.Client{p.Client(), real} {
			req, _ := http.NewRequest(method, p.URL()+"/v1/charges/eff_9", bytes.NewReader(nil))
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(method, err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			seen = append(seen, res)
		}
		direct, wire := seen[0], seen[1]
		if direct.Status != wire.Status || direct.Proto != wire.Proto || direct.ContentLength != wire.ContentLength ||
			direct.Header.Get("Content-Type") != wire.Header.Get("Content-Type") ||
			direct.Header.Get("Content-Length") != wire.Header.Get("Content-Length") || direct.Header.Get("Date") == "" {
			t.Errorf("%s: directly %v %d %v\nover a socket %v %d %v", method,
				direct.Status, direct.ContentLength, direct.Header, wire.Status, wire.ContentLength, wire.Header)
		}
		if _, err := direct.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("%s: reading after Close gives %v", method, err)
		}
	}
}

func TestClientTimeoutOfHTTPClientWorks(t *testing.T) {
	p := provider(t, &mock.Options{Script: []mock.Fault{mock.StallAfterEffect(time.Hour)}})
	client := p.Client()
	client.Timeout = 10 * time.Millisecond
	var timeout interface{ Timeout() bool }
	if a := post(client, anywhere, "k1", `{}`); !errors.As(a.err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v", a)
	}
	p.OneEffect(t, "k1")
}

func TestHookThatCancelsStopsTheRequest(t *testing.T) {
	p := provider(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }})
	if a := postCtx(ctx, p.Client(), anywhere, "k1", `{}`); !errors.Is(a.err, context.Canceled) {
		t.Errorf("got %v", a)
	}
	p.NoEffect(t, "k1")
}
