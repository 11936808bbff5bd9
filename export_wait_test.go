package retrysafe

import (
	"net/http"
	"time"
)

// What the tests of waiting in package retrysafe_test see of the inside.

const LongestWait = longestWait

func AdviceOf(h http.Header, more []Advice, now time.Time) (time.Duration, bool) {
	return adviceOf(http.StatusTooManyRequests, h, more, now)
}

func AdviceOfStatus(status int, h http.Header, more []Advice, now time.Time) (time.Duration, bool) {
	return adviceOf(status, h, more, now)
}

func (a Advice) Validate() error { return a.validate() }

func (b Backoff) Validate() error { return b.validate() }

func (b Backoff) Ceiling(attempt int) time.Duration { return b.ceiling(attempt) }

func (b Backoff) After(attempt int, advice time.Duration, advised bool) time.Duration {
	return b.after(attempt, advice, advised)
}

func (b *Budget) Validate() error { return b.validate() }
