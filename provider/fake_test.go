package provider_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/retrysafe/retrysafe"
)

// reply is what a fake provider says.
type reply struct {
	status int
	header map[string]string
	body   string
}

// step is what becomes of one request: serve is the provider's own answer.
// A nil step is that answer.
type step func(serve func() reply) (reply, error)

// lost: the provider has served the request, and its answer does not arrive.
func lost(serve func() reply) (reply, error) {
	serve()
	return reply{}, io.ErrUnexpectedEOF
}

// unserved: the request does not arrive, and nobody can know.
func unserved(func() reply) (reply, error) { return reply{}, io.ErrUnexpectedEOF }

// says: this answer, and the provider has done nothing.
func says(status int, body string, header ...string) step {
	return func(func() reply) (reply, error) { return makeReply(status, body, header), nil }
}

// ranAndSays: this answer, after the provider has served the request.
func ranAndSays(status int, body string, header ...string) step {
	return func(serve func() reply) (reply, error) {
		serve()
		return makeReply(status, body, header), nil
	}
}

// cut: the provider's answer, of which the end is missing.
func cut(serve func() reply) (reply, error) {
	r := serve()
	r.body = r.body[:len(r.body)/2] + "\x00cut"
	return r, nil
}

func makeReply(status int, body string, header []string) reply {
	r := reply{status: status, body: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
	}
	return r
}

// request is one that reached the fake, or tried to.
type request struct {
	method, path, body string
	header             http.Header
}

// fake is a provider without a socket: serve is its behaviour as documented,
// steps what goes wrong with the first requests.
type fake struct {
	serve    func(request) reply
	steps    []step
	requests []request
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		defer req.Body.Close()
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	got := request{method: req.Method, path: req.URL.Path, body: string(body), header: req.Header.Clone()}
	f.requests = append(f.requests, got)
	serve := func() reply { return f.serve(got) }
	if n := len(f.requests); n <= len(f.steps) && f.steps[n-1] != nil {
		return respond(req, f.steps[n-1], serve)
	}
	return respond(req, func(serve func() reply) (reply, error) { return serve(), nil }, serve)
}

func respond(req *http.Request, s step, serve func() reply) (*http.Response, error) {
	r, err := s(serve)
	if err != nil {
		return nil, err
	}
	text, isCut := strings.CutSuffix(r.body, "\x00cut")
	var body io.Reader = strings.NewReader(text)
	if isCut {
		body = io.MultiReader(body, failing{})
	}
	header := http.Header{"Content-Type": {"application/json"}}
	for name, value := range r.header {
		header.Set(name, value)
	}
	return &http.Response{
		StatusCode: r.status, Header: header, Body: io.NopCloser(body), ContentLength: -1,
		ProtoMajor: 1, ProtoMinor: 1, Request: req,
	}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// want is how a call ends. Verdicts are of all attempts, in their order.
type want struct {
	verdicts string
	outcome  retrysafe.Outcome
	thisCall retrysafe.Outcome
	err      error // the sentinel; nil for an answer in hand
	code     string
	effects  int
}

// call is one call of a command against a fake.
type call[Res any] struct {
	res   *retrysafe.Result[Res]
	err   error
	fake  *fake
	keyed []string // the keys that were on the wire in a header
}

const baseURL = "https://api.example.test"

// perform makes one call in virtual time.
func perform[Req, Res any](
	t *testing.T, p retrysafe.Profile, f *fake, c retrysafe.Command[Req, Res], req Req,
) (got call[Res]) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, err := retrysafe.NewClient(baseURL, &retrysafe.Options{
			Profile: p, Account: "acme/test", HTTPClient: &http.Client{Transport: f},
		})
		if err != nil {
			t.Fatal(err)
		}
		got.fake = f
		got.res, got.err = c.Do(context.Background(), client, "order-1234", req)
	})
	for _, r := range f.requests {
		if r.method != http.MethodGet {
			got.keyed = append(got.keyed, r.header.Get("Idempotency-Key"))
		}
	}
	got.checkSameBytes(t)
	return got
}

// checkSameBytes: whatever happens, every attempt sends the same request.
func (c *call[Res]) checkSameBytes(t *testing.T) {
	t.Helper()
	for _, r := range c.fake.requests {
		first := c.fake.requests[0]
		if r.method != first.method {
			continue // fetched from where the answer lies
		}
		if r.body != first.body || r.path != first.path || r.header.Get("Idempotency-Key") != first.header.Get("Idempotency-Key") {
			t.Errorf("attempts differ: %q %q and %q %q", first.path, first.body, r.path, r.body)
		}
	}
}

// check compares how a call ended with how it was to end.
func (c *call[Res]) check(t *testing.T, w want, effects int) {
	t.Helper()
	if got := c.verdicts(); got != w.verdicts {
		t.Errorf("verdicts are %q, want %q", got, w.verdicts)
	}
	if got := retrysafe.OutcomeOf(c.err); got != w.outcome {
		t.Errorf("outcome is %v, want %v: %v", got, w.outcome, c.err)
	}
	if effects != w.effects {
		t.Errorf("%d effects, want %d", effects, w.effects)
	}
	if w.err == nil {
		if c.err != nil {
			t.Errorf("error %v, want none", c.err)
		}
		return
	}
	var e *retrysafe.Error
	if !errors.As(c.err, &e) {
		t.Fatalf("error is %v, want an *Error", c.err)
	}
	if !errors.Is(c.err, w.err) {
		t.Errorf("error %v is not %q", c.err, w.err)
	}
	if e.ThisCall != w.thisCall || e.ProviderCode != w.code {
		t.Errorf("this call %v with code %q, want %v with %q", e.ThisCall, e.ProviderCode, w.thisCall, w.code)
	}
}

func (c *call[Res]) verdicts() string {
	var attempts []retrysafe.Attempt
	var e *retrysafe.Error
	switch {
	case errors.As(c.err, &e):
		attempts = e.Attempts
	case c.res != nil:
		attempts = c.res.Attempts
	}
	var b bytes.Buffer
	for i, a := range attempts {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(a.Verdict.String())
	}
	return b.String()
}

// ledger is what a documented deduplication keeps: the answer under each key.
type ledger struct {
	answers map[string]reply
	bodies  map[string]string
	effects int
}

func newLedger() *ledger {
	return &ledger{answers: map[string]reply{}, bodies: map[string]string{}}
}
