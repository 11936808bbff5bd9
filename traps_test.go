package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/retrysafe/retrysafe"
)

// The traps of go-retryablehttp's loop. Every test goes through the same trap
// twice: once with the stock library and its defaults, which must fall in, and
// once with a client of ours, which must not. If a new version of the library
// closes a trap, the first half fails, and the way round it may go.

// trapTransport answers the nth request of a test, counted from 1.
type trapTransport struct {
	answer func(n int, req *http.Request) (*http.Response, error)

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (tr *trapTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	tr.mu.Lock()
	tr.requests, tr.bodies = append(tr.requests, req.Clone(req.Context())), append(tr.bodies, string(body))
	n := len(tr.requests)
	tr.mu.Unlock()
	return tr.answer(n, req)
}

// closedBody is a body that cannot be read once it was closed, as a real one.
type closedBody struct {
	io.Reader
	closed bool
}

func (b *closedBody) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.Reader.Read(p)
}

func (b *closedBody) Close() error {
	b.closed = true
	return nil
}

func trapAnswer(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		ContentLength: int64(len(body)), Body: &closedBody{Reader: strings.NewReader(body)},
	}
}

const trapCharged = `{"id":"ch_1","amount":4200}`

// failThen answers n times with what fail makes, then with a charge.
func failThen(n int, fail func() (*http.Response, error)) *trapTransport {
	return &trapTransport{answer: func(i int, _ *http.Request) (*http.Response, error) {
		if i <= n {
			return fail()
		}
		return trapAnswer(http.StatusCreated, trapCharged), nil
	}}
}

func alwaysFail(fail func() (*http.Response, error)) *trapTransport { return failThen(1<<30, fail) }

func stock(rt http.RoundTripper) *retryablehttp.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: rt}
	c.Logger = nil
	return c
}

func ours(t *testing.T, rt http.RoundTripper, opts retrysafe.Options) *retrysafe.Client {
	t.Helper()
	opts.HTTPClient = &http.Client{Transport: rt}
	c, err := retrysafe.NewClient("http://provider.test", &opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stockCharge(ctx context.Context, t *testing.T, c *retryablehttp.Client, url string) (*http.Response, error) {
	t.Helper()
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url, []byte(`{"amount":4200,"currency":"eur"}`))
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(req)
}

const trapURL = "http://provider.test/v1/charges"

func ourCharge(ctx context.Context, c *retrysafe.Client) (*retrysafe.Result[charged], error) {
	return createCharge.Do(ctx, c, "order-1234", charge{Amount: 4200, Currency: "eur"})
}

// exactly is a policy whose waits can be told in advance.
var exactly = retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Jitter: retrysafe.NoJitter}}

// failure returns our error, which there must be.
func failure(t *testing.T, err error) *retrysafe.Error {
	t.Helper()
	var e *retrysafe.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want one of ours", err)
	}
	return e
}

func since(start time.Time) time.Duration { return time.Since(start) }

func TestTrapBackoffSleepsTowardsADeadlineThatItCannotMeet(t *testing.T) {
	busy := func() (*http.Response, error) {
		return trapAnswer(http.StatusServiceUnavailable, `{}`, "Retry-After", "60"), nil
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := stockCharge(ctx, t, stock(alwaysFail(busy)), trapURL); since(start) != 10*time.Second {
			t.Errorf("stock: gave up after %v with %v, want the whole 10 s", since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := ourCharge(ctx, ours(t, alwaysFail(busy), retrysafe.Options{Retry: exactly}))
		e := failure(t, err)
		if since(start) != 0 || !errors.Is(err, retrysafe.ErrNoTimeLeft) || e.Status != 503 || !e.RetryAt.Equal(start.Add(time.Minute)) {
			t.Errorf("ours: gave up after %v with %v and RetryAt %v, want at once with the server's answer", since(start), err, e.RetryAt)
		}
	})
}

// One stock client cannot keep a wait for an operation: the closures that
// decide do not know which one they are asked about. Ours are one value each.
func TestTrapTwoOperationsAtOnceShareNeitherWaitsNorState(t *testing.T) {
	seen := map[string]int{}
	var mu sync.Mutex
	byAdvice := &trapTransport{answer: func(_ int, req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		advice := req.Header.Get("X-Advice")
		if seen[advice]++; seen[advice] <= 2 {
			return trapAnswer(http.StatusConflict, `{}`, "Retry-After", advice), nil
		}
		return trapAnswer(http.StatusCreated, trapCharged), nil
	}}
	synctest.Test(t, func(t *testing.T) {
		var wait time.Duration
		shared := stock(byAdvice)
		shared.CheckRetry = func(_ context.Context, resp *http.Response, _ error) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			wait, _ = time.ParseDuration(resp.Header.Get("Retry-After") + "s")
			return resp.StatusCode >= 400, nil
		}
		shared.Backoff = func(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
			time.Sleep(time.Millisecond) // The other operation's check comes between.
			mu.Lock()
			defer mu.Unlock()
			return wait
		}
		took := sendBoth(func(advice string) {
			req, _ := retryablehttp.NewRequest(http.MethodPost, trapURL, []byte(`{}`))
			req.Header.Set("X-Advice", advice)
			resp, err := shared.Do(req)
			if err == nil {
				resp.Body.Close()
			}
		})
		if took["1"].Round(time.Second) == 2*time.Second && took["9"].Round(time.Second) == 18*time.Second {
			t.Errorf("stock: each operation got its own waits: %v", took)
		}
	})
	clear(seen)
	synctest.Test(t, func(t *testing.T) {
		client := ours(t, byAdvice, retrysafe.Options{Retry: exactly})
		took := sendBoth(func(advice string) {
			cmd := createCharge.With(retrysafe.Call{Header: http.Header{"X-Advice": {advice}}})
			res, err := cmd.Do(t.Context(), client, "order-"+advice, charge{Amount: 1})
			if err != nil || len(res.Attempts) != 3 {
				t.Errorf("ours: advice %s: %v, %v", advice, res, err)
			}
		})
		if took["1"] != 2*time.Second || took["9"] != 18*time.Second {
			t.Errorf("ours: took %v, want 2 s and 18 s", took)
		}
	})
}

// sendBoth runs two operations at once and returns how long each took.
func sendBoth(send func(advice string)) map[string]time.Duration {
	var wg sync.WaitGroup
	var mu sync.Mutex
	took := map[string]time.Duration{}
	start := time.Now()
	for _, advice := range []string{"1", "9"} {
		wg.Go(func() {
			send(advice)
			mu.Lock()
			defer mu.Unlock()
			took[advice] = time.Since(start)
		})
	}
	wg.Wait()
	return took
}

func TestTrapDefaultBackoffHasNoJitter(t *testing.T) {
	stockWaits, ourWaits := map[time.Duration]bool{}, map[time.Duration]bool{}
	for range 100 {
		stockWaits[retryablehttp.DefaultBackoff(time.Second, 30*time.Second, 3, nil)] = true
		ourWaits[retrysafe.Backoff{Base: time.Second, Cap: 30 * time.Second}.Wait(4)] = true
	}
	if len(stockWaits) != 1 {
		t.Errorf("stock: %d different waits, want a single one", len(stockWaits))
	}
	if len(ourWaits) < 50 {
		t.Errorf("ours: %d different waits of 100, want them spread", len(ourWaits))
	}
}

func TestTrapRetryAfterOverflows(t *testing.T) {
	for _, c := range []struct {
		advice string
		stock  func(elapsed time.Duration) bool
	}{
		{"9223372037", func(elapsed time.Duration) bool { return elapsed == 0 }},                          // negative: no wait at all
		{"99999999999999", func(elapsed time.Duration) bool { return elapsed > 4*55_000*time.Hour }},      // more than six years, each time
		{"99999999999999999999999", func(elapsed time.Duration) bool { return elapsed < 20*time.Second }}, // ignored
	} {
		busy := func() (*http.Response, error) {
			return trapAnswer(http.StatusServiceUnavailable, `{}`, "Retry-After", c.advice), nil
		}
		synctest.Test(t, func(t *testing.T) {
			start, transport := time.Now(), alwaysFail(busy)
			stockCharge(t.Context(), t, stock(transport), trapURL)
			if n := len(transport.requests); n != 5 || !c.stock(since(start)) {
				t.Errorf("stock: Retry-After %s: %d attempts in %v", c.advice, n, since(start))
			}
		})
		synctest.Test(t, func(t *testing.T) {
			start, transport := time.Now(), alwaysFail(busy)
			_, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{}))
			e := failure(t, err)
			if len(transport.requests) != 1 || since(start) != 0 || !errors.Is(err, retrysafe.ErrNoTimeLeft) || e.RetryAt.Before(start.AddDate(100, 0, 0)) {
				t.Errorf("ours: Retry-After %s: %d attempts in %v, RetryAt %v: %v", c.advice, len(transport.requests), since(start), e.RetryAt, err)
			}
		})
	}
}

func TestTrapRetryAfterIsReadInOneFormOnly(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		advice func(now time.Time) string
	}{
		"RFC 850 date":             {503, func(now time.Time) string { return now.UTC().Format("Monday, 02-Jan-06 15:04:05 GMT") }},
		"asctime date":             {503, func(now time.Time) string { return now.UTC().Format(time.ANSIC) }},
		"white space":              {503, func(time.Time) string { return " 30" }},
		"fraction":                 {503, func(time.Time) string { return "30.0" }},
		"a status without support": {500, func(time.Time) string { return "30" }},
	} {
		fail := func() (*http.Response, error) {
			return trapAnswer(c.status, `{}`, "Retry-After", c.advice(time.Now().Add(30*time.Second))), nil
		}
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			if resp, err := stockCharge(t.Context(), t, stock(failThen(1, fail)), trapURL); err != nil || since(start) != time.Second {
				t.Errorf("stock: %s: waited %v (%v, %v), want its own second", name, since(start), resp, err)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := ourCharge(t.Context(), ours(t, failThen(1, fail), retrysafe.Options{Retry: exactly}))
			if err != nil || since(start) != 30*time.Second {
				t.Errorf("ours: %s: waited %v (%v), want 30 s", name, since(start), err)
			}
		})
	}
}

func TestTrapLinearBackoffIsNotCapped(t *testing.T) {
	const limit = 30 * time.Second
	if wait := retryablehttp.LinearJitterBackoff(time.Second, limit, 99, nil); wait <= limit {
		t.Errorf("stock: %v, want more than the cap", wait)
	}
	for range 1000 {
		if wait := (retrysafe.Backoff{Base: time.Second, Cap: limit}).Wait(100); wait < 0 || wait > limit {
			t.Fatalf("ours: %v, want at most %v", wait, limit)
		}
	}
}
