package retrysafe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/retrysafe/retrysafe"
)

// inMemory answers every request with the same charge, without a socket.
type inMemory struct{}

var chargeBody = []byte(`{"id":"ch_1","amount":4200}`)

func (inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(chargeBody)), Body: io.NopCloser(bytes.NewReader(chargeBody)), Request: req,
	}, nil
}

func plainCharge(client *http.Client, url string) error {
	body, err := json.Marshal(charge{Amount: 4200, Currency: "eur"})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	label(req.Header)
	return decodeCharge(client.Do(req))
}

// label sets what a command sends, with a key made for the call.
func label(h http.Header) {
	h.Set("Accept", "application/json")
	h.Set("Content-Type", "application/json")
	h.Set("Idempotency-Key", uuid.NewString())
}

func retryableCharge(client *retryablehttp.Client, url string) error {
	body, err := json.Marshal(charge{Amount: 4200, Currency: "eur"})
	if err != nil {
		return err
	}
	req, err := retryablehttp.NewRequestWithContext(context.Background(), http.MethodPost, url, body)
	if err != nil {
		return err
	}
	label(req.Header)
	return decodeCharge(client.Do(req))
}

func decodeCharge(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var got charged
	return json.NewDecoder(resp.Body).Decode(&got)
}

func newInMemory(tb testing.TB) *retrysafe.Client {
	client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
		Account: "acme/test/live", HTTPClient: &http.Client{Transport: inMemory{}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// TestACommandInMemoryCostsAtMost60Allocations holds the budget of the design.
func TestACommandInMemoryCostsAtMost60Allocations(t *testing.T) {
	client := newInMemory(t)
	got := testing.AllocsPerRun(200, func() {
		if _, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"}); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%v allocations", got)
	if got > 60 {
		t.Errorf("a command costs %v allocations, want at most 60", got)
	}
}

func BenchmarkCommandInMemory(b *testing.B) {
	benchmarkPeers(b, inMemory{}, "https://api.example.com")
}

func BenchmarkCommandOverLoopback(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Write(chargeBody)
	}))
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	benchmarkPeers(b, transport, server.URL)
}

// peers are three ways to make the same call: by net/http alone, by bare
// go-retryablehttp, and by a command. All send the same header and body, and
// have a time limit for an attempt and a key: the first two a random one, made
// for the call, the last one that is derived. Only the last knows how it ended.
func peers(tb testing.TB, transport http.RoundTripper, base string) (names []string, calls []func() error) {
	limited := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	retryable := retryablehttp.NewClient()
	retryable.HTTPClient, retryable.Logger = limited, nil
	client, err := retrysafe.NewClient(base, &retrysafe.Options{
		Account: "acme/test/live", HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return []string{"net/http", "go-retryablehttp", "retrysafe"}, []func() error{
		func() error { return plainCharge(limited, base+"/v1/charges") },
		func() error { return retryableCharge(retryable, base+"/v1/charges") },
		func() error {
			_, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
			return err
		},
	}
}

// benchmarkPeers runs each by itself, and then all in turn, round by round, so
// that what else the machine does hits all alike: "ratio" is the median over
// the rounds of retrysafe's time to go-retryablehttp's, "plain" to net/http's.
func benchmarkPeers(b *testing.B, transport http.RoundTripper, base string) {
	names, calls := peers(b, transport, base)
	for i, call := range calls {
		b.Run(names[i], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("in turn", func(b *testing.B) {
		const batch = 50
		var ratios, plain []float64
		for round := 0; b.Loop(); round++ {
			took := make([]time.Duration, len(calls))
			for n := range calls {
				i := (round + n) % len(calls)
				begin := time.Now()
				for range batch {
					if err := calls[i](); err != nil {
						b.Fatal(err)
					}
				}
				took[i] = time.Since(begin)
			}
			ratios = append(ratios, float64(took[2])/float64(took[1]))
			plain = append(plain, float64(took[2])/float64(took[0]))
		}
		slices.Sort(ratios)
		slices.Sort(plain)
		b.ReportMetric(ratios[len(ratios)/2], "ratio")
		b.ReportMetric(plain[len(plain)/2], "plain")
	})
}
