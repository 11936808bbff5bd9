package retrysafe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/retrysafe/retrysafe"
)

// The traps of go-retryablehttp around one attempt: its request, its answer,
// its end. traps_test.go says how these tests are made.

func TestTrapAPostIsRetriedWithoutAKey(t *testing.T) {
	reset := func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	keyless := retrysafe.Options{Profile: retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}}
	synctest.Test(t, func(t *testing.T) {
		transport := alwaysFail(reset)
		stockCharge(t.Context(), t, stock(transport), trapURL)
		if n := len(transport.requests); n != 5 || transport.requests[4].Header.Get("Idempotency-Key") != "" {
			t.Errorf("stock: %d keyless charges after doubt, want 5", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		transport := alwaysFail(reset)
		_, err := ourCharge(t.Context(), ours(t, transport, keyless))
		if e := failure(t, err); len(transport.requests) != 1 || !errors.Is(err, retrysafe.ErrNotResent) || e.ThisCall != retrysafe.Unknown {
			t.Errorf("ours, without key: %d requests, %v", len(transport.requests), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		transport := alwaysFail(reset)
		ourCharge(t.Context(), ours(t, transport, retrysafe.Options{}))
		keys := map[string]bool{}
		for _, req := range transport.requests {
			keys[req.Header.Get("Idempotency-Key")] = true
		}
		if len(transport.requests) != 5 || len(keys) != 1 || keys[""] {
			t.Errorf("ours: %d requests with %d keys, want 5 with one", len(transport.requests), len(keys))
		}
	})
}

func TestTrapAnExhaustedFailureLosesTheAnswer(t *testing.T) {
	const body = `{"error":{"code":"lock_timeout"}}`
	fail := func() (*http.Response, error) {
		return trapAnswer(http.StatusServiceUnavailable, body, "Request-Id", "req_1"), nil
	}
	synctest.Test(t, func(t *testing.T) {
		resp, err := stockCharge(t.Context(), t, stock(alwaysFail(fail)), trapURL)
		if resp != nil || err == nil || errors.Unwrap(err) != nil || strings.Contains(err.Error(), "503") {
			t.Errorf("stock: %v, %v, want no answer and a text that does not have it either", resp, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		options := retrysafe.Options{Profile: retrysafe.Profile{Code: []string{"/error/code"}}}
		res, err := ourCharge(t.Context(), ours(t, alwaysFail(fail), options))
		e := failure(t, err)
		if res == nil || res.Status != 503 || e.Status != 503 || e.ProviderCode != "lock_timeout" || e.RequestID != "req_1" || len(e.Attempts) != 5 {
			t.Errorf("ours: %v, %v with code %q and request %q", res, err, e.ProviderCode, e.RequestID)
		}
	})
}

func TestTrapTheEndOfTheContextInAWaitDropsTheServersAnswer(t *testing.T) {
	shutdown := errors.New("shutting down")
	busy := func() (*http.Response, error) {
		return trapAnswer(http.StatusServiceUnavailable, `{}`, "Retry-After", "20"), nil
	}
	cancelled := func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(shutdown) })
		return ctx
	}
	synctest.Test(t, func(t *testing.T) {
		resp, err := stockCharge(cancelled(t), t, stock(alwaysFail(busy)), trapURL)
		if resp != nil || err != context.Canceled {
			t.Errorf("stock: %v, %v, want the bare context's error", resp, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		res, err := ourCharge(cancelled(t), ours(t, alwaysFail(busy), retrysafe.Options{}))
		e := failure(t, err)
		if since(start) != 5*time.Second || !errors.Is(err, shutdown) || res == nil || e.Status != 503 || e.Verdict != retrysafe.Again {
			t.Errorf("ours: after %v: %v, %v, want the cause and the server's 503", since(start), res, err)
		}
	})
}

func TestTrapTheBodyOfAFailureIsGoneBeforeAnybodyDecides(t *testing.T) {
	body := `{"detail":"` + strings.Repeat("x", 10_000) + `"}`
	fail := func() (*http.Response, error) { return trapAnswer(http.StatusServiceUnavailable, body), nil }
	synctest.Test(t, func(t *testing.T) {
		client := stock(alwaysFail(fail))
		read := -1
		client.Backoff = func(_, _ time.Duration, _ int, resp *http.Response) time.Duration {
			got, _ := io.ReadAll(resp.Body)
			read = len(got)
			return 0
		}
		stockCharge(t.Context(), t, client, trapURL)
		if read != 0 {
			t.Errorf("stock: Backoff read %d bytes of the answer, want none", read)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		cmd, read := createCharge, ""
		cmd.Failure = func(a retrysafe.Answer) error {
			read = string(a.Body)
			return nil
		}
		_, err := cmd.Do(t.Context(), ours(t, alwaysFail(fail), retrysafe.Options{}), "order-1234", charge{Amount: 4200})
		if e := failure(t, err); read != body || len(e.Attempts) != 5 {
			t.Errorf("ours: Failure read %d bytes after %d attempts, want all %d after 5", len(read), len(e.Attempts), len(body))
		}
	})
}

func TestTrapHooksMissTheFirstAttemptOrCannotStopIt(t *testing.T) {
	reset := func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(1, reset)
		client := stock(transport)
		client.PrepareRetry = func(req *http.Request) error {
			req.Header.Set("Authorization", "Bearer s3cret")
			return nil
		}
		stockCharge(t.Context(), t, client, trapURL)
		if transport.requests[0].Header.Get("Authorization") != "" || transport.requests[1].Header.Get("Authorization") == "" {
			t.Error("stock: want the first attempt unsigned and the second signed")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(1, reset)
		authorize := func(req *http.Request) error {
			req.Header.Set("Authorization", "Bearer s3cret")
			return nil
		}
		_, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{Authorize: authorize}))
		if err != nil || transport.requests[0].Header.Get("Authorization") == "" || transport.requests[1].Header.Get("Authorization") == "" {
			t.Errorf("ours: want both attempts signed: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		transport, locked := failThen(0, reset), errors.New("vault is locked")
		_, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{Authorize: func(*http.Request) error { return locked }}))
		e := failure(t, err)
		if len(transport.requests) != 0 || !errors.Is(err, locked) || !errors.Is(err, retrysafe.ErrAuthorize) || e.Attempts[0].Sent != retrysafe.NotSent {
			t.Errorf("ours: %d requests, %v, want none after a failed Authorize", len(transport.requests), err)
		}
	})
}

func TestTrapThereIsNoTimeLimitOfAnAttempt(t *testing.T) {
	stalls := func() *trapTransport {
		return &trapTransport{answer: func(n int, req *http.Request) (*http.Response, error) {
			if n == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return trapAnswer(http.StatusCreated, trapCharged), nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		start, transport := time.Now(), stalls()
		_, err := stockCharge(ctx, t, stock(transport), trapURL)
		if len(transport.requests) != 1 || since(start) != 10*time.Minute || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stock: %d attempts in %v: %v, want one that takes all the time there is", len(transport.requests), since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		res, err := ourCharge(ctx, ours(t, stalls(), retrysafe.Options{Retry: exactly}))
		if err != nil || len(res.Attempts) != 2 {
			t.Fatalf("ours: %v, %v, want an answer to the second attempt", res, err)
		}
		first := res.Attempts[0]
		if first.Duration != 30*time.Second || !errors.Is(first.Err, retrysafe.ErrAttemptTimeout) || errors.Is(first.Err, context.DeadlineExceeded) {
			t.Errorf("ours: first attempt took %v and ended with %v", first.Duration, first.Err)
		}
	})
}

func TestTrapOneHeaderMapIsSharedByAllAttempts(t *testing.T) {
	reset := func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(2, reset)
		client := stock(transport)
		client.RequestLogHook = func(_ retryablehttp.Logger, req *http.Request, _ int) { req.Header.Add("X-Signature", "v1") }
		stockCharge(t.Context(), t, client, trapURL)
		if got := transport.requests[2].Header["X-Signature"]; len(got) != 3 {
			t.Errorf("stock: third attempt has %d signatures, want those of all three", len(got))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(2, reset)
		declared := http.Header{"X-Version": {"2026-01-01"}}
		client := ours(t, transport, retrysafe.Options{Authorize: func(req *http.Request) error {
			req.Header.Add("X-Signature", "v1")
			req.Header["X-Version"][0] = "changed"
			return nil
		}})
		_, err := createCharge.With(retrysafe.Call{Header: declared}).Do(t.Context(), client, "order-1234", charge{Amount: 1})
		if err != nil || len(transport.requests) != 3 {
			t.Fatalf("ours: %d requests: %v", len(transport.requests), err)
		}
		for i, req := range transport.requests {
			if got := req.Header["X-Signature"]; len(got) != 1 {
				t.Errorf("ours: attempt %d has %d signatures, want one", i+1, len(got))
			}
		}
		if declared.Get("X-Version") != "2026-01-01" {
			t.Error("ours: the caller's own header was changed")
		}
	})
}

// An SDK's request that goes through StandardClient loses its second copy of
// the body, so that net/http can no longer repeat what was never written.
func TestTrapTheSecondCopyOfABodyIsLostOnTheWay(t *testing.T) {
	reset := func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(1, reset)
		original := &closedBody{Reader: bytes.NewReader([]byte(`{}`))}
		resp, err := stock(transport).StandardClient().Post(trapURL, "application/json", original)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if transport.requests[1].GetBody != nil || original.closed {
			t.Errorf("stock: second copy %t, original closed %t, want neither", transport.requests[1].GetBody != nil, original.closed)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(1, reset)
		if _, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{})); err != nil {
			t.Fatal(err)
		}
		for i, req := range transport.requests {
			if req.GetBody == nil {
				t.Fatalf("ours: attempt %d has no second copy of its body", i+1)
			}
			again, err := req.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(again)
			if want := `{"amount":4200,"currency":"eur"}`; string(got) != want || transport.bodies[i] != want || req.ContentLength != int64(len(want)) {
				t.Errorf("ours: attempt %d sent %q and would repeat %q", i+1, transport.bodies[i], got)
			}
		}
	})
}
