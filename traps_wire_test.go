package retrysafe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/jarcoal/httpmock"

	"github.com/retrysafe/retrysafe"
)

// The traps below and beside the loop: connections, logs, mocks, randomness.
// traps_test.go says how these tests are made.

func trapClient(t *testing.T, baseURL string, opts retrysafe.Options) *retrysafe.Client {
	t.Helper()
	c, err := retrysafe.NewClient(baseURL, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func trapTransportOf(t *testing.T) *http.Transport {
	tr := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestTrapAFailureClosesTheIdleConnectionsOfEverybody(t *testing.T) {
	var opened atomic.Int32
	another := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	another.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	another.Start()
	defer another.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer busy.Close()

	// connections returns how many another user of the transport needs for two
	// requests, with a failure of somebody else's between them.
	connections := func(fail func(*http.Transport)) int32 {
		shared := trapTransportOf(t)
		opened.Store(0)
		for i := range 2 {
			resp, err := (&http.Client{Transport: shared}).Get(another.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if i == 0 {
				fail(shared)
			}
		}
		return opened.Load()
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, url := range map[string]string{"an answer of 503": busy.URL, "no connection": gone.URL} {
		n := connections(func(shared *http.Transport) {
			client := stock(shared)
			client.RetryMax = 0
			stockCharge(t.Context(), t, client, url)
		})
		if n != 2 {
			t.Errorf("stock: %s: another user opened %d connections, want 2: its idle one was closed", name, n)
		}
		n = connections(func(shared *http.Transport) {
			client := trapClient(t, url, retrysafe.Options{HTTPClient: &http.Client{Transport: shared}, Retry: retrysafe.RetryPolicy{MaxAttempts: 1}})
			if _, err := ourCharge(t.Context(), client); !errors.Is(err, retrysafe.ErrAttemptsExhausted) {
				t.Errorf("ours: %s: %v", name, err)
			}
		})
		if n != 1 {
			t.Errorf("ours: %s: another user opened %d connections, want 1: its idle one survives", name, n)
		}
	}
}

// closingServer answers GET, and counts every other request, reads it and
// closes the connection without an answer: all of them if it closes for ever,
// else the first one only.
func closingServer(t *testing.T, forEver bool) (server *httptest.Server, posts *atomic.Int32, barrier *sync.WaitGroup) {
	posts, barrier = new(atomic.Int32), new(sync.WaitGroup)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		if req.Method == http.MethodGet {
			barrier.Done()
			barrier.Wait() // So that each of several is on a connection of its own.
			return
		}
		if n := posts.Add(1); n > 1 && !forEver {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, trapCharged)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	t.Cleanup(server.Close)
	return server, posts, barrier
}

// warmUp leaves n idle connections to the server in the transport.
func warmUp(t *testing.T, tr *http.Transport, server *httptest.Server, barrier *sync.WaitGroup, n int) {
	t.Helper()
	barrier.Add(n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			resp, err := (&http.Client{Transport: tr}).Get(server.URL)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	wg.Wait()
}

// stockKeyed sends one charge with a key and returns how often the loop of the
// stock library believes to have sent it.
func stockKeyed(t *testing.T, client *retryablehttp.Client, url string) (attempts int) {
	t.Helper()
	check := client.CheckRetry
	client.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		attempts++
		return check(ctx, resp, err)
	}
	req, err := retryablehttp.NewRequest(http.MethodPost, url, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", "order-1234")
	if resp, err := client.Do(req); err == nil {
		resp.Body.Close()
	}
	return attempts
}

func TestTrapNetHTTPRepeatsARequestWithoutTellingAnybody(t *testing.T) {
	server, posts, barrier := closingServer(t, false)
	transport := trapTransportOf(t)
	warmUp(t, transport, server, barrier, 1)
	if attempts := stockKeyed(t, stock(transport), server.URL); attempts != 1 || posts.Load() != 2 {
		t.Errorf("stock: %d attempts, %d deliveries, want 1 and 2", attempts, posts.Load())
	}

	server, posts, barrier = closingServer(t, false)
	transport = trapTransportOf(t)
	warmUp(t, transport, server, barrier, 1)
	client := trapClient(t, server.URL, retrysafe.Options{HTTPClient: &http.Client{Transport: transport}})
	res, err := ourCharge(t.Context(), client)
	if err != nil || posts.Load() != 2 || len(res.Attempts) != 1 || res.Attempts[0].Deliveries != 2 {
		t.Errorf("ours: %v, %v, %d deliveries at the server, want one attempt that tells of both", res, err, posts.Load())
	}
}

func TestTrapHiddenRepeatsHaveNoLimit(t *testing.T) {
	const idle = 6
	server, posts, barrier := closingServer(t, true)
	transport := trapTransportOf(t)
	warmUp(t, transport, server, barrier, idle)
	client := stock(transport)
	client.RetryMax = 0
	if attempts := stockKeyed(t, client, server.URL); attempts != 1 || posts.Load() != idle+1 {
		t.Errorf("stock: %d attempts, %d deliveries, want 1 and one for every idle connection and a fresh one", attempts, posts.Load())
	}

	server, posts, barrier = closingServer(t, true)
	transport = trapTransportOf(t)
	warmUp(t, transport, server, barrier, idle)
	own := trapClient(t, server.URL, retrysafe.Options{HTTPClient: &http.Client{Transport: transport}, Retry: retrysafe.RetryPolicy{MaxAttempts: 1}})
	_, err := ourCharge(t.Context(), own)
	e := failure(t, err)
	if posts.Load() != 2 || e.Outcome != retrysafe.Unknown || !errors.Is(err, retrysafe.ErrDeliveryLimit) {
		t.Errorf("ours: %d deliveries at the server, want 2 and to be told: %v", posts.Load(), err)
	}
}

func TestTrapTheEndOfTheContextInAnAttemptHidesWhetherAnythingWasSent(t *testing.T) {
	arrived := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		arrived <- struct{}{}
		<-req.Context().Done()
	}))
	defer server.Close()
	cancelled := func() context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		return ctx
	}
	_, sent := stockCharge(cancelled(), t, stock(trapTransportOf(t)), server.URL)
	never, cancel := context.WithCancel(t.Context())
	cancel()
	_, unsent := stockCharge(never, t, stock(trapTransportOf(t)), server.URL)
	if ue := (*url.Error)(nil); errors.As(sent, &ue) || sent == nil || unsent == nil || sent.Error() != unsent.Error() {
		t.Errorf("stock: %v and %v, want one error for what was sent and for what was not", sent, unsent)
	}

	client := trapClient(t, server.URL, retrysafe.Options{})
	_, err := ourCharge(cancelled(), client)
	if e := failure(t, err); !errors.Is(err, context.Canceled) || e.Attempts[0].Sent != retrysafe.MaybeSent || e.ThisCall != retrysafe.Unknown {
		t.Errorf("ours: sent: %v, %v", err, e.Attempts)
	}
	_, err = ourCharge(never, client)
	if e := failure(t, err); !errors.Is(err, context.Canceled) || e.Attempts[0].Sent != retrysafe.NotSent || e.ThisCall != retrysafe.NotApplied {
		t.Errorf("ours: not sent: %v, %v", err, e.Attempts)
	}
}

const trapSecret = "card=4242424242424242"

func TestTrapQueryStringsAreInErrors(t *testing.T) {
	refused := httptest.NewServer(http.NotFoundHandler())
	refused.Close()
	client := stock(trapTransportOf(t))
	client.RetryMax = 0
	if _, err := stockCharge(t.Context(), t, client, refused.URL+"/v1/charges?"+trapSecret); err == nil || !strings.Contains(err.Error(), trapSecret) {
		t.Errorf("stock: %v, want the query in it", err)
	}
	if err := ourSecretCharge(t.Context(), t, refused.URL, nil); err == nil || strings.Contains(err.Error(), "4242") {
		t.Errorf("ours: %v, want an error without the query", err)
	}
}

func ourSecretCharge(ctx context.Context, t *testing.T, baseURL string, observer retrysafe.Observer) error {
	t.Helper()
	type secret struct {
		Card string `query:"card"`
	}
	cmd := retrysafe.Command[secret, charged]{Name: "charges.secret", Path: "/v1/charges"}
	client := trapClient(t, baseURL, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1}, Observer: observer})
	_, err := cmd.Do(ctx, client, "order-1234", secret{Card: strings.TrimPrefix(trapSecret, "card=")})
	return err
}

// TestTrapEverythingIsLoggedToStderr runs itself again, so that it can look at
// the standard error of a whole process.
func TestTrapEverythingIsLoggedToStderr(t *testing.T) {
	switch os.Getenv("RETRYSAFE_TRAP_STDERR") {
	case "stock":
		client := retryablehttp.NewClient()
		client.RetryMax = 0
		stockCharge(t.Context(), t, client, "http://127.0.0.1:1/v1/charges?"+trapSecret)
		return
	case "ours":
		ourSecretCharge(t.Context(), t, "http://127.0.0.1:1", nil)
		return
	}
	if logger, ok := retryablehttp.NewClient().Logger.(*log.Logger); !ok || logger.Writer() != os.Stderr {
		t.Error("stock: want a logger to the standard error by default")
	}
	stderrOf := func(which string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTrapEverythingIsLoggedToStderr$")
		cmd.Env = append(os.Environ(), "RETRYSAFE_TRAP_STDERR="+which, "GORACE=atexit_sleep_ms=0")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v", which, err)
		}
		return stderr.String()
	}
	if got := stderrOf("stock"); !strings.Contains(got, trapSecret) {
		t.Errorf("stock: standard error has %q, want the query in it", got)
	}
	if got := stderrOf("ours"); got != "" {
		t.Errorf("ours: standard error has %q, want nothing", got)
	}
}

func TestTrapAMockHasNoTraceSoNothingIsKnownOfWhatWasSent(t *testing.T) {
	mocked := httpmock.NewMockTransport()
	mocked.RegisterResponder(http.MethodPost, trapURL, httpmock.ConnectionFailure)
	events := 0
	trace := &httptrace.ClientTrace{
		GetConn: func(string) { events++ }, GotConn: func(httptrace.GotConnInfo) { events++ },
		WroteHeaders: func() { events++ }, WroteRequest: func(httptrace.WroteRequestInfo) { events++ },
	}
	once := stock(mocked)
	once.RetryMax = 0
	if _, err := stockCharge(httptrace.WithClientTrace(t.Context(), trace), t, once, trapURL); err == nil || events != 0 {
		t.Errorf("stock: %v with %d events, want a failure that looks like one before anything was sent", err, events)
	}
	client := ours(t, mocked, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1}})
	_, err := createCharge.With(retrysafe.Call{First: true}).Do(t.Context(), client, "order-1234", charge{Amount: 1})
	e := failure(t, err)
	if a := e.Attempts[0]; a.Sent != retrysafe.NoInformation || e.Outcome != retrysafe.Unknown {
		t.Errorf("ours: %v is taken for %v (%v), want no information, so Unknown", a.Err, a.Sent, err)
	}
}

// A mock without a responder for a route looks like a network that is down.
// Neither loop can tell it by itself. Ours says Unknown with the mock's error in
// the chain, and ends at the first call if the mock answers such routes as a
// server does that does not know them.
func TestTrapAMockWithoutAResponderIsTriedAgain(t *testing.T) {
	counted := func(mocked *httpmock.MockTransport) *trapTransport {
		return &trapTransport{answer: func(_ int, req *http.Request) (*http.Response, error) { return mocked.RoundTrip(req) }}
	}
	synctest.Test(t, func(t *testing.T) {
		transport := counted(httpmock.NewMockTransport())
		_, err := stockCharge(t.Context(), t, stock(transport), trapURL)
		if len(transport.requests) != 5 || !errors.Is(err, httpmock.NoResponderFound) {
			t.Errorf("stock: %d calls, %v, want 5", len(transport.requests), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		cmd := createCharge.With(retrysafe.Call{First: true})
		_, err := cmd.Do(t.Context(), ours(t, httpmock.NewMockTransport(), retrysafe.Options{}), "order-1234", charge{Amount: 1})
		if e := failure(t, err); !errors.Is(err, httpmock.NoResponderFound) || e.Outcome != retrysafe.Unknown {
			t.Errorf("ours: %v, want the mock's own error and nothing claimed", err)
		}
	})
	mocked := httpmock.NewMockTransport()
	mocked.RegisterNoResponder(httpmock.NewStringResponder(http.StatusNotImplemented, ""))
	transport := counted(mocked)
	if resp, err := stockCharge(t.Context(), t, stock(transport), trapURL); err != nil || resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("stock: %v, %v, want it to pass for an answer", resp, err)
	}
	transport = counted(mocked)
	if _, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{})); len(transport.requests) != 1 || !errors.Is(err, retrysafe.ErrRefused) {
		t.Errorf("ours: %d calls, %v, want one and an error", len(transport.requests), err)
	}
}

// httpmock runs a responder beside the call and lets the context win, so the
// effect of a responder may come after its caller was told of a timeout.
func TestTrapAMocksEffectComesAfterItsCallerGaveUp(t *testing.T) {
	late := func(effects *atomic.Int32) *httpmock.MockTransport {
		mocked := httpmock.NewMockTransport()
		mocked.RegisterResponder(http.MethodPost, trapURL, func(*http.Request) (*http.Response, error) {
			time.Sleep(20 * time.Second)
			effects.Add(1)
			return httpmock.NewStringResponse(http.StatusCreated, trapCharged), nil
		})
		return mocked
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var effects atomic.Int32
		resp, err := stockCharge(ctx, t, stock(late(&effects)), trapURL)
		before := effects.Load()
		time.Sleep(time.Minute)
		if resp != nil || err == nil || before != 0 || effects.Load() != 1 {
			t.Errorf("stock: %v, %v, %d effects before and %d after the end, want a failure and its effect later", resp, err, before, effects.Load())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var effects atomic.Int32
		cmd := createCharge.With(retrysafe.Call{First: true})
		_, err := cmd.Do(ctx, ours(t, late(&effects), retrysafe.Options{}), "order-1234", charge{Amount: 1})
		e := failure(t, err)
		time.Sleep(time.Minute)
		if effects.Load() != 1 || e.Outcome != retrysafe.Unknown || e.ThisCall != retrysafe.Unknown {
			t.Errorf("ours: %d effects and %v, want Unknown of the effect that came later", effects.Load(), err)
		}
	})
}

func TestTrapMocksComeAlongWithEverybodysBuild(t *testing.T) {
	const module, mocks = "github.com/retrysafe/retrysafe", "github.com/jarcoal/httpmock"
	for pkg, want := range map[string]bool{module: false, module + "/mock": true} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg)
		list.Env = append(os.Environ(), "GOWORK=off")
		out, err := list.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := strings.Contains(string(out), mocks+"\n"); got != want {
			t.Errorf("%s needs %s: %t, want %t", pkg, mocks, got, want)
		}
	}
}

type noRandomness struct{}

func (noRandomness) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func TestTrapUUIDPanicsWithoutRandomness(t *testing.T) {
	uuid.SetRand(noRandomness{})
	defer uuid.SetRand(nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("stock: want a panic")
			}
		}()
		uuid.New()
	}()
	id := retrysafe.NewID()
	if id != "" {
		t.Errorf("ours: ID is %q, want none", id)
	}
	transport := alwaysFail(func() (*http.Response, error) { return nil, io.EOF })
	_, err := createCharge.Do(t.Context(), ours(t, transport, retrysafe.Options{}), id, charge{Amount: 1})
	if !errors.Is(err, retrysafe.ErrInvalid) || len(transport.requests) != 0 {
		t.Errorf("ours: %v after %d requests, want the empty ID refused before anything is sent", err, len(transport.requests))
	}
}
