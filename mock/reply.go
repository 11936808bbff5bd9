package mock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/retrysafe/retrysafe/internal/problem"
)

// Reply is an answer of the provider, and what it means for the ledger.
// [JSON], [Problem] and [StripeError] build the common ones. The zero Reply is
// an empty success.
type Reply struct {
	// Status is the HTTP status, 200 to 599. Zero means the dialect's status
	// for something made: 201 in IETF, 200 in StripeV1.
	Status int
	// Header may be nil. Content-Type defaults to application/json where there
	// is a body.
	Header http.Header
	// Body is sent as it is.
	Body []byte
	// Took says that the effect took place although Status is 400 or above: a
	// charge that was made before the provider failed with a 500. Below 400 an
	// effect is counted without it.
	Took bool
	// Declined says that there was no effect although Status is below 400: a
	// payment declined in a 201. Took wins over it.
	Declined bool
	// NotStored says that the request was turned down before the operation
	// began, as by the validation of its parameters. Nothing is then stored
	// under the key, and the next request with it runs the effect anew.
	NotStored bool
}

// JSON returns a Reply with v encoded as JSON. A v that cannot be encoded
// gives a 500 that says so.
func JSON(status int, v any) Reply {
	body, err := json.Marshal(v)
	if err != nil {
		return Problem(http.StatusInternalServerError, "Cannot encode the reply", err.Error())
	}
	return Reply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Problem returns a Reply with a problem document (RFC 9457) as its body.
func Problem(status int, title, detail string) Reply {
	return Reply{
		Status: status, Header: http.Header{"Content-Type": {problem.MediaType}},
		Body: problem.Details{Title: title, Status: status, Detail: detail}.JSON(),
	}
}

// StripeError returns a Reply with the error body of Stripe's API v1
// (docs.stripe.com/api/errors). An empty code is left out. A declined card is
//
//	mock.StripeError(402, "card_error", "card_declined", "Your card was declined.")
func StripeError(status int, typ, code, message string) Reply {
	type body struct {
		Type    string `json:"type"`
		Code    string `json:"code,omitempty"`
		Message string `json:"message"`
	}
	return JSON(status, map[string]body{"error": {typ, code, message}})
}

// took reports whether the reply counts as an effect.
func (r Reply) took() bool {
	return r.Took || (r.Status < 400 && !r.Declined)
}

func (r Reply) clone() Reply {
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	if r.Header == nil {
		r.Header = http.Header{}
	}
	return r
}

// check says what of the reply cannot be sent over HTTP.
func (r Reply) check() error {
	if r.Status < 200 || r.Status > 599 {
		return fmt.Errorf("status %d is not between 200 and 599", r.Status)
	}
	if len(r.Body) > 0 && !bodyAllowed(r.Status) {
		return fmt.Errorf("status %d has no body", r.Status)
	}
	return checkHeader(r.Header)
}

// bodyAllowed reports whether an answer of this status may have a body (RFC
// 9110, sections 15.3.5 and 15.4.5).
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}
