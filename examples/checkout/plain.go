package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/retrysafe/retrysafe"
)

// plain charges as most programs do: a loop around net/http that tries five
// times under one random key, and an application that takes an error for a
// charge that was not made.
type plain struct {
	settings
	url    string
	client *http.Client
}

func startPlain(s settings, url string) (process, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	return &plain{s, url, &http.Client{Transport: transport, Timeout: s.timeout}}, nil
}

func (p *plain) stop() { p.client.CloseIdleConnections() }

var errDeclined = errors.New("card declined")

func (p *plain) charge(ctx context.Context, o order, call int) told {
	answer, err := p.post(ctx, p.randomKey(o, call), chargeRequest{Order: o.id, Amount: o.amount, Card: o.card})
	switch {
	case err == nil:
		return told{outcome: retrysafe.Applied, charge: answer.ID}
	case errors.Is(err, errDeclined):
		return told{outcome: retrysafe.NotApplied}
	default:
		return told{outcome: retrysafe.NotApplied, again: true}
	}
}

// randomKey is a new one for every call. It is drawn, so that a run can be
// repeated.
func (p *plain) randomKey(o order, call int) string {
	r := draw(p.seed, "key", o.id, call)
	return fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())
}

// post returns the decoded answer, or the last error.
func (p *plain) post(ctx context.Context, key string, c chargeRequest) (answer chargeAnswer, err error) {
	body, err := json.Marshal(c)
	if err != nil {
		return answer, err
	}
	for try := 1; try <= attempts; try++ {
		var again bool
		if again, err = p.try(ctx, key, body, &answer); !again {
			break
		}
		if !pause(ctx, backoff.Wait(try)) {
			return answer, ctx.Err()
		}
	}
	return answer, err
}

// try sends the charge once, and tries what is usual again: no answer, 429 and
// 5xx.
func (p *plain) try(ctx context.Context, key string, body []byte, answer *chargeAnswer) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/charges", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := p.client.Do(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return true, err
	case res.StatusCode == http.StatusPaymentRequired:
		return false, errDeclined
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return true, fmt.Errorf("status %d", res.StatusCode)
	case res.StatusCode >= 300:
		return false, fmt.Errorf("status %d", res.StatusCode)
	}
	return false, json.Unmarshal(text, answer)
}
