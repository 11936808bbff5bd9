package provider_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/provider"
)

// TestQuotaResetsMeanAWaitWithA429Alone: both providers send them on every
// answer.
func TestQuotaResetsMeanAWaitWithA429Alone(t *testing.T) {
	const wait = 40 * time.Second // more than any backoff
	for name, c := range map[string]struct {
		profile retrysafe.Profile
		header  string
		value   func(time.Time) string
	}{
		"GoCardless": {provider.GoCardless(), "Ratelimit-Reset", func(at time.Time) string { return at.UTC().Format(http.TimeFormat) }},
		"Square":     {provider.Square(), "X-Ratelimit-Reset", func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }},
	} {
		for status, advised := range map[int]bool{429: true, 503: false} {
			t.Run(name+" "+strconv.Itoa(status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					answers := 0
					limited := transport(func(*http.Request) *http.Response {
						h := http.Header{"Content-Type": {"application/json"}, c.header: {c.value(time.Now().Add(wait))}}
						if answers++; answers == 1 {
							return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("{}"))}
						}
						return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader("{}"))}
					})
					client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
						Profile: c.profile, HTTPClient: &http.Client{Transport: limited},
					})
					if err != nil {
						t.Fatal(err)
					}
					pay := retrysafe.Command[struct{ Amount int }, retrysafe.None]{Name: "pay", Path: "/payments"}
					res, err := pay.Do(context.Background(), client, "order-1", struct{ Amount int }{1})
					if err != nil {
						t.Fatal(err)
					}
					if got := res.Attempts[1].Wait; (got >= wait) != advised {
						t.Errorf("waited %v, advised %t", got, advised)
					}
				})
			})
		}
	}
}

type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	return f(req), nil
}
