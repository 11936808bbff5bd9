package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// byHand is the loop that an application would write by itself around net/http:
// a key from the operation's name, a few attempts with backoff, and the answer
// decoded. It does not know how a failed operation ended.
func (t target) byHand() func(context.Context) error {
	client, url := t.limited(), t.url()
	return func(ctx context.Context) error {
		body, err := json.Marshal(theCharge)
		if err != nil {
			return err
		}
		resp, err := sendByHand(ctx, client, url, keyOf("order-1234"), body)
		return decoded(resp, err)
	}
}

func sendByHand(ctx context.Context, client *http.Client, url, key string, body []byte) (*http.Response, error) {
	const attempts = 5
	for n := 1; ; n++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		label(req.Header, key)
		resp, err := client.Do(req)
		if err == nil && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
			return resp, nil
		}
		if n == attempts {
			return resp, err
		}
		if err == nil {
			resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rand.N(500 * time.Millisecond << n)):
		}
	}
}

func keyOf(id string) string {
	sum := sha256.Sum256([]byte(account + "\x00" + createCharge.Name + "\x00" + id))
	return uuid.UUID(sum[:16]).String()
}

// checked reports a call that did not end as all are meant to.
func checked(got charged, status int, err error) error {
	if err == nil && (status != http.StatusOK || got.ID != "ch_1" || got.Amount != 4200) {
		err = fmt.Errorf("%d %+v", status, got)
	}
	return err
}
