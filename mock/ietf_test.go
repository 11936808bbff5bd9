package mock_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/mock"
)

func TestIETFKeyIsBareOrQuoted(t *testing.T) {
	for value, want := range map[string]string{
		`abc`:                           "abc",
		`"abc"`:                         "abc",
		`  "abc"  `:                     "abc",
		`"a\"b\\c d"`:                   `a"b\c d`,
		`"abc";v=1`:                     "abc",
		`"abc" `:                        "abc",
		strings.Repeat("k", 255):        strings.Repeat("k", 255),
		`""`:                            "",
		``:                              "",
		`"abc`:                          "",
		`"abc"d`:                        "",
		`"a\b"`:                         "",
		`"abc\`:                         "",
		`abc, def`:                      "",
		`a"b`:                           "",
		`é`:                             "",
		`"é"`:                           "",
		strings.Repeat("k", 256):        "",
		`"` + strings.Repeat("k", 256):  "",
		`5e931bbb-40d8-4cae-a2d1-49b3e`: "5e931bbb-40d8-4cae-a2d1-49b3e",
	} {
		p := provider(t, nil)
		req, _ := http.NewRequest("POST", anywhere, nil)
		req.Header.Set("Idempotency-Key", value)
		a := do(p.Client(), req)
		if key := p.Requests()[0].Key; key != want {
			t.Errorf("%q is key %q, want %q", value, key, want)
		}
		if accepted := a.status == 201; accepted != (want != "") {
			t.Errorf("%q: status %d", value, a.status)
		}
		if p.EffectCount() > 0 && want == "" {
			t.Errorf("%q had an effect", value)
		}
	}
}

func TestTwoKeysAreNoKey(t *testing.T) {
	for _, dialect := range []mock.Dialect{mock.IETF, mock.StripeV1} {
		p := provider(t, &mock.Options{Dialect: dialect})
		req, _ := http.NewRequest("POST", anywhere, nil)
		req.Header["Idempotency-Key"] = []string{"a", "b"}
		if a := do(p.Client(), req); a.status != 400 || p.EffectCount() != 0 {
			t.Errorf("%v: %v", dialect, a)
		}
	}
}

func TestIETFRefusalsAreProblems(t *testing.T) {
	p := provider(t, &mock.Options{KeyRequired: true, KeyHeader: "X-Key", Script: []mock.Fault{mock.Pass(), mock.KeyInFlight(1)}})
	send := func(method, path, key, body string) answer {
		req, _ := http.NewRequest(method, anywhere+path, strings.NewReader(body))
		if key != "" {
			req.Header.Set("X-Key", key)
		}
		return do(p.Client(), req)
	}
	if a := send("POST", "/a", "k1", `{"amount":5}`); a.status != 201 {
		t.Fatalf("first: %v", a)
	}
	for _, test := range []struct {
		what, method, path, key, body string
		status                        int
		title                         string
	}{
		{"in flight", "POST", "/a", "k1", `{"amount":5}`, 409, "A request is outstanding for this Idempotency-Key"},
		{"missing", "POST", "/a", "", `{}`, 400, "Idempotency-Key is missing"},
		{"missing on DELETE", "DELETE", "/a", "", "", 400, "Idempotency-Key is missing"},
		{"malformed", "POST", "/a", `"`, `{}`, 400, "Idempotency-Key is malformed"},
		{"other payload", "POST", "/a", "k1", `{"amount":6}`, 422, "Idempotency-Key is already used"},
		{"other path", "POST", "/b", "k1", `{"amount":5}`, 422, "Idempotency-Key is already used"},
		{"other query", "POST", "/a?b=1", "k1", `{"amount":5}`, 422, "Idempotency-Key is already used"},
		{"other method", "PUT", "/a", "k1", `{"amount":5}`, 422, "Idempotency-Key is already used"},
		{"safe method", "GET", "/a", "", "", 404, "Not Found"},
	} {
		a := send(test.method, test.path, test.key, test.body)
		var problem struct {
			Title  string
			Status int
		}
		if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
			t.Errorf("%s: %v in %s", test.what, err, a.body)
		}
		if a.status != test.status || problem.Title != test.title || problem.Status != test.status || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v", test.what, a)
		}
	}
	if p.EffectCount() != 1 {
		t.Errorf("%d effects, want 1", p.EffectCount())
	}
}

func TestIETFStoresErrorsToo(t *testing.T) {
	calls := 0
	p := provider(t, &mock.Options{Effect: func(mock.Request) mock.Reply {
		calls++
		return mock.Problem(500, "Broken", "")
	}})
	first, second := post(p.Client(), anywhere, "k1", `{}`), post(p.Client(), anywhere, "k1", `{}`)
	if calls != 1 || second.status != 500 || second.body != first.body || second.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d calls, %v then %v", calls, first, second)
	}
}
