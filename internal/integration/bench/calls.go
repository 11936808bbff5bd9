package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

const account = "acme/bench/live"

type charge struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Customer string `json:"customer"`
}

type charged struct {
	ID     string `json:"id"`
	Amount int64  `json:"amount"`
}

var createCharge = retrysafe.Command[charge, charged]{Name: "charges.create", Path: "/v1/charges"}

// answering is a transport without a socket that gives every request one answer.
type answering struct {
	status int
	body   []byte
}

// The answers are short, so that ten million records fit into the memory that
// the system has for files.
var (
	accepted = answering{http.StatusOK, []byte(`{"id":"ch_1","amount":4200,"currency":"eur","description":"` + strings.Repeat("x", 100) + `"}`)}
	declined = answering{http.StatusPaymentRequired, []byte(`{"error":{"type":"card_error","code":"card_declined","message":"` + strings.Repeat("x", 100) + `"}}`)}
)

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	return &http.Response{
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(a.body)), Body: io.NopCloser(bytes.NewReader(a.body)), Request: req,
	}, nil
}

// How long a provider is said to remember a key: where that is known, a success
// need not wait for the disk, because it could be had again.
const (
	windowKnown   = 24 * time.Hour
	windowUnknown = 0
)

// newClient returns a client of a provider that remembers keys for a time, and
// whose declined payments are remembered with them.
func newClient(s store.Store, transport answering, window time.Duration) (*retrysafe.Client, error) {
	return retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
		Account: account, Store: s, HTTPClient: &http.Client{Transport: transport},
		Profile: retrysafe.Profile{Window: window, Rules: []retrysafe.Rule{
			{Status: 402, At: "/error/type", Is: "card_error", Verdict: retrysafe.Refused, Stored: true},
		}},
	})
}

// call makes a command of a name of its own, and reports an ending other than
// the one that its provider's answer means.
func (b *bench) call(ctx context.Context, client *retrysafe.Client, want retrysafe.Outcome) error {
	return callNamed(ctx, client, b.newID(), want)
}

func callNamed(ctx context.Context, client *retrysafe.Client, id string, want retrysafe.Outcome) error {
	_, err := createCharge.Do(ctx, client, id, charge{Amount: 4200, Currency: "eur", Customer: "cus_9s6XKzkNRiz8i3"})
	if got := retrysafe.OutcomeOf(err); got != want {
		return fmt.Errorf("%s: %v, want %v: %w", id, got, want, err)
	}
	return nil
}
