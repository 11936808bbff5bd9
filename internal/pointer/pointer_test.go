package pointer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/pointer"
)

func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func parse(t testing.TB, s string) pointer.Pointer {
	t.Helper()
	p, err := pointer.Parse(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return p
}

func TestParseTakesJSONPointersOnly(t *testing.T) {
	tests := map[string]bool{
		"/":                             true,
		"/a":                            true,
		"/a/b~0c~1d":                    true,
		"/a//b":                         true,
		"/*/code":                       true,
		"/é":                            true,
		"/~01":                          true,
		strings.Repeat("/a", 32):        true,
		"/" + strings.Repeat("a", 1023): true,
		"":                              false,
		"a":                             false,
		"#/a":                           false,
		"/~":                            false,
		"/~2":                           false,
		"/~~0":                          false,
		"/a~/b":                         false,
		"/\xff":                         false,
		strings.Repeat("/a", 33):        false,
		"/" + strings.Repeat("a", 1024): false,
	}
	for s, want := range tests {
		p, err := pointer.Parse(s)
		if pointer.Valid(s) != want || (err == nil) != want || err != nil && !errors.Is(err, pointer.ErrSyntax) {
			t.Errorf("%.50q: %v, want valid %v", s, err, want)
		}
		if want && p.String() != s || !want && p != (pointer.Pointer{}) {
			t.Errorf("%.50q became %.50q", s, p)
		}
	}
}

const document = `{
	"a": {"b": "x", "n": 1.0, "t": true, "f": false, "null": null, "empty": "", "o": {}, "l": []},
	"list": [{"code": "c0"}, {"code": 12}, {"other": 1}, ["in"]],
	"a/b": "slash", "m~n": "tilde", "~1": "both", "": "nameless", "0": "zero", "*": "star"
}`

func TestMatchAndFirst(t *testing.T) {
	doc := decode(t, document)
	tests := []struct {
		name    string
		pointer string
		want    string
		match   bool
		first   string // "none" if there is none
	}{
		{"a string", "/a/b", "x", true, "x"},
		{"another string", "/a/b", "y", false, "x"},
		{"a number as it is written", "/a/n", "1.0", true, "1.0"},
		{"a number written otherwise", "/a/n", "1", false, "1.0"},
		{"true", "/a/t", "true", true, "true"},
		{"false", "/a/f", "false", true, "false"},
		{"false is present", "/a/f", "", true, "false"},
		{"null has no text", "/a/null", "null", false, "none"},
		{"null is not present", "/a/null", "", false, "none"},
		{"an empty string is present", "/a/empty", "", true, ""},
		{"an object is present", "/a/o", "", true, "none"},
		{"a list is present", "/a/l", "", true, "none"},
		{"an object has no text", "/a/o", "{}", false, "none"},
		{"a missing member", "/a/zzz", "", false, "none"},
		{"beyond a string", "/a/b/c", "", false, "none"},
		{"an element", "/list/1/code", "12", true, "12"},
		{"an element beyond the last", "/list/4", "", false, "none"},
		{"the element after the last", "/list/-", "", false, "none"},
		{"an index with a leading zero", "/list/01/code", "", false, "none"},
		{"a huge index", "/list/99999999999999999999", "", false, "none"},
		{"an index that is none", "/list/x", "", false, "none"},
		{"an empty index", "/list/", "", false, "none"},
		{"any element", "/list/*/code", "12", true, "c0"},
		{"any element of any list", "/list/*/*", "in", true, "c0"},
		{"no element", "/list/*/code", "13", false, "c0"},
		{"any member, in the order of names", "/a/*", "x", true, "x"},
		{"any of nothing", "/a/o/*", "", false, "none"},
		{"an escaped slash", "/a~1b", "slash", true, "slash"},
		{"an escaped tilde", "/m~0n", "tilde", true, "tilde"},
		{"an escaped escape", "/~01", "both", true, "both"},
		{"an escaped name that is missing", "/a~1bc", "", false, "none"},
		{"an escaped name that is longer", "/a~1", "", false, "none"},
		{"the nameless member", "/", "nameless", true, "nameless"},
		{"a number as a name", "/0", "zero", true, "zero"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := parse(t, test.pointer)
			if got := p.Match(doc, test.want); got != test.match {
				t.Errorf("Match(%q) = %v", test.want, got)
			}
			first, ok := p.First(doc)
			if !ok {
				first = "none"
			}
			if first != test.first {
				t.Errorf("First = %q, want %q", first, test.first)
			}
		})
	}
}

func TestTheZeroPointerPointsAtNothing(t *testing.T) {
	var p pointer.Pointer
	if _, ok := p.First("x"); ok || p.Match("x", "x") || p.Match("x", "") {
		t.Error("it matched")
	}
	if _, err := pointer.Insert([]byte("{}"), p, "v"); !errors.Is(err, pointer.ErrSyntax) {
		t.Errorf("Insert: %v", err)
	}
	if _, err := pointer.Cut([]byte("{}"), p); !errors.Is(err, pointer.ErrSyntax) {
		t.Errorf("Cut: %v", err)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	doc := decode(t, document)
	for _, s := range []string{"/a/b", "/list/*/code", "/*/*/*", "/m~0n", "/list/2/zzz"} {
		p := parse(t, s)
		if n := testing.AllocsPerRun(100, func() { p.Match(doc, "nowhere") }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

func TestInsertAndCutBack(t *testing.T) {
	tests := []struct{ name, body, pointer, value, want string }{
		{"into an empty object", `{}`, "/k", "v", `{"k":"v"}`},
		{"into an empty object with space", " { } ", "/k", "v", ` {"k":"v" } `},
		{"before other members", `{ "a" : 1e5 , "b":[1, 2]}`, "/k", "v", `{"k":"v", "a" : 1e5 , "b":[1, 2]}`},
		{"into an inner object", `{"a":{"b":{"c":"}"}}}`, "/a/b/k", "v", `{"a":{"b":{"k":"v","c":"}"}}}`},
		{"into an object inside an array", `[1,{"a":[{},{"x":"]"}]}]`, "/1/a/1/k", "v", `[1,{"a":[{},{"k":"v","x":"]"}]}]`},
		{"beside a member of the same name elsewhere", `{"a":{"k":1}}`, "/k", "v", `{"k":"v","a":{"k":1}}`},
		{"with special characters", `{}`, "/a~1b~0\"", "<\"\\\n\u2028é>", `{"a/b~\"":"\u003c\"\\\n\u2028é\u003e"}`},
		{"past escaped names and strings", `{"\u0061":{"s":"\\\"{"}}`, "/a/k", "v", `{"\u0061":{"k":"v","s":"\\\"{"}}`},
		{"an empty name and value", `{"a":null}`, "/", "", `{"":"","a":null}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, body := parse(t, test.pointer), []byte(test.body)
			got, err := pointer.Insert(body, p, test.value)
			if err != nil || string(got) != test.want {
				t.Fatalf("got  %s, %v\nwant %s", got, err, test.want)
			}
			if first, ok := p.First(decode(t, string(got))); !ok || first != test.value {
				t.Errorf("reads as %q, %v", first, ok)
			}
			back, err := pointer.Cut(got, p)
			if err != nil || string(back) != test.body || string(body) != test.body {
				t.Errorf("cut back to %s, %v", back, err)
			}
		})
	}
}

func TestInsertRefuses(t *testing.T) {
	tests := []struct {
		name, body, pointer, value string
		want                       error
	}{
		{"a member that is there", `{"a":1,"k":null}`, "/k", "v", pointer.ErrPresent},
		{"a member that is there twice", `{"k":1,"k":2}`, "/k", "v", pointer.ErrPresent},
		{"a member that is there in escapes", `{"\u006b":1}`, "/k", "v", pointer.ErrPresent},
		{"a body that is an array", `[]`, "/k", "v", pointer.ErrNoParent},
		{"a body that is a string", `"k"`, "/k", "v", pointer.ErrNoParent},
		{"a body that is a number", `1`, "/k", "v", pointer.ErrNoParent},
		{"a parent that is missing", `{"a":{}}`, "/b/k", "v", pointer.ErrNoParent},
		{"a parent that is null", `{"a":null}`, "/a/k", "v", pointer.ErrNoParent},
		{"a parent that is an array", `{"a":[{}]}`, "/a/0", "v", pointer.ErrNoParent},
		{"a parent beyond an array's end", `{"a":[{}]}`, "/a/1/k", "v", pointer.ErrNoParent},
		{"a parent that is there twice", `{"a":{},"a":{}}`, "/a/k", "v", pointer.ErrAmbiguous},
		{"a wildcard", `{"a":{}}`, "/*/k", "v", pointer.ErrWildcard},
		{"a wildcard at the end", `{"a":{}}`, "/a/*", "v", pointer.ErrWildcard},
		{"an empty body", ``, "/k", "v", pointer.ErrJSON},
		{"a cut body", `{"a":`, "/k", "v", pointer.ErrJSON},
		{"two values", `{}{}`, "/k", "v", pointer.ErrJSON},
		{"a value that is not UTF-8", `{}`, "/k", "\xff", pointer.ErrValue},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := pointer.Insert([]byte(test.body), parse(t, test.pointer), test.value)
			if got != nil || !errors.Is(err, test.want) {
				t.Errorf("got %s, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		name, body, pointer, want string
		err                       error
	}{
		{"the only member", `{ "k" : {"k":1} }`, "/k", `{  }`, nil},
		{"the first member", `{"k":"a,b" , "x":1}`, "/k", `{  "x":1}`, nil},
		{"a middle member", `{"a":1,"k":[1,{"k":2}],"b":2}`, "/k", `{"a":1,"b":2}`, nil},
		{"the last member", "{\"a\":1 ,\n\"k\":2\n}", "/k", "{\"a\":1 \n\n}", nil},
		{"every one of several", `{"k":1,"a":2,"k":3,"k":4}`, "/k", `{"a":2}`, nil},
		{"several and nothing else", `{"k":1,"k":2}`, "/k", `{}`, nil},
		{"one between two that stay", `{"a":1,"k":2,"b":3,"k":4}`, "/k", `{"a":1,"b":3}`, nil},
		{"an inner member", `{"a":{"k":1}}`, "/a/k", `{"a":{}}`, nil},
		{"in every parent of that name", `{"a":{"k":1},"b":0,"a":{"x":2,"k":1}}`, "/a/k", `{"a":{},"b":0,"a":{"x":2}}`, nil},
		{"a member in escapes", `{"\u006b":1,"a":2}`, "/k", `{"a":2}`, nil},
		{"a member that is missing", `{ "a":1}`, "/k", `{ "a":1}`, nil},
		{"a parent that is missing", `{"a":1}`, "/b/k", `{"a":1}`, nil},
		{"a parent that is no object", `{"a":"k"}`, "/a/k", `{"a":"k"}`, nil},
		{"an element", `{"a":[1,2]}`, "/a/0", "", pointer.ErrNoParent},
		{"a wildcard", `{"a":1}`, "/*", "", pointer.ErrWildcard},
		{"no JSON", `{"a":1`, "/a", "", pointer.ErrJSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := []byte(test.body)
			got, err := pointer.Cut(body, parse(t, test.pointer))
			if string(got) != test.want || !errors.Is(err, test.err) {
				t.Errorf("got  %q, %v\nwant %q, %v", got, err, test.want, test.err)
			}
			if string(body) != test.body {
				t.Errorf("the input became %q", body)
			}
		})
	}
}

func FuzzInsertCut(f *testing.F) {
	f.Add([]byte(`{"a": {"b":[1,{"c":"\"}"}]}, "k" : null}`), "/a/b/1/k", "v")
	f.Add([]byte(` { } `), "/k", "\x00\"\\")
	f.Add([]byte(`[{"a":1,"a":{}}]`), "/0/a/k", "é")
	f.Add([]byte(`{"k":1,"k":{"k":2}}`), "/k", "")
	f.Add([]byte("\"\\ud800\""), "/~0~1", "v")
	f.Add([]byte(`{"a":`), "/", "v")
	f.Fuzz(func(t *testing.T, body []byte, path, value string) {
		p, err := pointer.Parse(path)
		if err != nil {
			t.Skip()
		}
		sent := bytes.Clone(body)
		grown, err := pointer.Insert(body, p, value)
		if err == nil {
			if !json.Valid(grown) {
				t.Fatalf("%q is not JSON", grown)
			}
			if back, err := pointer.Cut(grown, p); err != nil || !bytes.Equal(back, body) {
				t.Fatalf("%q was cut to %q, %v", grown, back, err)
			}
			if _, err := pointer.Insert(grown, p, value); !errors.Is(err, pointer.ErrPresent) {
				t.Fatalf("inserted twice: %v", err)
			}
		}
		rest, err := pointer.Cut(body, p)
		if err == nil {
			if !json.Valid(rest) {
				t.Fatalf("%q is not JSON", rest)
			}
			if p.Match(decode(t, string(rest)), "") {
				t.Fatalf("%q still has %s", rest, p)
			}
		}
		if !bytes.Equal(body, sent) {
			t.Fatal("the input was changed")
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte(document), "/list/*/code", "12")
	f.Add([]byte(document), "/m~0n", "tilde")
	f.Add([]byte(`[[[]]]`), "/0/-", "")
	f.Fuzz(func(t *testing.T, body []byte, path, want string) {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var doc any
		p, err := pointer.Parse(path)
		if err != nil || d.Decode(&doc) != nil {
			t.Skip()
		}
		p.Match(doc, want)
		if first, ok := p.First(doc); ok && !p.Match(doc, first) {
			t.Fatalf("%q at %s is not matched", first, p)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	doc, p := decode(b, document), parse(b, "/list/*/code")
	b.ReportAllocs()
	for b.Loop() {
		p.Match(doc, "12")
	}
}

func BenchmarkInsert(b *testing.B) {
	body, p := []byte(document), parse(b, "/idempotency_key")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pointer.Insert(body, p, "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"); err != nil {
			b.Fatal(err)
		}
	}
}
