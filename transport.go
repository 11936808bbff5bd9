package retrysafe

import (
	"cmp"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"
)

// TransportOptions of NewTransport. The zero value names no request by itself
// and knows one origin.
type TransportOptions struct {
	// Origins lists further origins that are the provider's, beside that of the
	// client's base URL: "https://files.example.com". Requests to any other
	// origin are passed on without a key.
	Origins []string
	// Name says which operation a request is of, for SDKs that take no context.
	// It is asked about every command to the provider whose context does not
	// say (WithOperation). Two empty strings: of none. It must neither read the
	// body nor change the request, and be safe for concurrent use.
	Name func(*http.Request) (command, id string)
}

// NewTransport returns a transport for an SDK that the application does not own:
// what the SDK sends for an operation goes through the client's loop, with its
// key, judge, budget and store, and the SDK is given the last answer to parse.
// Switch the SDK's own retries off.
//
// Operations are named by WithOperation or TransportOptions.Name. A request to
// the provider that changes something and has a name is read into memory, sent
// under the operation's key (one that the SDK set is replaced), and recorded if
// the client has a store. GET and HEAD are tried again before the first byte of
// a body. Everything else is passed on as it is, a key of the SDK's own included.
//
// The SDK sees an *Error only if there is no answer that it may be given: none
// came, the name stands for another request (ErrKeyReused), the request cannot
// be sent (ErrInvalid), a redirect, which would have made it ask elsewhere, or a
// success that did not come from the provider. Otherwise the Report has it.
//
// An answer of text/event-stream, or of more than 8 MiB, is handed on unread:
// then Applied means that it began. A request of more than 8 MiB is sent from
// its GetBody, or, without one, once.
//
// Options.Authorize, if set, is called for every attempt of a named request,
// after the SDK has put its own credentials on it.
//
// The error wraps ErrInvalid. The transport is safe for concurrent use.
func NewTransport(client *Client, opts *TransportOptions) (http.RoundTripper, error) {
	if err := client.usable(); err != nil {
		return nil, err
	}
	if !isASCII(client.origin) {
		return nil, invalid("the base URL's host is written in ASCII (xn--...), as it is sent")
	}
	t := &transport{client: client, origins: map[string]bool{client.origin: true}, queries: map[string]*contract{}}
	if opts != nil {
		t.name = opts.Name
		for _, origin := range opts.Origins {
			if err := t.addOrigin(origin); err != nil {
				return nil, err
			}
		}
	}
	for _, method := range [...]string{http.MethodGet, http.MethodHead} {
		k, err := client.handsOn(declaration{query: true, name: method, method: method})
		if err != nil {
			return nil, err
		}
		k.media = media{accept: []string{"*/*"}} // A page may be what was asked for.
		t.queries[method] = k
	}
	return t, nil
}

type transport struct {
	client  *Client
	origins map[string]bool
	name    func(*http.Request) (command, id string)
	queries map[string]*contract // by method
}

func (t *transport) addOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return invalid("Origins: an origin cannot be parsed")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return invalid("Origins: an origin is http or https and a host")
	case !isASCII(u.Host):
		return invalid("Origins: a host is written in ASCII (xn--...), as it is sent")
	case u.User != nil, u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return invalid("Origins: an origin has no more than scheme, host and port")
	}
	t.origins[originOf(u)] = true
	return nil
}

// handsOn compiles what a transport sends: the path is the request's own, and
// the answer is not decoded.
func (c *Client) handsOn(d declaration) (*contract, error) {
	d.path, d.req, d.res = "/", reflect.TypeFor[None](), reflect.TypeFor[[]byte]()
	if rules := &c.profile.Key; rules.Place == KeyInBody && rules.Field[0] != '/' {
		d.body = Form
	}
	k, err := c.compile(d)
	if err != nil {
		return nil, d.named(err)
	}
	k.handsOn = true
	return k, nil
}

// RoundTrip is http.RoundTripper's.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.ours(req) {
		return t.pass(req)
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead:
		return t.ask(req)
	case http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return t.pass(req)
	}
	if report, ok := req.Context().Value(reportKey{}).(*Report); ok {
		return t.perform(req, report, report.command, report.id)
	}
	if t.name == nil {
		return t.pass(req)
	}
	if command, id := t.named(req); command != "" || id != "" {
		return t.perform(req, nil, command, id)
	}
	return t.pass(req)
}

// named asks the application for a name. If that panics, the body is closed all
// the same.
func (t *transport) named(req *http.Request) (command, id string) {
	told := false
	defer func() {
		if !told {
			closeBody(req)
		}
	}()
	command, id = t.name(req)
	told = true
	return command, id
}

// ours reports whether a request goes to the provider.
func (t *transport) ours(req *http.Request) bool {
	return req.URL != nil && req.Header != nil && t.origins[originOf(req.URL)]
}

// pass hands a request to the innermost transport.
func (t *transport) pass(req *http.Request) (*http.Response, error) {
	return t.client.transport.inner.RoundTrip(req)
}

// ask tries a request again that changes nothing, as long as nothing of a body
// has been handed on.
func (t *transport) ask(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody || len(req.Header["Upgrade"]) > 0 || movesHost(req) {
		return t.pass(req)
	}
	closeBody(req)
	return t.query(req).through(req, (*run).perform)
}

// query is the run of a request that changes nothing. It is sent as it came.
func (t *transport) query(req *http.Request) *run {
	method := cmp.Or(req.Method, http.MethodGet)
	target := *req.URL
	r := t.client.newRun(t.queries[method], "")
	r.request = request{
		op: Operation{Account: t.client.account, Command: method}, method: method, url: &target, header: http.Header{},
		live: &live{header: make(http.Header, len(req.Header))},
	}
	for name, values := range req.Header {
		r.request.live.header[name] = trimmed(values)
	}
	return r
}

// perform sends a named request through the client's loop.
func (t *transport) perform(req *http.Request, report *Report, command, id string) (*http.Response, error) {
	body, err := takeBody(req)
	defer body.close()
	if err == nil && body.asksForToken(req) {
		return t.pass(body.request(req))
	}
	r, refused := t.client.capture(req, body, err, command, id)
	if refused != nil {
		report.refuse(refused)
		return nil, refused
	}
	return r.through(req, report.perform)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
