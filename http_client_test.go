package retrysafe_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

func TestTheHTTPClientsTimeoutLimitsAnAttemptThatNoPolicyLimits(t *testing.T) {
	once := retrysafe.RetryPolicy{MaxAttempts: 1}
	limited, unlimited := once, once
	limited.AttemptTimeout, unlimited.AttemptTimeout = 5*time.Second, retrysafe.Unlimited
	for name, c := range map[string]struct {
		timeout time.Duration
		client  retrysafe.RetryPolicy
		command *retrysafe.RetryPolicy
		want    time.Duration
	}{
		"client's policy":                     {2 * time.Second, once, nil, 2 * time.Second},
		"command's policy":                    {2 * time.Second, once, &once, 2 * time.Second},
		"client's policy, limited":            {2 * time.Second, limited, nil, 5 * time.Second},
		"command's policy, limited":           {2 * time.Second, once, &limited, 5 * time.Second},
		"command's policy, unlike the client": {2 * time.Second, limited, &once, 2 * time.Second},
		"command's policy, unlimited":         {2 * time.Second, once, &unlimited, 2 * time.Minute},
		"no timeout":                          {0, once, &once, 30 * time.Second},
		"negative timeout":                    {-time.Second, once, &once, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
					HTTPClient: &http.Client{Transport: stalling, Timeout: c.timeout}, Retry: c.client,
				})
				if err != nil {
					t.Fatal(err)
				}
				cmd, start := createCharge, time.Now()
				cmd.Retry = c.command
				_, err = cmd.Do(t.Context(), client, "order-1", charge{})
				if took := time.Since(start); took != c.want || !errors.Is(err, retrysafe.ErrAttemptTimeout) {
					t.Errorf("the attempt took %v: %v, want %v", took, err, c.want)
				}
			})
		})
	}
}

// Many tests, and some proxies, send every request to a server of their own by
// rewriting its URL in place.
func TestATransportThatRewritesTheURLChangesOneAttemptAlone(t *testing.T) {
	allow := func(*http.Request) error { return nil }
	for name, opts := range map[string]retrysafe.Options{
		"plain": {}, "authorized": {Authorize: allow}, "observed": {Observer: &changer{unchanged, unchanged}},
	} {
		t.Run(name, func(t *testing.T) {
			const want = "https://api.example.com/base/v1/charges"
			wire := transportFunc(func(req *http.Request) (*http.Response, error) {
				if got := req.URL.String(); got != want {
					t.Errorf("request goes to %s, want %s", got, want)
				}
				req.URL.Scheme, req.URL.Host, req.URL.Path, req.URL.RawQuery = "http", "127.0.0.1:1", "/rewritten", "x=y"
				return trapAnswer(503, `{}`), nil
			})
			opts.Retry = hurried
			opts.Retry.Budget = plenty()
			client := wireClient(t, wire, opts)
			together(8, func(worker int) {
				for i := range 3 {
					_, err := createCharge.Do(t.Context(), client, fmt.Sprint("order-", worker, "-", i), charge{})
					if e := asError(t, err); len(e.Attempts) != 2 || !errors.Is(err, retrysafe.ErrAttemptsExhausted) {
						t.Errorf("%d attempts: %v, want both made", len(e.Attempts), err)
					}
				}
			})
		})
	}
}

func TestATransportThatAddsHeadersInPlaceAddsThemOnce(t *testing.T) {
	wire := transportFunc(func(r *http.Request) (*http.Response, error) {
		r.Header.Add("Authorization", "Bearer x")
		if got := r.Header["Authorization"]; len(got) != 1 {
			t.Errorf("%d credentials, want 1", len(got))
		}
		return response(503, "application/json", "{}"), nil
	})
	client := wireClient(t, wire, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 3, Backoff: retrysafe.Backoff{Base: 1}}})
	_, err := createCharge.Do(t.Context(), client, "order-1", charge{})
	if got := len(asError(t, err).Attempts); got != 3 {
		t.Errorf("%d attempts, want 3", got)
	}
}
