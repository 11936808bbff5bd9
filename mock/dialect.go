package mock

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
)

// Dialect is whose documented rules a provider follows.
type Dialect int

const (
	// IETF is draft-ietf-httpapi-idempotency-key-header. The key is bare or a
	// structured-field string in double quotes, on every method but the safe
	// ones. Without a required key: 400; another payload under a key: 422; in
	// flight: 409; all as problem documents. Every answer of the operation is
	// stored, errors too, and given again with Idempotent-Replayed: true. That
	// header, and what is stored, the draft leaves to the provider.
	IETF Dialect = iota
	// StripeV1 is Stripe's API v1 (docs.stripe.com/api/idempotent_requests).
	// Keys count on POST only. Other parameters or another endpoint under a
	// key: 400 with type idempotency_error; in flight: 409 with code
	// idempotency_key_in_use. Everything is stored once the operation began,
	// declined cards and 500s too; not stored are 401, 429, conflicts, and
	// replies marked NotStored. A replay says Idempotent-Replayed: true; every
	// answer to a stored key echoes Idempotency-Key and names the request that
	// made it in Original-Request. Request-Id is new each time.
	StripeV1

	dialects
)

// String returns the name of the constant.
func (d Dialect) String() string {
	switch d {
	case IETF:
		return "IETF"
	case StripeV1:
		return "StripeV1"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// maxKey is Stripe's documented limit. The draft has none of its own.
const maxKey = 255

// rules is a dialect in the terms of the provider.
type rules struct {
	made        int                                       // status of something made
	keyed       func(method string) bool                  // does a key count on this method
	parse       func(value string) (key string, ok bool)  // the header's value
	fingerprint func(r Request) [sha256.Size]byte         // what makes two requests the same
	stores      func(Reply) bool                          // is this answer of the operation kept
	refuse      func(why refusal, status int) Reply       // the provider's own errors
	mark        func(h http.Header, v *visit, a answered) // headers about key and request
}

// refusal is why the provider itself turns a request down.
type refusal int

const (
	byStatus refusal = iota
	keyMissing
	keyMalformed
	keyReused
	keyInFlight
)

// answered is what the ledger says about an answer.
type answered struct {
	reply    Reply
	stored   bool   // it is kept under the key
	replayed bool   // it was kept from an earlier request
	original string // the ID of the request that made it
}

func rulesOf(d Dialect) rules {
	if d == StripeV1 {
		return stripeRules()
	}
	return ietfRules()
}

// fingerprintOf hashes parts so that no two lists of parts are the same bytes.
func fingerprintOf(parts ...string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	h.Sum(sum[:0])
	return sum
}

// keyOf returns the key in the header, and false if it is malformed: empty,
// too long, or there is more than one.
func (p *Provider) keyOf(header http.Header) (key string, ok bool) {
	values := header.Values(p.options.KeyHeader)
	if len(values) == 0 {
		return "", true
	}
	if len(values) > 1 {
		return "", false
	}
	key, ok = p.rules.parse(strings.TrimSpace(values[0]))
	if !ok || key == "" || len(key) > maxKey {
		return "", false
	}
	return key, true
}

func sameHeader(a, b string) bool {
	return textproto.CanonicalMIMEHeaderKey(a) == textproto.CanonicalMIMEHeaderKey(b)
}
