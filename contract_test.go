package retrysafe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

type formCharge struct {
	Amount   int64             `form:"amount"`
	Metadata map[string]string `form:"metadata"`
	Items    []formItem        `form:"items"`
}

type formItem struct {
	Price string `form:"price"`
}

func readAll(r io.ReadCloser) string {
	if r == nil {
		return ""
	}
	defer r.Close()
	b, _ := io.ReadAll(r)
	return string(b)
}

func response(status int, contentType, body string) *http.Response {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func wantInvalid(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, retrysafe.ErrInvalid) {
		t.Errorf("error is %v, want ErrInvalid", err)
	}
}

// wireClient talks to wire at https://api.example.com/base.
func wireClient(t *testing.T, wire http.RoundTripper, opts retrysafe.Options) *retrysafe.Client {
	t.Helper()
	opts.HTTPClient = &http.Client{Transport: wire}
	client, err := retrysafe.NewClient("https://api.example.com/base/", &opts)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type Paging struct {
	Limit int `query:"limit"`
}

type fullRequest struct {
	Paging
	Charge  string   `path:"charge"`
	Number  uint8    `path:"n"`
	Account string   `header:"Stripe-Account"`
	Tags    []string `header:"X-Tag"`
	Absent  *string  `header:"X-Absent"`
	Empty   string   `header:"X-Empty,omitempty"`
	Expand  []string `query:"expand"`
	Amount  int64    `json:"amount" form:"amount"`
	Note    string   `json:"note,omitempty" form:"note,omitempty"`
	secret  string
}

func TestFieldsGoWhereTheirTagsSay(t *testing.T) {
	request := fullRequest{
		Paging: Paging{Limit: 3}, Charge: "ch 1%2F+ü", Number: 7, Account: "acct_1", Tags: []string{"a", "b"},
		Expand: []string{"customer"}, Amount: 42, secret: "x",
	}
	for name, c := range map[string]struct {
		body  retrysafe.Encoding
		want  string
		media string
	}{
		"JSON": {retrysafe.JSON, `{"amount":42}`, "application/json"},
		"form": {retrysafe.Form, "amount=42", "application/x-www-form-urlencoded"},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &sent{}
			client := wireClient(t, wire, retrysafe.Options{Header: http.Header{"Stripe-Version": {"2026-01-01"}, "x-tag": {"replaced"}}})
			cmd := retrysafe.Command[fullRequest, retrysafe.None]{Name: "full", Method: "PUT", Path: "/v1/{charge}/n{n}:go", Body: c.body}
			res, err := cmd.With(retrysafe.Call{Header: http.Header{"X-Call": {"1"}}}).Do(context.Background(), client, "order-1", request)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := wire.req.Method+" "+wire.req.URL.String(), "PUT https://api.example.com/base/v1/ch%201%252F+%C3%BC/n7:go?limit=3&expand[0]=customer"; got != want {
				t.Errorf("request is %s, want %s", got, want)
			}
			if wire.body != c.want {
				t.Errorf("body is %s, want %s", wire.body, c.want)
			}
			want := http.Header{
				"Stripe-Account": {"acct_1"}, "X-Tag": {"a", "b"}, "X-Call": {"1"}, "Stripe-Version": {"2026-01-01"},
				"Content-Type": {c.media}, "Accept": {"*/*;q=0.1"}, "Idempotency-Key": {string(res.Key)},
			}
			if !reflect.DeepEqual(wire.req.Header, want) {
				t.Errorf("header is %v, want %v", wire.req.Header, want)
			}
		})
	}
}

func TestAFormNestsInBrackets(t *testing.T) {
	wire := &sent{}
	cmd := retrysafe.Command[formCharge, charged]{Name: "form", Path: "/", Body: retrysafe.Form}
	_, err := cmd.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), "order-1", formCharge{
		Amount: 1, Metadata: map[string]string{"order": "a b", "again": "&"}, Items: []formItem{{"p_1"}, {"p_2"}},
	})
	if want := "amount=1&metadata[again]=%26&metadata[order]=a+b&items[0][price]=p_1&items[1][price]=p_2"; err != nil || wire.body != want {
		t.Errorf("body is %s (%v), want %s", wire.body, err, want)
	}
}

func TestAQueryHasItsFieldsInTheQueryAndNoKey(t *testing.T) {
	type search struct {
		ID    string           `path:"id"`
		Limit int              `query:"limit,omitempty"`
		Since map[string]int64 `form:"created"`
	}
	wire := &sent{}
	query := retrysafe.Query[search, charged]{Name: "search", Path: "/v1/{id}"}
	res, err := query.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), search{ID: "x", Since: map[string]int64{"gte": 5}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := wire.req.Method+" "+wire.req.URL.RequestURI(), "GET /base/v1/x?created[gte]=5"; got != want {
		t.Errorf("request is %s, want %s", got, want)
	}
	if len(wire.req.Header) != 1 || wire.req.Header.Get("Accept") != "application/json" || wire.body != "" || res.Key != "" {
		t.Errorf("header %v, body %q, key %q; want nothing but Accept", wire.req.Header, wire.body, string(res.Key))
	}
	post := retrysafe.Query[search, charged]{Name: "search/post", Path: "/v1/{id}", Method: "POST"}
	if _, err = post.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), search{ID: "x"}); err != nil {
		t.Fatal(err)
	}
	if wire.body != `{"Since":null}` || wire.req.Header.Get("Content-Type") != "application/json" {
		t.Errorf("body of a POST query is %q, want the fields without a tag of ours", wire.body)
	}
}

func TestAnswersAreDecodedByTheirContentType(t *testing.T) {
	for name, c := range map[string]struct {
		media, body string
	}{
		"JSON":                  {"application/json; charset=utf-8", `{"id":"ch_1","amount":7}`},
		"a JSON dialect":        {"application/vnd.api+json", `{"id":"ch_1","amount":7}`},
		"capitals":              {"Application/JSON", `{"id":"ch_1","amount":7}`},
		"more fields than ours": {"application/json", `{"id":"ch_1","amount":7,"livemode":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &sent{answer: func() *http.Response { return response(201, c.media, c.body) }}
			res, err := createCharge.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), "order-1", charge{})
			if err != nil || res.Value != (charged{"ch_1", 7}) || res.Status != 201 {
				t.Errorf("result %v with %+v (%v), want ch_1 and 7", res, res.Value, err)
			}
		})
	}
	type formAnswer struct {
		ID string `form:"id"`
	}
	form := retrysafe.Command[charge, formAnswer]{Name: "form", Path: "/"}
	wire := &sent{answer: func() *http.Response { return response(200, "application/x-www-form-urlencoded", "id=ch+1&x=y") }}
	if res, err := form.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), "order-1", charge{}); err != nil || res.Value.ID != "ch 1" {
		t.Errorf("form answer: %v (%v), want id ch 1", res, err)
	}
	raw := retrysafe.Command[charge, []byte]{Name: "raw", Path: "/"}
	wire.answer = func() *http.Response { return response(200, "application/pdf", "%PDF") }
	if res, err := raw.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), "order-1", charge{}); err != nil || string(res.Value) != "%PDF" {
		t.Errorf("raw answer: %v (%v), want the bytes", res, err)
	}
	none := retrysafe.Command[charge, retrysafe.None]{Name: "none", Path: "/"}
	wire.answer = func() *http.Response { return response(200, "application/json", "{not JSON") }
	if _, err := none.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), "order-1", charge{}); err != nil {
		t.Errorf("no answer wanted: %v, want nil", err)
	}
}

func TestOverridesOfACommandReplaceTheClients(t *testing.T) {
	wire := &sent{answer: func() *http.Response { return response(503, "application/json", "{}") }}
	client := wireClient(t, wire, retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 3, Backoff: retrysafe.Backoff{Base: time.Millisecond}}})
	cmd := createCharge
	cmd.Profile = &retrysafe.Profile{Key: retrysafe.KeyRules{Header: "X-Key"}}
	cmd.Retry = &retrysafe.RetryPolicy{MaxAttempts: 1}
	_, err := cmd.Do(context.Background(), client, "order-1", charge{})
	if e := asError(t, err); len(e.Attempts) != 1 || !errors.Is(err, retrysafe.ErrAttemptsExhausted) {
		t.Errorf("%d attempts (%v), want the command's 1", len(e.Attempts), err)
	}
	if wire.req.Header.Get("X-Key") == "" || wire.req.Header.Get("Idempotency-Key") != "" {
		t.Errorf("header is %v, want the key where the command's profile has it", wire.req.Header)
	}
	cmd.Name, cmd.Retry, cmd.Rules = "charges.again", nil, []retrysafe.Rule{{Status: 503, Verdict: retrysafe.Stuck}}
	if _, err = cmd.Do(context.Background(), client, "order-1", charge{}); !errors.Is(err, retrysafe.ErrStuck) {
		t.Errorf("error is %v, want the command's rule before the profile's", err)
	}
}

func TestOneNameIsOneDeclarationOnAClient(t *testing.T) {
	client := newInMemory(t)
	again := retrysafe.Command[charge, charged]{Name: "charges.create", Path: "/v1/charges"}
	for _, err := range []error{createCharge.Validate(client), again.Validate(client), createCharge.With(retrysafe.Call{First: true}).Validate(client)} {
		if err != nil {
			t.Errorf("the same declaration twice: %v", err)
		}
	}
	path, res, query := again, retrysafe.Command[charge, string]{Name: "charges.create", Path: "/v1/charges"}, retrysafe.Query[charge, charged]{Name: "charges.create", Path: "/v1/charges"}
	path.Path = "/v2/charges"
	for name, err := range map[string]error{"path": path.Validate(client), "answer": res.Validate(client), "query": query.Validate(client)} {
		if !errors.Is(err, retrysafe.ErrInvalid) {
			t.Errorf("another %s under the same name: error is %v, want ErrInvalid", name, err)
		}
	}
	if _, err := path.Do(context.Background(), client, "order-1", charge{}); !errors.Is(err, retrysafe.ErrInvalid) {
		t.Errorf("calling it: error is %v, want ErrInvalid", err)
	}
}

func TestAFingerprintIsOverWhatIsAskedFor(t *testing.T) {
	client := wireClient(t, &sent{}, retrysafe.Options{Account: "acme"})
	type timed struct {
		Amount int    `json:"amount"`
		SentAt string `json:"sent_at"`
		Trace  string `header:"X-Trace"`
		Page   int    `query:"page"`
	}
	cmd := retrysafe.Command[timed, retrysafe.None]{Name: "timed", Path: "/v1", Volatile: []string{"/sent_at", "header:X-Trace", "query:page"}}
	of := func(c retrysafe.Command[timed, retrysafe.None], req timed) [32]byte {
		t.Helper()
		sum, err := c.Fingerprint(client, req)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	base := of(cmd, timed{Amount: 1, SentAt: "now", Trace: "a", Page: 1})
	if got := of(cmd, timed{Amount: 1, SentAt: "later", Trace: "b", Page: 2}); got != base {
		t.Error("volatile fields change the fingerprint")
	}
	if got := of(cmd, timed{Amount: 2, SentAt: "now", Trace: "a", Page: 1}); got == base {
		t.Error("another amount has the same fingerprint")
	}
	if got := of(cmd.With(retrysafe.Call{Account: "other"}), timed{Amount: 1, SentAt: "now", Trace: "a", Page: 1}); got == base {
		t.Error("another account has the same fingerprint")
	}
	if got := of(cmd.With(retrysafe.Call{Key: "own-key"}), timed{Amount: 1, SentAt: "now", Trace: "a", Page: 1}); got != base {
		t.Error("the key is in the fingerprint")
	}
	byValue := retrysafe.Command[timed, retrysafe.None]{Name: "by-value", Path: "/v1", Identity: func(r timed) []any { return []any{r.Amount, "eur"} }}
	if of(byValue, timed{Amount: 1, Page: 1}) != of(byValue, timed{Amount: 1, Page: 2}) || of(byValue, timed{Amount: 1}) == of(byValue, timed{Amount: 2}) {
		t.Error("Identity does not decide alone")
	}
	inexact := retrysafe.Command[timed, retrysafe.None]{Name: "inexact", Path: "/v1", Identity: func(timed) []any { return []any{1.5} }}
	if _, err := inexact.Fingerprint(client, timed{}); !errors.Is(err, retrysafe.ErrInvalid) {
		t.Errorf("a float as identity: error is %v, want ErrInvalid", err)
	}
}

func TestVolatileFieldsAreRefusedWherePayloadsAreCompared(t *testing.T) {
	client := wireClient(t, &sent{}, retrysafe.Options{Profile: retrysafe.Profile{
		ComparesPayload: true, Rules: []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Mismatch}},
	}})
	cmd := retrysafe.Command[charge, charged]{Name: "volatile", Path: "/", Volatile: []string{"/amount"}}
	wantInvalid(t, cmd.Validate(client))
}

func TestAuthorizeSeesTheOperationAndMayNotTouchTheKey(t *testing.T) {
	wire := &sent{}
	var seen retrysafe.Operation
	client := wireClient(t, wire, retrysafe.Options{Account: "acme", Authorize: func(r *http.Request) error {
		seen, _ = retrysafe.OperationFrom(r.Context())
		r.Header.Set("Authorization", "Bearer x")
		return nil
	}})
	if _, err := createCharge.Do(context.Background(), client, "order-1", charge{}); err != nil {
		t.Fatal(err)
	}
	if want := (retrysafe.Operation{Account: "acme", Command: "charges.create", ID: "order-1"}); seen != want || wire.req.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("operation %+v, header %v; want %+v and credentials", seen, wire.req.Header, want)
	}
	for name, tamper := range map[string]func(*http.Request){
		"key changed":  func(r *http.Request) { r.Header.Set("Idempotency-Key", "another") },
		"key removed":  func(r *http.Request) { r.Header.Del("Idempotency-Key") },
		"key doubled":  func(r *http.Request) { r.Header.Add("Idempotency-Key", "another") },
		"other host":   func(r *http.Request) { r.URL.Host = "evil.example" },
		"other Host":   func(r *http.Request) { r.Host = "evil.example" },
		"other method": func(r *http.Request) { r.Method = "PUT" },
		"other path":   func(r *http.Request) { r.URL.Path = "/v1/refunds" },
		"no URL":       func(r *http.Request) { r.URL = nil },
		"injection":    func(r *http.Request) { r.Header["Authorization"] = []string{"a\r\nX: y"} },
	} {
		t.Run(name, func(t *testing.T) {
			wire := &sent{}
			client := wireClient(t, wire, retrysafe.Options{Authorize: func(r *http.Request) error { tamper(r); return nil }})
			_, err := createCharge.With(retrysafe.Call{First: true}).Do(context.Background(), client, "order-1", charge{})
			if !errors.Is(err, retrysafe.ErrAuthorize) || retrysafe.OutcomeOf(err) != retrysafe.NotApplied || wire.req != nil {
				t.Errorf("error %v, sent %v; want ErrAuthorize and nothing sent", err, wire.req)
			}
			if retrysafe.Retryable(err) || strings.Count(err.Error(), "authorization failed") != 1 {
				t.Errorf("%v: retryable %t; want no, as it would do so again, and the reason once", err, retrysafe.Retryable(err))
			}
		})
	}
}

func TestARedirectOfACommandIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		calls := 0
		wire := transportFunc(func(*http.Request) (*http.Response, error) {
			calls++
			resp := response(status, "", "")
			resp.Header.Set("Location", "/elsewhere")
			return resp, nil
		})
		_, err := createCharge.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), "order-1", charge{})
		if calls != 1 || asError(t, err).Status != status || retrysafe.OutcomeOf(err) != retrysafe.Unknown {
			t.Errorf("%d: %d requests, error %v; want 1 and the redirect as the answer", status, calls, err)
		}
	}
}

func TestARedirectOfAQueryIsFollowedWithinTheOrigin(t *testing.T) {
	for name, c := range map[string]struct {
		to     string
		follow bool
	}{
		"same origin":  {"/base/new?x=1", true},
		"absolute":     {"https://api.example.com:443/new", true},
		"another host": {"https://evil.example/new", false},
		"another port": {"https://api.example.com:444/new", false},
		"plain":        {"http://api.example.com/new", false},
		"credentials":  {"https://u:p@api.example.com/new", false},
		"malformed":    {"https://%zz/", false},
	} {
		t.Run(name, func(t *testing.T) {
			var urls []string
			wire := transportFunc(func(r *http.Request) (*http.Response, error) {
				if urls = append(urls, r.URL.String()); len(urls) > 1 {
					return response(200, "application/json", `{"id":"ch_1"}`), nil
				}
				resp := response(302, "", "")
				resp.Header.Set("Location", c.to)
				return resp, nil
			})
			query := retrysafe.Query[retrysafe.None, charged]{Name: "get", Path: "/old"}
			res, err := query.Do(context.Background(), wireClient(t, wire, retrysafe.Options{}), retrysafe.None{})
			if c.follow != (err == nil && res.Value.ID == "ch_1") || c.follow != (len(urls) == 2) {
				t.Errorf("requests %q, error %v; want it followed: %t", urls, err, c.follow)
			}
		})
	}
	loop := transportFunc(func(*http.Request) (*http.Response, error) {
		resp := response(302, "", "")
		resp.Header.Set("Location", "/again")
		return resp, nil
	})
	query := retrysafe.Query[retrysafe.None, charged]{Name: "get", Path: "/old"}
	if _, err := query.Do(context.Background(), wireClient(t, loop, retrysafe.Options{}), retrysafe.None{}); asError(t, err).Status != 302 {
		t.Errorf("a loop of redirects: %v, want the last redirect", err)
	}
}
