package mock

import (
	"net/http"
	"strings"

	"github.com/retrysafe/retrysafe/internal/sfv"
)

// ietfRules are written from draft-ietf-httpapi-idempotency-key-header,
// sections 2.1 (the field) to 2.7 (the errors).
func ietfRules() rules {
	return rules{
		made:  http.StatusCreated,
		keyed: func(method string) bool { return !safe(method) },
		parse: ietfKey,
		fingerprint: func(r Request) [32]byte {
			return fingerprintOf(r.Method, r.Path, r.Query.Encode(), string(r.Body))
		},
		stores: func(Reply) bool { return true },
		refuse: ietfRefusal,
		mark: func(h http.Header, _ *visit, a answered) {
			if a.replayed {
				h.Set("Idempotent-Replayed", "true")
			}
		},
	}
}

func ietfRefusal(why refusal, status int) Reply {
	switch why {
	case keyMissing:
		return Problem(400, "Idempotency-Key is missing", "This operation is idempotent and requires a correct Idempotency-Key.")
	case keyMalformed:
		return Problem(400, "Idempotency-Key is malformed", "Send one key of 1 to 255 visible characters.")
	case keyReused:
		return Problem(422, "Idempotency-Key is already used", "The key was used with another payload.")
	case keyInFlight:
		return Problem(409, "A request is outstanding for this Idempotency-Key", "Try again later.")
	}
	return Problem(status, http.StatusText(status), "")
}

// ietfKey reads a bare key, or a structured-field string (RFC 9651, section
// 3.3.3), whose parameters are ignored.
func ietfKey(value string) (string, bool) {
	if !strings.HasPrefix(value, `"`) {
		return value, visible(value) && !strings.ContainsAny(value, `",;`)
	}
	key, err := sfv.Unquote(value)
	return key, err == nil
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
