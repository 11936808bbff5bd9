package mock

import (
	"mime"
	"net/http"
	"net/url"
)

// stripeRules are written from docs.stripe.com/api/idempotent_requests,
// /api/errors and /error-low-level. The status of a mismatch and the type of
// an in-flight conflict are not documented; they are what integrators report.
func stripeRules() rules {
	return rules{
		made:        http.StatusOK,
		keyed:       func(method string) bool { return method == http.MethodPost },
		parse:       func(value string) (string, bool) { return value, true },
		fingerprint: stripeFingerprint,
		stores: func(r Reply) bool {
			return r.Status != http.StatusUnauthorized && r.Status != http.StatusTooManyRequests
		},
		refuse: stripeRefusal,
		mark: func(h http.Header, v *visit, a answered) {
			h.Set("Request-Id", v.id)
			if !a.stored {
				return
			}
			h.Set(defaultKeyHeader, v.request.Key)
			h.Set("Original-Request", a.original)
			if a.replayed {
				h.Set("Idempotent-Replayed", "true")
			}
		},
	}
}

// stripeFingerprint compares endpoint and parameters, whatever their order.
func stripeFingerprint(r Request) [32]byte {
	body := string(r.Body)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/x-www-form-urlencoded" {
		if form, err := url.ParseQuery(body); err == nil {
			body = form.Encode()
		}
	}
	return fingerprintOf(r.Method, r.Path, r.Query.Encode(), body)
}

func stripeRefusal(why refusal, status int) Reply {
	const invalid = "invalid_request_error"
	switch why {
	case keyMalformed:
		return StripeError(400, invalid, "", "An idempotency key has 1 to 255 characters, and is given once.")
	case keyReused:
		return StripeError(400, "idempotency_error", "", "This idempotency key was first used with another endpoint or other parameters.")
	case keyInFlight:
		return StripeError(409, invalid, "idempotency_key_in_use", "Another request with this idempotency key is still being processed.")
	}
	switch {
	case status == http.StatusTooManyRequests:
		return StripeError(status, invalid, "rate_limit", "Too many requests.")
	case status >= 500:
		return StripeError(status, "api_error", "", "Something went wrong on the provider's end.")
	}
	return StripeError(status, invalid, "", http.StatusText(status))
}
