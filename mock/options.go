package mock

import (
	"fmt"
	"time"
)

// Options says how a [Provider] behaves. Nil and the zero value are an IETF
// provider that makes one effect per key and never fails.
type Options struct {
	// Dialect is whose rules the provider follows. Defaults to IETF.
	Dialect Dialect
	// Effect is what the operation does. It runs at most once per key while
	// the key is kept, for every request without a key, and for GET, HEAD,
	// OPTIONS and TRACE, which make no effect in the ledger. It is called
	// without a lock, from several goroutines at once, and may be called after
	// its caller has given up. Let it return at once: a caller cannot give up
	// while it runs, so what takes time is said in Delay. Defaults to making an
	// object with the request's own top-level fields and an "id" of eff_1, eff_2
	// and so on, which GET with that ID as its last path segment gives back.
	Effect func(Request) Reply
	// Script is the faults of the first requests, in the order of arrival and
	// over all keys; each request takes one. After the last one nothing fails.
	Script []Fault
	// PerKey returns the script of one key, each with its own cursor. It is
	// called without a lock when a key first arrives, and with "" for requests
	// without one; where a key first arrives twice at once, it may be called
	// twice, and one of the scripts counts.
	// Script and PerKey exclude each other.
	PerKey func(key string) []Fault
	// Retention is how long a key is kept, from its first request. A request
	// after it runs the effect again. Defaults to 24 hours.
	Retention time.Duration
	// Delay is how long an effect takes. Another request with its key is in
	// flight meanwhile. A caller that gives up does not stop the effect.
	// Defaults to none.
	Delay time.Duration
	// KeyHeader is the name of the header with the key. Defaults to
	// Idempotency-Key; StripeV1 has no other.
	KeyHeader string
	// KeyRequired answers a request that may have an effect and has no key
	// with 400. StripeV1 has no such rule.
	KeyRequired bool
	// Account returns whose key this is: the same key of two accounts is two
	// keys. Nil is one account for all.
	Account func(Request) string
	// MaxRequests is how many requests the log keeps, the first ones. Beyond
	// it requests are served and effects are counted, but no longer logged,
	// and assertions on requests fail. Defaults to 100,000.
	MaxRequests int
}

const (
	defaultKeyHeader   = "Idempotency-Key"
	defaultRetention   = 24 * time.Hour
	defaultMaxRequests = 100_000
)

// filled returns the options with the defaults in place of zeroes.
func (o *Options) filled() (Options, error) {
	var options Options
	if o != nil {
		options = *o
	}
	if err := options.check(); err != nil {
		return Options{}, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if options.KeyHeader == "" {
		options.KeyHeader = defaultKeyHeader
	}
	if options.Retention == 0 {
		options.Retention = defaultRetention
	}
	if options.MaxRequests == 0 {
		options.MaxRequests = defaultMaxRequests
	}
	return options, nil
}

func (o *Options) check() error {
	switch {
	case o.Dialect < 0 || o.Dialect >= dialects:
		return fmt.Errorf("there is no dialect %d", int(o.Dialect))
	case o.Script != nil && o.PerKey != nil:
		return fmt.Errorf("both Script and PerKey are set: a request would have two faults")
	case o.Retention < 0:
		return fmt.Errorf("negative Retention %v", o.Retention)
	case o.Delay < 0:
		return fmt.Errorf("negative Delay %v", o.Delay)
	case o.MaxRequests < 0:
		return fmt.Errorf("negative MaxRequests %d", o.MaxRequests)
	case o.KeyHeader != "" && !validToken(o.KeyHeader):
		return fmt.Errorf("%q in KeyHeader is not a header name", o.KeyHeader)
	case o.Dialect == StripeV1 && o.KeyHeader != "" && !sameHeader(o.KeyHeader, defaultKeyHeader):
		return fmt.Errorf("%q in KeyHeader: Stripe reads no header but %s", o.KeyHeader, defaultKeyHeader)
	case o.Dialect == StripeV1 && o.KeyRequired:
		return fmt.Errorf("with KeyRequired: Stripe never requires a key")
	}
	return checkScript(o.Script)
}
