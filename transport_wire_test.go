package retrysafe_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// servedSDK is an SDK's client over real sockets to a handler.
func servedSDK(t *testing.T, handler http.HandlerFunc, o retrysafe.Options) (*http.Client, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.Account = "acme/test"
	o.Retry.Backoff.Base = time.Millisecond
	client, err := retrysafe.NewClient(server.URL, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	transport, err := retrysafe.NewTransport(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport}, server.URL
}

// events serves two events, the second once the first was read.
func events(read <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, "data: one\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-read:
			fmt.Fprint(w, "data: two\n\n")
		case <-r.Context().Done():
		}
	}
}

func TestTheFirstByteOfAStreamArrivesBeforeTheServerIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		named  bool
		plain  bool // no event stream
	}{
		"named command": {"POST", true, false}, "unnamed command": {"POST", false, true}, "query": {"GET", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			read := make(chan struct{})
			serve := events(read)
			sdk, url := servedSDK(t, func(w http.ResponseWriter, r *http.Request) { serve(w, r) }, retrysafe.Options{
				Retry: retrysafe.RetryPolicy{AttemptTimeout: 200 * time.Millisecond}, Observer: retrysafe.LogTo(nil),
			})
			ctx, report := t.Context(), (*retrysafe.Report)(nil)
			if c.named {
				ctx, report = retrysafe.WithOperation(ctx, "completions.create", "chat-1")
			}
			req, _ := http.NewRequestWithContext(ctx, c.method, url+"/v1/chat", nil)
			resp, err := sdk.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			lines := bufio.NewReader(resp.Body)
			if line, err := lines.ReadString('\n'); line != "data: one\n" {
				t.Fatalf("%q %v", line, err)
			}
			if c.named && report.Outcome() != retrysafe.Applied {
				t.Errorf("a stream that began: %v", report.Err())
			}
			time.Sleep(300 * time.Millisecond) // The attempt's timeout is over: it ends with the head.
			close(read)
			if rest, err := io.ReadAll(lines); !strings.HasSuffix(string(rest), "data: two\n\n") || err != nil {
				t.Errorf("%q %v", rest, err)
			}
			if c.named {
				_, err := send(ctx, sdk, "POST", url+"/v1/chat", "")
				if e := asError(t, err); !errors.Is(err, retrysafe.ErrKeyReused) && e.Outcome != retrysafe.Applied {
					t.Errorf("a stream cannot be given twice: %v", err)
				}
			}
		})
	}
}

func TestAStreamIsGivenOnlyOnce(t *testing.T) {
	read := make(chan struct{})
	close(read)
	sdk, url := servedSDK(t, events(read), retrysafe.Options{})
	ctx, report := retrysafe.WithOperation(t.Context(), "completions.create", "chat-1")
	if got, err := send(ctx, sdk, "POST", url, `{}`); err != nil || !strings.Contains(got.body, "two") {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := send(ctx, sdk, "POST", url, `{}`); asError(t, err).Outcome != retrysafe.Applied || !errors.Is(err, retrysafe.ErrAnswerLost) {
		t.Errorf("%v", err)
	}
	if report.Err() != nil {
		t.Errorf("the report: %v", report.Err())
	}
}

func TestAnAnswerOverTheLimitIsHandedOnWhole(t *testing.T) {
	const size = 9 << 20
	for name, announced := range map[string]bool{"announced": true, "chunked": false} {
		for _, status := range []int{200, 400} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				sdk, url := servedSDK(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/octet-stream")
					if announced {
						w.Header().Set("Content-Length", fmt.Sprint(size))
					}
					w.WriteHeader(status)
					for range size >> 10 {
						w.Write(bytes.Repeat([]byte("x"), 1<<10))
					}
				}, retrysafe.Options{})
				ctx, report := retrysafe.WithOperation(t.Context(), "export", "export-1")
				got, err := send(ctx, sdk, "POST", url, `{}`)
				if err != nil || got.status != status || len(got.body) != size || got.cut != nil {
					t.Errorf("status %d, %d bytes, %v, %v", got.status, len(got.body), err, got.cut)
				}
				if (report.Err() == nil) != (status == 200) || len(report.Attempts()) != 1 {
					t.Errorf("%v after %d attempts", report.Err(), len(report.Attempts()))
				}
			})
		}
	}
}

func TestARequestOverTheLimitIsSentFromWhereItComesFrom(t *testing.T) {
	const size = 9 << 20
	for name, again := range map[string]bool{"with GetBody": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			sdk, url := servedSDK(t, func(w http.ResponseWriter, r *http.Request) {
				n, _ := io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				if asked.Add(1) == 1 || n != size {
					w.WriteHeader(503)
				}
				fmt.Fprint(w, `{}`)
			}, retrysafe.Options{})
			ctx, report := retrysafe.WithOperation(t.Context(), "upload", "file-1")
			body := &countedBody{Reader: strings.NewReader(strings.Repeat("x", size))}
			req, _ := http.NewRequestWithContext(ctx, "POST", url, body)
			if again {
				req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(strings.Repeat("x", size))), nil }
			}
			resp, err := sdk.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			want, outcome := 1, retrysafe.Unknown
			if again {
				want, outcome = 2, retrysafe.Applied
			}
			if int(asked.Load()) != want || len(report.Attempts()) != want || report.Outcome() != outcome || body.closed.Load() == 0 {
				t.Errorf("asked %d times, %v, closed %d times", asked.Load(), report.Err(), body.closed.Load())
			}
		})
	}
}

// countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closed atomic.Int32
}

func (b *countedBody) Close() error {
	b.closed.Add(1)
	return nil
}

func TestTheRequestIsNotChangedAndItsBodyIsClosed(t *testing.T) {
	down := func(o *retrysafe.Options) { o.HTTPClient = &http.Client{Transport: failingTransport{}} }
	for name, c := range map[string]struct {
		method, url string
		named       bool
		name        string
		body        io.Reader
		change      func(*retrysafe.Options)
	}{
		"named":           {"POST", "/v1", true, "a", strings.NewReader(`{}`), nil},
		"unnamed":         {"POST", "/v1", false, "", strings.NewReader(`{}`), nil},
		"invalid":         {"POST", "/v1", true, "", strings.NewReader(`{}`), nil},
		"unreadable":      {"POST", "/v1", true, "a", failingReader{}, nil},
		"query with body": {"GET", "/v1", false, "", strings.NewReader(`{}`), nil},
		"not sent":        {"POST", "/v1", true, "a", strings.NewReader(`{}`), down},
		"long, not sent":  {"POST", "/v1", true, "a", strings.NewReader(strings.Repeat("x", 9<<20)), down},
		"long, not authorized": {"POST", "/v1", true, "a", strings.NewReader(strings.Repeat("x", 9<<20)), func(o *retrysafe.Options) {
			o.Authorize = func(*http.Request) error { return errors.New("no") }
		}},
		"token": {"POST", "/v1", true, "a", strings.NewReader("grant_type=x"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := mock.StartProvider(t, nil)
			o := retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 2, Backoff: retrysafe.Backoff{Base: time.Millisecond}}}
			if c.change != nil {
				c.change(&o)
			}
			client, err := retrysafe.NewClient(p.URL(), &o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.CloseIdleConnections)
			transport, _ := retrysafe.NewTransport(client, nil)
			ctx := t.Context()
			if c.named {
				ctx, _ = retrysafe.WithOperation(ctx, c.name, "order-1")
			}
			body := &countedBody{Reader: c.body}
			req, _ := http.NewRequestWithContext(ctx, c.method, p.URL()+c.url, body)
			req.Header.Set("Authorization", "Bearer x")
			req.Header.Set("Idempotency-Key", "sdk")
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			before, header, url := *req, req.Header.Clone(), *req.URL
			resp, err := transport.RoundTrip(req)
			if (resp == nil) == (err == nil) {
				t.Errorf("%v and %v", resp, err)
			}
			if resp != nil {
				if resp.Request != req && c.named && name != "token" {
					t.Error("the answer is to another request")
				}
				resp.Body.Close()
			}
			eventually(t, func() bool { return body.closed.Load() > 0 }, "the body is not closed")
			if !reflect.DeepEqual(before, *req) || !reflect.DeepEqual(header, req.Header) || url != *req.URL {
				t.Error("the request was changed")
			}
		})
	}
}

type failingTransport struct{}

func (failingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return nil, errors.New("no network")
}

func eventually(t *testing.T, is func() bool, what string) {
	t.Helper()
	for range 200 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error(what)
}

func TestNothingIsLeftBehind(t *testing.T) {
	read := make(chan struct{})
	close(read)
	serve := events(read)
	sdk, url := servedSDK(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // Else the server does not see its client go.
		switch r.URL.Path {
		case "/stream":
			serve(w, r)
		case "/hang":
			<-r.Context().Done()
		case "/busy":
			w.WriteHeader(503)
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{}`)
		}
	}, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 2}})
	sdk.Timeout = 50 * time.Millisecond
	send(t.Context(), sdk, "POST", url, `{}`)
	before := runtime.NumGoroutine()
	for i := range 40 {
		ctx, _ := retrysafe.WithOperation(t.Context(), "a", fmt.Sprint("order-", i))
		path := []string{"/stream", "/hang", "/busy", "/"}[i%4]
		if i%8 < 4 {
			send(ctx, sdk, "POST", url+path, `{}`)
		} else {
			send(ctx, sdk, "GET", url+path, "")
		}
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+6 }, "goroutines are left behind")
}

func TestAnUnreadStreamEndsWithItsContext(t *testing.T) {
	gone := make(chan struct{})
	sdk, url := servedSDK(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}, retrysafe.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	named, _ := retrysafe.WithOperation(ctx, "a", "b")
	req, _ := http.NewRequestWithContext(named, "POST", url, nil)
	resp, err := sdk.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	resp.Body.Close()
	<-gone
}

func TestOverSocketsALostAnswerEndsInOneEffect(t *testing.T) {
	p := mock.StartProvider(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), mock.CutBody(5), mock.KeyInFlight(1)}})
	client, err := retrysafe.NewClient(p.URL(), &retrysafe.Options{Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	transport, _ := retrysafe.NewTransport(client, nil)
	ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
	got, err := send(ctx, &http.Client{Transport: transport, Timeout: 10 * time.Second}, "POST", p.URL()+"/v1/charges", `{"amount":1}`)
	if err != nil || got.status != 201 || report.Err() != nil || len(report.Attempts()) != 4 {
		t.Errorf("%+v %v %v", got, err, report.Err())
	}
	p.OneEffect(t, string(report.Key()))
}
