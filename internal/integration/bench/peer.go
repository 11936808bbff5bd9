package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"
)

// peer is one way to make the call. It may be called by several goroutines.
type peer struct {
	name string
	call func(context.Context) error
}

// target is what all peers of a setting call, and through what.
type target struct {
	base      string
	transport http.RoundTripper
}

// What the others are compared with, and we with them.
const (
	plainName       = "net/http"
	handWrittenName = "a hand-written loop"
	retryableName   = "go-retryablehttp"
	ourName         = "retrysafe"
)

var theCharge = charge{Amount: 4200, Currency: "eur", Customer: "cus_9s6XKzkNRiz8i3"}

// limited has a time limit for an attempt, as a command has.
func (t target) limited() *http.Client {
	return &http.Client{Transport: t.transport, Timeout: 30 * time.Second}
}

func (t target) url() string { return t.base + "/v1/charges" }

// peersOf returns all that are compared, net/http first. All but the typed SDKs
// send the same bytes and decode the same answer. Those that cannot name an
// operation make a random key for every call.
func peersOf(t target) ([]peer, error) {
	all := []peer{
		{plainName, t.plainly()}, {handWrittenName, t.byHand()}, {retryableName, t.retryably()},
		{"resty", t.resty()}, {"aws-sdk-go-v2, retryer and middleware", t.aws()},
	}
	all = append(all, t.sdks()...)
	ours, err := t.ours()
	return append(all, ours...), err
}

// label sets what a command sends.
func label(h http.Header, key string) {
	h.Set("Accept", "application/json")
	h.Set("Content-Type", "application/json")
	h.Set("Idempotency-Key", key)
}

func (t target) plainly() func(context.Context) error {
	client, url := t.limited(), t.url()
	return func(ctx context.Context) error {
		body, err := json.Marshal(theCharge)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		label(req.Header, uuid.NewString())
		return decoded(client.Do(req))
	}
}

func (t target) retryably() func(context.Context) error {
	client, url := retryablehttp.NewClient(), t.url()
	client.HTTPClient, client.Logger = t.limited(), nil
	return func(ctx context.Context) error {
		body, err := json.Marshal(theCharge)
		if err != nil {
			return err
		}
		req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url, body)
		if err != nil {
			return err
		}
		label(req.Header, uuid.NewString())
		return decoded(client.Do(req))
	}
}

func (t target) resty() func(context.Context) error {
	client, url := resty.NewWithClient(t.limited()).SetRetryCount(4), t.url()
	return func(ctx context.Context) error {
		var got charged
		resp, err := client.R().SetContext(ctx).SetHeader("Accept", "application/json").
			SetHeader("Idempotency-Key", uuid.NewString()).SetBody(theCharge).SetResult(&got).Post(url)
		return checked(got, resp.StatusCode(), err)
	}
}

func decoded(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var got charged
	err = json.NewDecoder(resp.Body).Decode(&got)
	return checked(got, resp.StatusCode, err)
}

// numbered gives names that differ from each other.
type numbered struct{ n atomic.Int64 }

func (n *numbered) next() string { return "order-" + strconv.FormatInt(n.n.Add(1), 10) }
