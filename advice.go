package retrysafe

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// AdviceUnit says how the value of a header is to be read as a wait. The zero
// value is AdviceRetryAfter.
//
// Numbers are plain decimals, optionally with a fraction ("120", "1.5"),
// without a sign or an exponent. Instants are measured against the Date header
// of the same answer, so that a client whose clock is wrong waits no longer or
// shorter for it, or against the client's clock if that header is missing or
// malformed; one that has passed advises not to wait at all.
type AdviceUnit int

const (
	// AdviceRetryAfter is the form of Retry-After (RFC 9110, section 10.2.3):
	// seconds from now or an HTTP date.
	AdviceRetryAfter AdviceUnit = iota
	// AdviceSeconds is a number of seconds from now.
	AdviceSeconds
	// AdviceMilliseconds is a number of milliseconds from now.
	AdviceMilliseconds
	// AdviceUnixSeconds is an instant: the seconds since 1970-01-01 00:00:00
	// UTC.
	AdviceUnixSeconds
	// AdviceDate is an instant: an HTTP date in any of its three forms (RFC
	// 9110, section 5.6.7).
	AdviceDate
)

// An Advice names one header by which a provider says how long to wait before
// the next attempt, beside Retry-After-Ms and Retry-After, which are always
// read and come first. A header that tells when a quota is renewed, and is sent
// although the quota is not used up, means a wait with status 429 alone: say so
// in Status, or a client waits for nothing.
type Advice struct {
	Header string     // The name of the header, in any case. Required.
	Unit   AdviceUnit // How its value is read. Defaults to AdviceRetryAfter.
	Status int        // The only status with which it means a wait. Zero means any.
}

// validate returns an error that is ErrInvalid if the name is not a header's or
// the unit is unknown.
func (a Advice) validate() error {
	if a.Unit < AdviceRetryAfter || a.Unit > AdviceDate {
		return invalid("Advice.Unit of %s is unknown: %d", a.Header, a.Unit)
	}
	if a.Status != 0 && (a.Status < 300 || a.Status > 599) {
		return invalid("Advice.Status of %s is not one of 300 to 599: %d", a.Header, a.Status)
	}
	return validateName(a.Header)
}

// adviceOf returns how long the server asks the client to wait, counted from
// now, and whether it asks at all: the first value that can be read of
// Retry-After-Ms (which the SDKs of Azure and OpenAI read), then Retry-After,
// then more in its order. The wait is never negative; one too long for a
// Duration is longestWait.
func adviceOf(status int, h http.Header, more []Advice, now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = (Advice{Header: "Retry-After-Ms", Unit: AdviceMilliseconds}).read(h, now); ok {
		return wait, true
	}
	if wait, ok = (Advice{Header: "Retry-After"}).read(h, now); ok {
		return wait, true
	}
	for _, a := range more {
		if a.Status != 0 && a.Status != status {
			continue
		}
		if wait, ok = a.read(h, now); ok {
			return wait, true
		}
	}
	return 0, false
}

// read returns the wait in the first value of the header that can be read.
func (a Advice) read(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	for _, value := range h.Values(a.Header) {
		if wait, ok = a.Unit.read(strings.Trim(value, " \t"), h, now); ok {
			return wait, true
		}
	}
	return 0, false
}

// read returns the wait that one value means in an answer with the given
// header.
func (u AdviceUnit) read(value string, h http.Header, now time.Time) (wait time.Duration, ok bool) {
	switch u {
	case AdviceRetryAfter:
		if wait, ok = readDelta(value, time.Second); ok {
			return wait, true
		}
		return readDate(value, h, now)
	case AdviceSeconds:
		return readDelta(value, time.Second)
	case AdviceMilliseconds:
		return readDelta(value, time.Millisecond)
	case AdviceUnixSeconds:
		return readUnix(value, h, now)
	case AdviceDate:
		return readDate(value, h, now)
	}
	return 0, false
}

func readDelta(value string, unit time.Duration) (wait time.Duration, ok bool) {
	whole, billionths, ok := parseDecimal(value)
	if !ok {
		return 0, false
	}
	if whole > int64(longestWait/unit) {
		return longestWait, true
	}
	// The fraction of a unit: at most 1e9 * 1e9, which an int64 holds.
	fraction := time.Duration(billionths) * unit / 1e9
	return saturatingAdd(time.Duration(whole)*unit, fraction), true
}

func readUnix(value string, h http.Header, now time.Time) (wait time.Duration, ok bool) {
	// The last second of the year 9999. time.Unix wraps around on very large
	// numbers.
	const latest = 253402300799
	seconds, billionths, ok := parseDecimal(value)
	if !ok {
		return 0, false
	}
	return until(time.Unix(min(seconds, latest), billionths), h, now), true
}

func readDate(value string, h http.Header, now time.Time) (wait time.Duration, ok bool) {
	instant, err := parseDate(value)
	if err != nil {
		return 0, false
	}
	return until(instant, h, now), true
}

// until returns the time from when the answer was made to the instant, or zero
// if that has passed.
func until(instant time.Time, h http.Header, now time.Time) time.Duration {
	if date, err := parseDate(h.Get("Date")); err == nil {
		now = date
	}
	return max(instant.Sub(now), 0) // Sub saturates.
}

// parseDate reads an HTTP date.
func parseDate(value string) (time.Time, error) {
	// The longest form has 33 bytes. A stranger chose the value, and the errors
	// of http.ParseTime copy it.
	const longest = 40
	if len(value) > longest {
		return time.Time{}, strconv.ErrRange
	}
	return http.ParseTime(value)
}

// parseDecimal splits a number such as "12" or "12.5" into its whole part, at
// most math.MaxInt64, and the billionths behind the point, further digits being
// dropped. Anything but digits with digits behind an optional point is refused:
// ParseFloat would take signs, exponents, hex, "Inf" and "NaN".
func parseDecimal(value string) (whole, billionths int64, ok bool) {
	integer, fraction, point := strings.Cut(value, ".")
	if !isDigits(integer) || point && !isDigits(fraction) {
		return 0, 0, false
	}
	for _, digit := range []byte(integer) {
		if whole > (math.MaxInt64-9)/10 {
			return math.MaxInt64, 0, true
		}
		whole = whole*10 + int64(digit-'0')
	}
	scale := int64(1e8)
	for _, digit := range []byte(fraction) {
		billionths += int64(digit-'0') * scale
		scale /= 10
	}
	return whole, billionths, true
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// after returns the wait after the given attempt: what the server advised, if
// it did, else the backoff's own. A draw of the backoff is added to the advice,
// because every client that heard it would else return at the same moment;
// nothing is taken off it, because it is the earliest moment that the server
// allows.
func (b Backoff) after(attempt int, advice time.Duration, advised bool) time.Duration {
	switch {
	case !advised:
		return b.Wait(attempt)
	case b.Jitter == NoJitter:
		return max(advice, 0)
	}
	return saturatingAdd(max(advice, 0), b.Wait(attempt))
}

// saturatingAdd adds two waits that are not negative.
func saturatingAdd(a, b time.Duration) time.Duration {
	if a > longestWait-b {
		return longestWait
	}
	return a + b
}
