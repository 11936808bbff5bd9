package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/retrysafe/retrysafe"
)

// peer is one way of calling the server.
type peer struct {
	name   string
	client func(url string, transport http.RoundTripper) (call, error) // a new instance
}

// call makes one call of an operation: what an application does before it has
// to think again. nil: applied.
type call func(ctx context.Context, id, key string) error

// peers are those that are compared, in the order of the tables.
var peers = []peer{
	{"net/http", plain},
	{"go-retryablehttp", retryable},
	{"aws-sdk-go-v2", awsSQS},
	{"openai-go", openAI},
	{"stripe-go", stripeGo},
	{"retrysafe", command(false)},
	{"retrysafe, no budget", command(true)},
}

// choose returns the peers of a list of names; all if it is empty.
func choose(list string) ([]peer, error) {
	if list == "" {
		return peers, nil
	}
	var chosen []peer
	for name := range strings.SplitSeq(list, ",") {
		before := len(chosen)
		for _, p := range peers {
			if p.name == name || strings.ReplaceAll(p.name, ", ", "-") == name {
				chosen = append(chosen, p)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("no peer is called %q", name)
		}
	}
	return chosen, nil
}

type charge struct {
	Amount   int    `json:"amount"`
	Currency string `json:"currency"`
}

var order = charge{Amount: 1200, Currency: "eur"}

const path = "/v1/charges"

var create = retrysafe.Command[charge, struct {
	ID string `json:"id"`
}]{Name: "charges.create", Path: path}

func command(unlimited bool) func(string, http.RoundTripper) (call, error) {
	return func(url string, transport http.RoundTripper) (call, error) {
		opts := &retrysafe.Options{HTTPClient: &http.Client{Transport: transport}}
		if unlimited {
			opts.Retry.Budget = &retrysafe.Budget{Capacity: math.MaxInt32}
		}
		client, err := retrysafe.NewClient(url, opts)
		return func(ctx context.Context, id, _ string) error {
			_, err := create.Do(ctx, client, id, order)
			return err
		}, err
	}
}

func plain(url string, transport http.RoundTripper) (call, error) {
	client := &http.Client{Transport: transport}
	return func(ctx context.Context, _, key string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, payload())
		if err != nil {
			return err
		}
		setHeader(req.Header, key)
		return read(client.Do(req))
	}, nil
}

func retryable(url string, transport http.RoundTripper) (call, error) {
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{Transport: transport}
	client.Logger = nil
	return func(ctx context.Context, _, key string) error {
		req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url+path, payload())
		if err != nil {
			return err
		}
		setHeader(req.Header, key)
		return read(client.Do(req))
	}, nil
}

func payload() *strings.Reader {
	return strings.NewReader(fmt.Sprintf(`{"amount":%d,"currency":%q}`, order.Amount, order.Currency))
}

func setHeader(h http.Header, key string) {
	h.Set("Content-Type", "application/json")
	h.Set("Idempotency-Key", key)
}

func read(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
