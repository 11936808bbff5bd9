package problem_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/retrysafe/retrysafe/internal/problem"
)

func TestIs(t *testing.T) {
	tests := map[string]bool{
		"application/problem+json":                  true,
		"Application/Problem+JSON":                  true,
		" application/problem+json ; charset=utf-8": true,
		"application/problem+json;;=":               true,
		"application/problem+xml":                   false,
		"application/json":                          false,
		"application/problem+jsonx":                 false,
		"":                                          false,
		";application/problem+json":                 false,
	}
	for mediaType, want := range tests {
		if got := problem.Is(mediaType); got != want {
			t.Errorf("Is(%q) = %v", mediaType, got)
		}
	}
}

func TestParse(t *testing.T) {
	long := strings.Repeat("é", 300)
	tests := []struct {
		name, body string
		want       problem.Details
		ok         bool
	}{
		{"every member", `{"type":"https://example.com/p","title":"T","status":422,"detail":"D","instance":"/i/1","balance":30}`,
			problem.Details{Type: "https://example.com/p", Title: "T", Status: 422, Detail: "D", Instance: "/i/1"}, true},
		{"no member", ` {} `, problem.Details{Type: "about:blank"}, true},
		{"members of the wrong type", `{"type":1,"title":["T"],"status":"422","detail":{"a":"b"},"instance":true}`, problem.Details{Type: "about:blank"}, true},
		{"nulls", `{"type":null,"title":null,"status":null,"detail":null,"instance":null}`, problem.Details{Type: "about:blank"}, true},
		{"one wrong member beside right ones", `{"title":7,"detail":"D","status":409}`, problem.Details{Type: "about:blank", Detail: "D", Status: 409}, true},
		{"names in another case", `{"Type":"x","TITLE":"T","Status":409}`, problem.Details{Type: "about:blank"}, true},
		{"an empty type", `{"type":""}`, problem.Details{Type: "about:blank"}, true},
		{"a status too low", `{"status":99}`, problem.Details{Type: "about:blank"}, true},
		{"a status too high", `{"status":600}`, problem.Details{Type: "about:blank"}, true},
		{"a status with a fraction", `{"status":409.5}`, problem.Details{Type: "about:blank"}, true},
		{"a status that overflows", `{"status":1e300}`, problem.Details{Type: "about:blank"}, true},
		{"control characters", `{"title":"a\r\n\u0000\u007f\u0085\u2028\u2029\u202eb\tc"}`, problem.Details{Type: "about:blank", Title: "a        b c"}, true},
		{"lone surrogates", `{"title":"\ud800x"}`, problem.Details{Type: "about:blank", Title: "\uFFFDx"}, true},
		{"a long text", `{"detail":"` + long + `"}`, problem.Details{Type: "about:blank", Detail: long[:500]}, true},
		{"a long text at an odd byte", `{"detail":"x` + long + `"}`, problem.Details{Type: "about:blank", Detail: "x" + long[:498]}, true},
		{"a text of just the most", `{"detail":"` + long[:500] + `"}`, problem.Details{Type: "about:blank", Detail: long[:500]}, true},
		{"the largest body", `{"x":"` + strings.Repeat("x", 64<<10-8) + `"}`, problem.Details{Type: "about:blank"}, true},
		{"a body too large", `{"x":"` + strings.Repeat("x", 64<<10-7) + `"}`, problem.Details{}, false},
		{"nothing", ``, problem.Details{}, false},
		{"null", `null`, problem.Details{}, false},
		{"an array", `[{"title":"T"}]`, problem.Details{}, false},
		{"a cut body", `{"title":"T"`, problem.Details{}, false},
		{"HTML", `<html>`, problem.Details{}, false},
		{"two objects", `{}{}`, problem.Details{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := problem.Parse([]byte(test.body))
			if got != test.want || ok != test.ok {
				t.Errorf("got  %+v, %v\nwant %+v, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	tests := []struct {
		d    problem.Details
		want string
	}{
		{problem.Details{}, `{}`},
		{problem.Details{Type: "t", Title: "T", Detail: "D\n", Instance: "/i", Status: 409}, `{"type":"t","title":"T","status":409,"detail":"D\n","instance":"/i"}`},
		{problem.Details{Title: "\xff<"}, `{"title":"\ufffd\u003c"}`},
	}
	for _, test := range tests {
		if got := string(test.d.JSON()); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"https://example.com/p","title":"T","status":422,"detail":"D","instance":"/i/1"}`))
	f.Add([]byte(`{"title":"\ud800\u202e\u0000","status":1e9,"type":[]}`))
	f.Add([]byte(`{"detail":"` + strings.Repeat("\\u00e9", 600) + `"}`))
	f.Add([]byte(`null`))
	f.Add([]byte("{\"title\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, ok := problem.Parse(body)
		if !ok {
			if d != (problem.Details{}) {
				t.Fatalf("got %+v beside false", d)
			}
			return
		}
		for _, text := range []string{d.Type, d.Title, d.Detail, d.Instance} {
			if len(text) > 500 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("text %q", text)
			}
		}
		if d.Type == "" || d.Status != 0 && (d.Status < 100 || d.Status > 599) {
			t.Fatalf("got %+v", d)
		}
		written := d.JSON()
		if again, ok := problem.Parse(written); !ok || again != d || !json.Valid(written) {
			t.Fatalf("%+v was written as %s and read as %+v, %v", d, written, again, ok)
		}
	})
}
