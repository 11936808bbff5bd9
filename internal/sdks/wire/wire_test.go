// Package wire_test runs no SDK: those of Square and Adyen could not be installed
// where these tests were written. It sends requests shaped as theirs.
package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/sdks/sdktest"
)

// refusal is an answer that an SDK would make its own error of.
type refusal struct {
	status int
	body   []byte
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.body) }

// says returns whether an error is a refusal with this text in its body.
func says(status int, text string) func(error) bool {
	return func(err error) bool {
		r, ok := err.(*refusal)
		return ok && r.status == status && bytes.Contains(r.body, []byte(text))
	}
}

// post sends what an SDK sends, and decodes a success into into.
func post(ctx context.Context, hc *http.Client, url string, header http.Header, body string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= 300:
		return &refusal{resp.StatusCode, answer}
	}
	return json.Unmarshal(answer, into)
}

// stopped is a call that nobody may send again.
func stopped(outcome retrysafe.Outcome, effects int) sdktest.Under {
	return sdktest.Under{Attempts: 1, Effects: effects, Err: true, Outcome: outcome}
}
