package retrysafe

import (
	"cmp"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Options of a client. The zero value is a provider that follows the IETF
// draft, without credentials.
type Options struct {
	// Profile is the provider's. The zero value is the IETF draft and RFC 9110.
	Profile Profile
	// Account says whose keys these are, in the caller's words
	// ("acme/stripe/live"). It is part of every key. Empty is one account.
	// Required with a Store.
	Account string
	// Authorize puts credentials on a request. It is called for every attempt;
	// OperationFrom(r.Context()) says for which operation. It must leave the
	// key, the host, the method and the path as they are. If it fails, the
	// attempt is not sent and the call ends with ErrAuthorize. Nothing that it
	// adds is kept or logged. Give r.Context() to what it asks for by itself: a
	// client of the same Budget then needs no turn of its own.
	Authorize func(*http.Request) error
	// Header is added to every request, and is part of what is asked for
	// (Stripe-Version). Credentials do not belong here but into Authorize.
	Header http.Header
	// HTTPClient's Transport sends the requests, and its Timeout, if set, limits
	// an attempt for which RetryPolicy.AttemptTimeout is not set; its other
	// fields are not used. Nil means a transport of the client's own; one
	// without a Transport means http.DefaultTransport, which others use too. What was
	// sent can be told from what was not only if the transport is an
	// *http.Transport or hands the request's context on to one. A transport
	// around it should make no other requests (for a token, say) with that
	// context: they would count as deliveries.
	HTTPClient *http.Client
	// Retry is how long and how often to try.
	Retry RetryPolicy
	// Observer is told of every operation and attempt. Nil means nobody.
	Observer Observer
	// Store writes every operation down before its first byte is sent, so that
	// the key, the answer and the doubt outlive the call, and with a durable
	// store the process. It needs an Account. Nil: the same keys, but nothing
	// outlives the call.
	Store store.Store
	// Lease is how long a call that is not heard of keeps its operation; then
	// others may take over. It is renewed at a third of it, and is longer for
	// commands whose attempts may take longer. Defaults to 60 s; less than 100 ms
	// is refused.
	Lease time.Duration
	// Resume is how fast Client.Resume and Client.Run carry on what is due.
	Resume ResumePolicy
}

// Client calls the API of one provider at one origin. It is safe for
// concurrent use; build one and share it.
type Client struct {
	base      *url.URL // its path has no trailing slash
	origin    string
	account   string
	header    http.Header
	authorize func(*http.Request) error
	profile   *Profile
	policy    RetryPolicy
	timeout   time.Duration // of an attempt, where a policy has none; 0: the default
	budget    *Budget
	observer  Observer
	attempts  AttemptObserver
	transport *attemptTransport
	http      *http.Client
	store     store.Store
	lease     time.Duration
	leases    *leases
	moves     StoreObserver
	resume    ResumePolicy
	pace      pace

	mu        sync.RWMutex
	contracts map[string]*contract
}

// NewClient returns a client for the API at baseURL, such as
// "https://api.example.com/v2". It refuses, with an error that wraps
// ErrInvalid, a base URL without scheme or host or with credentials, query or
// fragment, a profile that contradicts itself, and options that cannot be.
func NewClient(baseURL string, opts *Options) (*Client, error) {
	if opts == nil {
		opts = &Options{}
	}
	c := &Client{
		account: opts.Account, authorize: opts.Authorize, header: opts.Header.Clone(),
		contracts: map[string]*contract{}, observer: opts.Observer,
	}
	for _, step := range []func() error{
		func() error { return c.setBase(baseURL) },
		func() error { return c.setProfile(opts.Profile) },
		func() error { return c.setPolicy(opts) },
		func() error { return checkAccount(opts.Account) },
		func() error { return checkHeader("Options.Header", opts.Header, c.profile) },
		func() error { return c.setStore(opts) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.setTransport(opts.HTTPClient)
	c.attempts, _ = opts.Observer.(AttemptObserver)
	return c, nil
}

func (c *Client) setBase(baseURL string) error {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return invalid("base URL cannot be parsed")
	case u.Scheme != "https" && u.Scheme != "http":
		return invalid("base URL has neither https nor http for its scheme")
	case u.Hostname() == "":
		return invalid("base URL has no host")
	case len(u.Port()) > 5 || len(u.Port()) == 5 && u.Port() > "65535":
		return invalid("base URL has a port above 65535")
	case hasDots(u.Path):
		return invalid("base URL has a segment that servers take away")
	case u.User != nil:
		return invalid("base URL has credentials, which belong into Authorize")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(baseURL, "#"):
		return invalid("base URL has a query or a fragment")
	}
	c.origin = originOf(u)
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	c.base = u
	return nil
}

// at returns the URL of a path, already escaped, below the base URL.
func (c *Client) at(path, query string) *url.URL {
	u := *c.base
	u.RawQuery = query
	escaped := u.EscapedPath() + path
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		// Templates and values were checked, so this cannot be.
		plain = escaped
	}
	u.Path, u.RawPath = plain, escaped
	return &u
}

// originOf returns scheme, host and port, the default port left out.
func originOf(u *url.URL) string {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && !(u.Scheme == "https" && port == "443") && !(u.Scheme == "http" && port == "80") {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

func (c *Client) setProfile(p Profile) error {
	if err := p.validate(); err != nil {
		return err
	}
	c.profile = p.canonical()
	return nil
}

func (c *Client) setPolicy(opts *Options) (err error) {
	if opts.HTTPClient != nil {
		c.timeout = max(opts.HTTPClient.Timeout, 0)
	}
	if c.policy, err = opts.Retry.resolve(c.timeout); err != nil {
		return err
	}
	c.budget = c.policy.Budget
	if c.budget == nil {
		c.budget = &Budget{}
	}
	return nil
}

func (c *Client) setStore(opts *Options) (err error) {
	if c.resume, err = opts.Resume.resolve(); err != nil {
		return err
	}
	switch {
	case opts.Lease != 0 && opts.Lease < shortestLease:
		return invalid("a lease shorter than %v", shortestLease)
	case opts.Store == nil:
		return nil
	case reflect.ValueOf(opts.Store).Kind() == reflect.Pointer && reflect.ValueOf(opts.Store).IsNil():
		return invalid("the store is a nil pointer")
	case opts.Account == "":
		return invalid("a store needs an account: whose operations these are")
	}
	c.store, c.lease = opts.Store, cmp.Or(opts.Lease, defaultLease)
	c.moves, _ = opts.Observer.(StoreObserver)
	c.leases = newLeases(c.store, c.lease, c.observeStore)
	return nil
}

func (c *Client) setTransport(h *http.Client) {
	inner := http.RoundTripper(nil)
	if h != nil {
		inner = h.Transport
		if inner == nil {
			inner = http.DefaultTransport
		}
	}
	if inner == nil {
		inner = ownTransport()
	}
	_, direct := inner.(*http.Transport)
	c.transport = &attemptTransport{inner: inner, plainIsH2: plainMayBeH2(inner), direct: direct}
	c.http = &http.Client{Transport: c.transport}
}

// ownTransport is net/http's default with room for more kept-alive connections
// to the one host of a client, and with a bound on headers (1 MiB).
func ownTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		// Somebody has put another one in its place, a mock perhaps.
		return http.DefaultTransport
	}
	own := standard.Clone()
	own.MaxIdleConnsPerHost = 100
	own.MaxResponseHeaderBytes = 1 << 20
	return own
}

// plainMayBeH2 reports whether a connection without TLS may carry HTTP/2.
func plainMayBeH2(inner http.RoundTripper) bool {
	t, ok := inner.(*http.Transport)
	if !ok {
		return true
	}
	return t.Protocols != nil && t.Protocols.UnencryptedHTTP2()
}

// CloseIdleConnections closes the connections that no call uses now.
func (c *Client) CloseIdleConnections() {
	if c == nil || c.transport == nil {
		return
	}
	if t, ok := c.transport.inner.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

func (c *Client) usable() error {
	if c == nil || c.http == nil {
		return invalid("client was not made by NewClient")
	}
	return nil
}

func (c *Client) accountOf(call *Call) string {
	if call.Account != "" {
		return call.Account
	}
	return c.account
}

// contract returns what a declaration was compiled to, once for each name.
func (c *Client) contract(d *declaration) (*contract, error) {
	c.mu.RLock()
	known := c.contracts[d.name]
	c.mu.RUnlock()
	if known == nil {
		made, err := c.compile(*d)
		if err != nil {
			return nil, d.named(err)
		}
		known = c.remember(made)
	}
	if !known.declaration.equal(d) {
		return nil, d.named(invalid("this client has another declaration of that name"))
	}
	return known, nil
}

// remember returns the contract of a name that came first.
func (c *Client) remember(made *contract) *contract {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.contracts[made.name]; first != nil {
		return first
	}
	c.contracts[made.name] = made
	return made
}
