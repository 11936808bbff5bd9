package retrysafe_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// counting answers every request with a charge.
func counting() *trapTransport {
	return &trapTransport{answer: func(int, *http.Request) (*http.Response, error) {
		return trapAnswer(http.StatusCreated, trapCharged), nil
	}}
}

// checkRefused wants a clear error of a call that sent nothing.
func checkRefused(t *testing.T, transport *trapTransport, err error) {
	t.Helper()
	if !errors.Is(err, retrysafe.ErrInvalid) || len(transport.requests) != 0 {
		t.Fatalf("%d requests, error %v; want none and ErrInvalid", len(transport.requests), err)
	}
	checkText(t, err)
	if e := failure(t, err); e.ThisCall != retrysafe.NotApplied || retrysafe.Retryable(err) {
		t.Errorf("this call %v, retryable %t: %v; want not applied and no", e.ThisCall, retrysafe.Retryable(err), err)
	}
}

// doZero calls a command with the zero request.
func doZero[Req, Res any](t *testing.T, transport *trapTransport, cmd retrysafe.Command[Req, Res]) (*retrysafe.Result[Res], error) {
	t.Helper()
	var zero Req
	return cmd.Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", zero)
}

func TestAPolicyThatCannotBeIsRefused(t *testing.T) {
	for name, policy := range map[string]retrysafe.RetryPolicy{
		"attempts below -1":      {MaxAttempts: -2},
		"least attempts":         {MaxAttempts: math.MinInt},
		"deliveries below zero":  {MaxDeliveries: -1},
		"attempt timeout":        {AttemptTimeout: -time.Second},
		"least attempt timeout":  {AttemptTimeout: math.MinInt64},
		"elapsed":                {MaxElapsed: -2},
		"Retry-After":            {MaxRetryAfter: -time.Hour},
		"backoff base":           {Backoff: retrysafe.Backoff{Base: -1}},
		"backoff cap":            {Backoff: retrysafe.Backoff{Cap: -1}},
		"backoff base above cap": {Backoff: retrysafe.Backoff{Base: 2, Cap: 1}},
		"jitter":                 {Backoff: retrysafe.Backoff{Jitter: 99}},
		"budget capacity":        {Budget: &retrysafe.Budget{Capacity: -1}},
		"budget per success":     {Budget: &retrysafe.Budget{PerAnswer: math.MinInt}},
	} {
		t.Run(name, func(t *testing.T) {
			if client, err := retrysafe.NewClient("http://provider.test", &retrysafe.Options{Retry: policy}); client != nil || !errors.Is(err, retrysafe.ErrInvalid) {
				t.Errorf("of a client: %v, %v, want ErrInvalid", client, err)
			}
			transport, cmd := counting(), createCharge
			cmd.Retry = &policy
			_, err := doZero(t, transport, cmd)
			checkRefused(t, transport, err)
		})
	}
}

func TestTheLargestAndTheUnlimitedPolicyWork(t *testing.T) {
	for name, policy := range map[string]retrysafe.RetryPolicy{
		"zero": {},
		"unlimited": {
			MaxAttempts: retrysafe.Unlimited, AttemptTimeout: retrysafe.Unlimited,
			MaxElapsed: retrysafe.Unlimited, MaxRetryAfter: retrysafe.Unlimited,
		},
		"largest": {
			MaxAttempts: math.MaxInt, MaxDeliveries: math.MaxInt, AttemptTimeout: math.MaxInt64, MaxElapsed: math.MaxInt64,
			MaxRetryAfter: math.MaxInt64, Backoff: retrysafe.Backoff{Base: math.MaxInt64, Cap: math.MaxInt64},
			Budget: &retrysafe.Budget{Capacity: math.MaxInt, PerAnswer: math.MaxInt},
		},
		"smallest": {MaxAttempts: 1, MaxDeliveries: 1, MaxElapsed: time.Hour, MaxRetryAfter: 1, Backoff: retrysafe.Backoff{Base: 1, Cap: 1}},
	} {
		transport := counting()
		if _, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{Retry: policy})); err != nil || len(transport.requests) != 1 {
			t.Errorf("%s: %d requests, %v", name, len(transport.requests), err)
		}
	}
}

func TestNilArgumentsAreRefused(t *testing.T) {
	transport := counting()
	client := ours(t, transport, retrysafe.Options{})
	amount := charge{Amount: 4200}
	byPointer := retrysafe.Command[*charge, charged]{Name: "charges.pointer", Path: "/v1/charges"}
	query := retrysafe.Query[*charge, charged]{Name: "charges.list", Path: "/v1/charges"}
	var none context.Context
	for name, call := range map[string]func() error{
		"nil client": func() error { _, err := createCharge.Do(t.Context(), nil, "order-1234", amount); return err },
		"zero client": func() error {
			_, err := createCharge.Do(t.Context(), &retrysafe.Client{}, "order-1234", amount)
			return err
		},
		"nil context": func() error { _, err := createCharge.Do(none, client, "order-1234", amount); return err },
		"nil request": func() error { _, err := byPointer.Do(t.Context(), client, "order-1234", nil); return err },
		"zero command": func() error {
			_, err := (retrysafe.Command[charge, charged]{}).Do(t.Context(), client, "order-1234", amount)
			return err
		},
		"query: nil client":  func() error { _, err := query.Do(t.Context(), nil, &amount); return err },
		"query: nil context": func() error { _, err := query.Do(none, client, &amount); return err },
		"query: nil request": func() error { _, err := query.Do(t.Context(), client, nil); return err },
		"zero query": func() error {
			_, err := (retrysafe.Query[charge, charged]{}).Do(t.Context(), client, amount)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { checkRefused(t, transport, call()) })
	}
	for name, call := range map[string]func(*retrysafe.Client) error{
		"Validate":       createCharge.Validate,
		"query Validate": retrysafe.Query[charge, charged]{Name: "x", Path: "/"}.Validate,
		"Key":            func(c *retrysafe.Client) error { _, err := createCharge.Key(c, "order-1234"); return err },
		"Fingerprint":    func(c *retrysafe.Client) error { _, err := createCharge.Fingerprint(c, amount); return err },
		"Pages": func(c *retrysafe.Client) (err error) {
			for _, err = range query.Pages(t.Context(), c, &amount, func(*charge, *retrysafe.Result[charged]) (*charge, bool) { return nil, false }) {
			}
			return err
		},
	} {
		for _, c := range []*retrysafe.Client{nil, {}} {
			if err := call(c); !errors.Is(err, retrysafe.ErrInvalid) {
				t.Errorf("%s of a client that NewClient has not made: %v", name, err)
			}
			c.CloseIdleConnections()
		}
	}
	if _, err := retrysafe.NewClient("http://provider.test", nil); err != nil {
		t.Errorf("nil options: %v", err)
	}
	if retrysafe.Retryable(nil) || retrysafe.OutcomeOf(nil) != retrysafe.Applied || retrysafe.OutcomeOf((*retrysafe.Error)(nil)) != retrysafe.Unknown {
		t.Error("nil errors: want not retryable and applied, and a nil pointer unknown")
	}
}

func TestAnIDThatIsNoStableNameIsRefused(t *testing.T) {
	for name, id := range map[string]string{
		"empty": "", "NUL": "order\x00", "newline": "order\n1", "carriage return": "order\r1", "DEL": "order\x7f", "C1": "order\u0085",
		"10 kB": strings.Repeat("x", 10_000), "256 bytes": strings.Repeat("x", 256), "not UTF-8": "order-\xff", "half a rune": "order-\xe2\x82",
	} {
		t.Run(name, func(t *testing.T) {
			transport := counting()
			client := ours(t, transport, retrysafe.Options{})
			_, err := createCharge.Do(t.Context(), client, id, charge{Amount: 1})
			checkRefused(t, transport, err)
			if retrysafe.OutcomeOf(err) != retrysafe.NotApplied {
				t.Errorf("outcome is %v, want not applied: no operation can have that ID", retrysafe.OutcomeOf(err))
			}
			if _, err := createCharge.Key(client, id); !errors.Is(err, retrysafe.ErrInvalid) {
				t.Errorf("Key: %v", err)
			}
			if id == "" {
				return // One account.
			}
			_, err = createCharge.With(retrysafe.Call{Account: id}).Do(t.Context(), client, "order-1234", charge{Amount: 1})
			checkRefused(t, transport, err)
			if _, err := retrysafe.NewClient("http://provider.test", &retrysafe.Options{Account: id}); !errors.Is(err, retrysafe.ErrInvalid) {
				t.Errorf("as an account: %v", err)
			}
		})
	}
	for _, id := range []string{"x", " ", "Bestellung №1", strings.Repeat("x", 255), `"; DROP`, "a/b/../c", "\u202e"} {
		if _, err := createCharge.Do(t.Context(), ours(t, counting(), retrysafe.Options{}), id, charge{Amount: 1}); err != nil {
			t.Errorf("ID %q: %v", id, err)
		}
	}
}

func TestAKeyThatCannotBeSentIsRefused(t *testing.T) {
	for _, key := range []retrysafe.Key{"a\r\nX-Evil: 1", "a b", "a\x00", " a", "schlüssel", "\xff", retrysafe.Key(strings.Repeat("k", 10_000))} {
		transport := counting()
		_, err := createCharge.With(retrysafe.Call{Key: key}).Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", charge{Amount: 1})
		checkRefused(t, transport, err)
		if len(key) > 3 && strings.Contains(err.Error(), string(key)) {
			t.Errorf("the error shows the key: %.100v", err)
		}
	}
}

// badHeaders are headers that nobody may add in any way.
var badHeaders = map[string]http.Header{
	"line break in a value":   {"X-Note": {"a\r\nX-Evil: 1"}},
	"newline in a value":      {"X-Note": {"a\nb"}},
	"NUL in a value":          {"X-Note": {"a\x00b"}},
	"line break in a name":    {"X-Note\r\nX-Evil": {"1"}},
	"space in a name":         {"X Note": {"1"}},
	"colon in a name":         {"X-Note:": {"1"}},
	"empty name":              {"": {"1"}},
	"second bad value":        {"X-Note": {"a", "b\r\n"}},
	"key":                     {"Idempotency-Key": {"mine"}},
	"key in another case":     {"idempotency-key": {"mine"}},
	"key without value":       {"Idempotency-Key": nil},
	"net/http's other key":    {"X-Idempotency-Key": {"mine"}},
	"its key without a value": {"X-Idempotency-Key": {}},
}

// framingHeaders are headers that a declaration may not add.
var framingHeaders = map[string]http.Header{
	"host": {"Host": {"evil.test"}}, "length": {"content-length": {"0"}}, "coding": {"Transfer-Encoding": {"chunked"}},
	"connection": {"Connection": {"close"}}, "upgrade": {"Upgrade": {"h2c"}}, "expect": {"Expect": {"100-continue"}},
	"credentials": {"Authorization": {"Bearer s3cret"}}, "cookie": {"Cookie": {"session=s3cret"}}, "proxy": {"Proxy-Authorization": {"s3cret"}},
	"one name in two cases": {"X-Note": {"a"}, "x-note": {"b"}}, "one name in no case": {"X-NOTE": {"a"}, "x-note": {"b"}},
}

func TestNoHeaderIsInjected(t *testing.T) {
	for _, set := range []map[string]http.Header{badHeaders, framingHeaders} {
		for name, header := range set {
			t.Run(name, func(t *testing.T) {
				transport := counting()
				_, err := createCharge.With(retrysafe.Call{Header: header}).Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", charge{Amount: 1})
				checkRefused(t, transport, err)
				_, err = retrysafe.NewClient("http://provider.test", &retrysafe.Options{Header: header})
				if !errors.Is(err, retrysafe.ErrInvalid) {
					t.Errorf("in Options: %v", err)
				}
				if strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the error shows a credential: %v", err)
				}
			})
		}
	}
	type noted struct {
		Note  string   `header:"X-Note"`
		Notes []string `header:"X-Notes"`
	}
	cmd := retrysafe.Command[noted, charged]{Name: "charges.note", Path: "/v1/charges"}
	for _, value := range []string{"a\r\nX-Evil: 1", "a\nb", "\x00", "a\x7f", " a", "a\t"} {
		for _, req := range []noted{{Note: value}, {Note: "x", Notes: []string{"y", value}}} {
			transport := counting()
			_, err := cmd.Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", req)
			checkRefused(t, transport, err)
		}
	}
}

func TestAuthorizeInjectsNothingEither(t *testing.T) {
	for name, header := range badHeaders {
		if name == "key in another case" || name == "net/http's other key" || name == "its key without a value" {
			continue // Not the header that holds the key.
		}
		t.Run(name, func(t *testing.T) {
			transport := counting()
			client := ours(t, transport, retrysafe.Options{Authorize: func(req *http.Request) error {
				for name, values := range header {
					req.Header[name] = values
				}
				return nil
			}})
			checkUnauthorized(t, transport, client)
		})
	}
	for name, authorize := range map[string]func(*http.Request) error{
		"another host":      func(req *http.Request) error { req.URL.Host = "evil.test"; return nil },
		"another scheme":    func(req *http.Request) error { req.URL.Scheme = "https"; return nil },
		"no URL":            func(req *http.Request) error { req.URL = nil; return nil },
		"no header":         func(req *http.Request) error { req.Header = nil; return nil },
		"the key taken off": func(req *http.Request) error { req.Header.Del("Idempotency-Key"); return nil },
		"a second key":      func(req *http.Request) error { req.Header.Add("Idempotency-Key", "mine"); return nil },
		"an error":          func(*http.Request) error { return errors.New("no\r\ntoken\x1b") },
	} {
		t.Run(name, func(t *testing.T) {
			transport := counting()
			checkUnauthorized(t, transport, ours(t, transport, retrysafe.Options{Authorize: authorize}))
		})
	}
}

func checkUnauthorized(t *testing.T, transport *trapTransport, client *retrysafe.Client) {
	t.Helper()
	_, err := ourCharge(t.Context(), client)
	if !errors.Is(err, retrysafe.ErrAuthorize) || len(transport.requests) != 0 {
		t.Fatalf("%d requests, %v, want none and ErrAuthorize", len(transport.requests), err)
	}
	checkText(t, err)
	if e := failure(t, err); e.ThisCall != retrysafe.NotApplied || e.Attempts[0].Sent != retrysafe.NotSent {
		t.Errorf("this call %v, %v, want nothing sent", e.ThisCall, e.Attempts[0].Sent)
	}
}

func TestABaseURLThatIsNoneIsRefused(t *testing.T) {
	for _, base := range []string{
		"", " ", "provider.test", "//provider.test", "/v1", "provider.test:443", "localhost:8080/v1", "http:", "http://", "https:///v1", "http:provider.test",
		"https://:443", "ftp://provider.test", "file:///etc/passwd", "unix:///run/x.sock", "javascript:alert(1)", "ws://provider.test",
		"https://user:s3cret@provider.test", "https://user@provider.test", "https://@provider.test",
		"https://provider.test?x=s3cret", "https://provider.test/?", "https://provider.test#s3cret", "https://provider.test/#",
		"https://provider.test/%zz", "https://pro vider.test", "https://provider.test\r\nX-Evil: 1", "https://provider.test\x00", "https://[::1",
		"https://provider.test:port", "https://provider.test:99999", "https://provider.test:-1", "https://provider.test/a/../b", "https://provider.test/./a", "https://provider.test/%2e%2e",
	} {
		client, err := retrysafe.NewClient(base, nil)
		if client != nil || !errors.Is(err, retrysafe.ErrInvalid) {
			t.Errorf("%q: %v, %v, want ErrInvalid", base, client, err)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	for base, want := range map[string]string{
		"https://provider.test":       "https://provider.test/v1/charges",
		"HTTPS://provider.test///":    "https://provider.test/v1/charges",
		"http://127.0.0.1:8080/api/":  "http://127.0.0.1:8080/api/v1/charges",
		"http://[::1]:8080":           "http://[::1]:8080/v1/charges",
		"https://provider.test/a%2Fb": "https://provider.test/a%2Fb/v1/charges",
	} {
		transport := counting()
		client, err := retrysafe.NewClient(base, &retrysafe.Options{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Errorf("%q: %v", base, err)
			continue
		}
		if _, err := ourCharge(t.Context(), client); err != nil || transport.requests[0].URL.String() != want {
			t.Errorf("%q: %v, %v, want %s", base, err, transport.requests[0].URL, want)
		}
	}
}

func TestATransportThatBreaksItsContractDoesNoHarm(t *testing.T) {
	once := retrysafe.RetryPolicy{MaxAttempts: 1}
	for name, c := range map[string]struct {
		resp     *http.Response
		want     retrysafe.Outcome
		sentinel error
	}{
		"neither answer nor error": {nil, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"a zero answer":            {&http.Response{}, retrysafe.Unknown, retrysafe.ErrStuck},
		"no body and no header":    {&http.Response{StatusCode: 201}, retrysafe.Applied, nil},
		"status below zero":        {&http.Response{StatusCode: -1}, retrysafe.Unknown, retrysafe.ErrStuck},
		"an interim status":        {&http.Response{StatusCode: 103}, retrysafe.Unknown, retrysafe.ErrStuck},
		"a length that is wrong":   {&http.Response{StatusCode: 200, ContentLength: math.MaxInt64, Body: http.NoBody}, retrysafe.Applied, nil},
		"a length below -1":        {&http.Response{StatusCode: 200, ContentLength: math.MinInt64}, retrysafe.Applied, nil},
	} {
		transport := &trapTransport{answer: func(int, *http.Request) (*http.Response, error) { return c.resp, nil }}
		_, err := createCharge.With(retrysafe.Call{First: true}).Do(t.Context(), ours(t, transport, retrysafe.Options{Retry: once}), "order-1234", charge{Amount: 1})
		t.Run(name, func(t *testing.T) { checkEnding(t, err, c.want, c.sentinel) })
	}
}

// A hand-written answer in somebody's test has no ContentLength, and a body.
func TestAnAnswerWithoutALengthIsReadAllTheSame(t *testing.T) {
	transport := &trapTransport{answer: func(int, *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(trapCharged)),
		}, nil
	}}
	res, err := ourCharge(t.Context(), ours(t, transport, retrysafe.Options{}))
	if err != nil || res.Value.ID != "ch_1" {
		t.Errorf("%v, %v, want the charge that is in the body", res, err)
	}
	transport = &trapTransport{answer: func(int, *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("<html>Welcome</html>"))}, nil
	}}
	_, err = ourCharge(t.Context(), ours(t, transport, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1}}))
	if retrysafe.OutcomeOf(err) != retrysafe.Unknown || err == nil {
		t.Errorf("a page of no type: %v, want unknown", err)
	}
}

type cycle struct {
	Next *cycle `json:"next" form:"next"`
}

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { return nil, errors.New("cannot") }
func (broken) MarshalText() ([]byte, error) { return nil, errors.New("cannot") }

func TestARequestThatCannotBeEncodedIsRefused(t *testing.T) {
	endless := &cycle{}
	endless.Next = endless
	inItself := map[string]any{}
	inItself["a"], inItself["b"] = inItself, inItself
	list := []any{nil}
	list[0] = list
	for name, value := range map[string]any{
		"channel": make(chan int), "function": func() {}, "complex": complex(1, 2), "NaN": math.NaN(), "infinite": math.Inf(1),
		"cycle": endless, "map in itself": inItself, "list in itself": list, "marshaler": broken{},
		"key of a map": map[complex128]int{1: 1}, "raw JSON": json.RawMessage("{"), "number": json.Number("1e"),
		"8 MiB": strings.Repeat("x", 8<<20),
	} {
		for body, encoding := range map[string]retrysafe.Encoding{"JSON": retrysafe.JSON, "form": retrysafe.Form} {
			if encoding == retrysafe.Form && (name == "raw JSON" || name == "number") {
				continue // Bytes and a string.
			}
			t.Run(name+" as "+body, func(t *testing.T) {
				transport := counting()
				cmd := retrysafe.Command[map[string]any, charged]{Name: "charges.any", Path: "/v1/charges", Body: encoding}
				_, err := cmd.Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", map[string]any{"value": value})
				checkRefused(t, transport, err)
			})
		}
	}
}

func TestAKeyInABodyThatHasNoPlaceForItIsRefused(t *testing.T) {
	in := func(field string) retrysafe.Options {
		return retrysafe.Options{Profile: retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: field}}}
	}
	for name, c := range map[string]struct {
		field string
		body  retrysafe.Encoding
		req   any
	}{
		"a list":            {"/key", retrysafe.JSON, []int{1}},
		"a string":          {"/key", retrysafe.JSON, "x"},
		"null":              {"/key", retrysafe.JSON, map[string]any(nil)},
		"no such parent":    {"/meta/key", retrysafe.JSON, map[string]any{}},
		"there already":     {"/key", retrysafe.JSON, map[string]any{"key": "mine"}},
		"a wildcard":        {"/*/key", retrysafe.JSON, map[string]any{"a": map[string]any{}}},
		"there in the form": {"key", retrysafe.Form, map[string]any{"key": "mine"}},
		"not this encoding": {"key", retrysafe.JSON, map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			transport := counting()
			cmd := retrysafe.Command[any, charged]{Name: "charges.any", Path: "/v1/charges", Body: c.body}
			_, err := cmd.Do(t.Context(), ours(t, transport, in(c.field)), "order-1234", c.req)
			checkRefused(t, transport, err)
		})
	}
}

// An error type of the caller's own is a typed nil more often than not.
type problemOfMine struct{ status int }

func (p *problemOfMine) Error() string { return http.StatusText(p.status) }
func (p *problemOfMine) Unwrap() error { return errors.New(http.StatusText(p.status)) }

func TestAFailureThatIsATypedNilIsNone(t *testing.T) {
	cmd := createCharge
	cmd.Failure = func(retrysafe.Answer) error {
		var none *problemOfMine
		return none
	}
	transport := &trapTransport{answer: func(int, *http.Request) (*http.Response, error) { return trapAnswer(400, `{}`), nil }}
	_, err := doZero(t, transport, cmd)
	var mine *problemOfMine
	if !errors.Is(err, retrysafe.ErrRefused) || errors.Is(err, io.EOF) || errors.As(err, &mine) || err.Error() == "" {
		t.Errorf("%v, want the refusal alone", err)
	}
	if retrysafe.OutcomeOf(err) != retrysafe.Unknown || retrysafe.Retryable(err) {
		t.Errorf("%v, retryable %t", retrysafe.OutcomeOf(err), retrysafe.Retryable(err))
	}
}
