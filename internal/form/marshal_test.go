package form_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/internal/form"
)

type money struct{ cents int64 }

func (m money) MarshalText() ([]byte, error) {
	if m.cents < 0 {
		return nil, fmt.Errorf("secret %d", m.cents)
	}
	return fmt.Appendf(nil, "%d.%02d", m.cents/100, m.cents%100), nil
}

func (m *money) UnmarshalText(text []byte) error {
	var whole, part int64
	if _, err := fmt.Sscanf(string(text), "%d.%02d", &whole, &part); err != nil {
		return fmt.Errorf("secret %q: %w", text, err)
	}
	m.cents = whole*100 + part
	return nil
}

// shout has its text method on the pointer.
type shout string

func (s *shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(*s))), nil }

type item struct {
	Price    string `form:"price"`
	Quantity int    `form:"quantity,omitempty"`
}

type Base struct {
	ID   string `form:"id"`
	Note string `form:"note"`
}

type base struct {
	Hidden string `form:"hidden"`
}

func ptr[T any](v T) *T { return &v }

func TestMarshalWrites(t *testing.T) {
	var nilItem *item
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"nil as nothing", nil, ""},
		{"a nil pointer as nothing", nilItem, ""},
		{"a nil map as nothing", map[string]string(nil), ""},
		{"fields in the order of declaration", struct{ B, A string }{"1", "2"}, "B=1&A=2"},
		{"a struct by pointer", &item{"p", 2}, "price=p&quantity=2"},
		{"nothing for an empty field with omitempty", item{Price: "p"}, "price=p"},
		{"nothing for a field named -", struct {
			A string `form:"-"`
			B string `form:"-,"`
		}{"1", "2"}, "-=2"},
		{"an empty struct's fields in spite of omitempty", struct {
			I item `form:"i,omitempty"`
		}{}, "i[price]="},
		{"a struct that embeds itself", recursive{A: "1", recursion: &recursion{B: "2"}}, "A=1&B=2"},
		{"the Go name beside options", struct {
			A string `form:",omitempty"`
			B string `form:",omitempty"`
		}{B: "1"}, "B=1"},
		{"a nested struct in brackets", struct {
			Item item `form:"item"`
		}{item{"p", 1}}, "item[price]=p&item[quantity]=1"},
		{"a list of structs by index", struct {
			Items []item `form:"items"`
		}{[]item{{"a", 1}, {"b", 2}}}, "items[0][price]=a&items[0][quantity]=1&items[1][price]=b&items[1][quantity]=2"},
		{"an array by index", map[string]any{"a": [2]int{1, 2}}, "a[0]=1&a[1]=2"},
		{"a list of lists", map[string]any{"a": [][]int{{1}, {2, 3}}}, "a[0][0]=1&a[1][0]=2&a[1][1]=3"},
		{"a map in the order of its keys", map[string]int{"b": 1, "a": 2, "B": 3}, "B=3&a=2&b=1"},
		{"a nested map", map[string]any{"metadata": map[string]any{"order": "1234", "n": nil}}, "metadata[order]=1234"},
		{"a map with integer keys as text", map[int]string{10: "b", 9: "a"}, "10=b&9=a"},
		{"a map with text keys", map[money]int{{150}: 1}, "1.50=1"},
		{"url.Values by index", url.Values{"a": {"1", "2"}}, "a[0]=1&a[1]=2"},
		{"bools and integers", struct {
			A, B bool
			C    int8
			D    uint64
		}{true, false, -128, math.MaxUint64}, "A=true&B=false&C=-128&D=18446744073709551615"},
		{"floats without exponent", struct {
			A float64
			B float32
			C float64
		}{1e21, 0.1, 100}, "A=1000000000000000000000&B=0.1&C=100"},
		{"json.Number as it is", struct{ A, B json.Number }{"12.30", ""}, "A=12.30&B=0"},
		{"bytes as bytes", struct{ A, B, C []byte }{A: []byte("a b"), C: []byte{}}, "A=a+b&C="},
		{"raw JSON as bytes", struct{ A json.RawMessage }{json.RawMessage(`{}`)}, "A=%7B%7D"},
		{"pointers as what they hold", struct {
			A, B *int
			C    **string
		}{A: ptr(0), C: ptr(ptr("x"))}, "A=0&C=x"},
		{"interfaces as what they hold", struct{ A, B, C any }{1, nil, []any{"x", true}}, "A=1&C[0]=x&C[1]=true"},
		{"nothing for empty lists, maps and structs", struct {
			A []int
			B []int
			C map[string]int
			D struct{}
			E [0]int
		}{A: []int{}, C: map[string]int{}}, ""},
		{"a text method", struct {
			A money
			B *money
			C *money
		}{A: money{150}, C: &money{5}}, "A=1.50&C=0.05"},
		{"a text method of the pointer", struct {
			A shout
			B []shout
			C map[string]shout
		}{"a", []shout{"b"}, map[string]shout{"k": "c"}}, "A=A&B[0]=B&C[k]=C"},
		{"a time as RFC 3339", map[string]time.Time{"at": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, "at=2026-01-02T03%3A04%3A05Z"},
		{"promoted fields where they are embedded", struct {
			A string
			Base
			*item
			Z string
		}{"1", Base{"2", "3"}, &item{Price: "p"}, "4"}, "A=1&id=2&note=3&price=p&Z=4"},
		{"nothing for a nil embedded pointer", struct {
			*Base
			Z string
		}{Z: "1"}, "Z=1"},
		{"promoted fields of an unexported struct", struct{ base }{base{"1"}}, "hidden=1"},
		{"an embedded struct with a name as nested", struct {
			Base `form:"base"`
		}{Base{"1", "2"}}, "base[id]=1&base[note]=2"},
		{"the outer field before the promoted one", struct {
			Base
			ID string `form:"id"`
		}{Base{"inner", "n"}, "outer"}, "note=n&id=outer"},
		{"nothing for unexported fields", struct {
			A string
			b string
		}{"1", "2"}, "A=1"},
		{"special characters escaped", map[string]string{"a&b=c": "d+e f%/é\x00\xff"}, "a%26b%3Dc=d%2Be+f%25%2F%C3%A9%00%FF"},
		{"foreign brackets escaped", map[string]any{"a[x]": map[string]int{"]b[": 1}}, "a%5Bx%5D[%5Db%5B]=1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for range 5 {
				got, err := form.Marshal(test.v, nil)
				if err != nil || string(got) != test.want {
					t.Fatalf("got  %q, %v\nwant %q", got, err, test.want)
				}
			}
		})
	}
}

func TestMarshalWritesTheSameForAValueAndAPointerToIt(t *testing.T) {
	v := struct{ A shout }{"a"}
	byValue, err1 := form.Marshal(v, nil)
	byPointer, err2 := form.Marshal(&v, nil)
	if err1 != nil || err2 != nil || string(byValue) != string(byPointer) {
		t.Fatalf("%q, %v and %q, %v", byValue, err1, byPointer, err2)
	}
}

type loop struct {
	Name string `form:"name"`
	Next *loop  `form:"next"`
}

type onlyPointer *onlyPointer

type recursive struct {
	A string
	*recursion
}

type recursion struct {
	*recursive
	B string
}

func TestMarshalRefuses(t *testing.T) {
	circle := &loop{}
	circle.Next = circle
	var self any
	self = &self
	var end onlyPointer
	end = &end
	tests := []struct {
		name  string
		v     any
		cause error
		text  string // what the error has to name
	}{
		{"a string outermost", "secret", form.ErrType, "string"},
		{"a list outermost", []int{1}, form.ErrType, "[]int"},
		{"a single value outermost", time.Time{}, form.ErrType, "time.Time"},
		{"a channel", map[string]any{"a": []any{make(chan int)}}, form.ErrType, `"a[0]": Go type chan int`},
		{"a nil function", struct{ A struct{ F func() } }{}, form.ErrType, `"A[F]": Go type func()`},
		{"a complex number", map[string]complex64{"c": 1}, form.ErrType, `"c": Go type complex64`},
		{"a uintptr", map[string]uintptr{"c": 1}, form.ErrType, `"c": Go type uintptr`},
		{"NaN", map[string]float64{"f": math.NaN()}, form.ErrValue, `"f": Go type float64`},
		{"infinity", map[string]float32{"f": float32(math.Inf(-1))}, form.ErrValue, `"f": Go type float32`},
		{"a json.Number that is none", map[string]json.Number{"n": "secret"}, form.ErrValue, `"n": Go type json.Number`},
		{"a json.Number with white space", map[string]json.Number{"n": "1\n"}, form.ErrValue, "json.Number"},
		{"what a text method refuses", map[string]any{"m": money{-7}}, form.ErrText, `"m": Go type form_test.money`},
		{"a circle of structs", circle, form.ErrDepth, "next[next]"},
		{"a circle of interfaces", self, form.ErrDepth, ""},
		{"a circle of pointers", struct{ P onlyPointer }{end}, form.ErrDepth, `"P"`},
		{"a hole in a list", map[string][]*int{"a": {nil, ptr(1)}}, form.ErrElement, `"a": Go type []*int`},
		{"an empty element", map[string][]struct{}{"a": {{}}}, form.ErrElement, `"a"`},
		{"an empty key", map[string]map[string]int{"a": {"": 1}}, form.ErrName, `"a"`},
		{"a nil key", map[any]int{nil: 1}, form.ErrName, "map[interface {}]int"},
		{"a key that is no text", map[[1]int]int{{1}: 1}, form.ErrType, "map[[1]int]int"},
		{"two keys of one name", map[any]int{1: 1, "1": 2}, form.ErrTwice, "map[interface {}]int"},
		{"two fields of one name", struct {
			A string `form:"x"`
			B string `form:"x"`
		}{}, form.ErrTwice, `"x"`},
		{"two inner fields of one name", struct{ D double }{}, form.ErrTwice, `"x": Go type form_test.double`},
		{"an endless key", map[onlyPointer]int{end: 1}, form.ErrDepth, "map[form_test.onlyPointer]int"},
		{"two promoted fields of one name", struct {
			Base
			Other struct{ item }
			*twin
		}{}, form.ErrTwice, `"id"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := form.Marshal(test.v, nil)
			var typed *form.Error
			if got != nil || !errors.Is(err, test.cause) || !errors.As(err, &typed) {
				t.Fatalf("got %q, %v, want %v", got, err, test.cause)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %q in it and no value", err, test.text)
			}
		})
	}
}

type twin struct {
	ID string `form:"id"`
}

func TestMarshalRefusesOneSegmentTooManyAndNotBefore(t *testing.T) {
	nest := func(n int) any {
		var v any = "x"
		for range n {
			v = map[string]any{"a": v}
		}
		return v
	}
	data, err := form.Marshal(nest(32), nil)
	if err != nil {
		t.Fatal(err)
	}
	var back any
	if err := form.Unmarshal(data, &back, nil); err != nil || !reflect.DeepEqual(back, nest(32)) {
		t.Fatalf("%v, %v", back, err)
	}
	if _, err := form.Marshal(nest(33), nil); !errors.Is(err, form.ErrDepth) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsChooseTagsAndFields(t *testing.T) {
	type request struct {
		Charge string `path:"charge"`
		Limit  int    `query:"limit" form:"lim"`
		Amount int    `form:"amount"`
		Inner  struct {
			Path string `path:"inner"`
		}
	}
	v := request{Charge: "ch_1", Limit: 3, Amount: 5}
	v.Inner.Path = "stays"
	inPath := func(f reflect.StructField) bool { _, ok := f.Tag.Lookup("path"); return ok }
	tests := []struct {
		name string
		opts *form.Options
		want string
	}{
		{"none", nil, "Charge=ch_1&lim=3&amount=5&Inner[Path]=stays"},
		{"zero", &form.Options{}, "Charge=ch_1&lim=3&amount=5&Inner[Path]=stays"},
		{"first tag that is there", &form.Options{Tags: []string{"query", "form"}, Skip: inPath}, "limit=3&amount=5&Inner[Path]=stays"},
		{"another tag only", &form.Options{Tags: []string{"query"}}, "Charge=ch_1&limit=3&Amount=5&Inner[Path]=stays"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := form.Marshal(v, test.opts)
			if err != nil || string(got) != test.want {
				t.Fatalf("got  %q, %v\nwant %q", got, err, test.want)
			}
			var back request
			if err := form.Unmarshal(got, &back, test.opts); err != nil {
				t.Fatal(err)
			}
			want := v
			if test.opts != nil && test.opts.Skip != nil {
				want.Charge = ""
			}
			if back != want {
				t.Errorf("read back %+v, want %+v", back, want)
			}
		})
	}
}

func TestUnmarshalLeavesASkippedFieldAlone(t *testing.T) {
	v := struct{ A, B string }{"mine", ""}
	opts := &form.Options{Skip: func(f reflect.StructField) bool { return f.Name == "A" }}
	if err := form.Unmarshal([]byte("A=theirs&B=b"), &v, opts); err != nil || v.A != "mine" || v.B != "b" {
		t.Fatalf("%+v, %v", v, err)
	}
}

func TestAppendJoinsWhatIsThere(t *testing.T) {
	got, err := form.Append([]byte("a=1"), reflect.ValueOf(map[string]int{"b": 2}), nil)
	if err != nil || string(got) != "a=1&b=2" {
		t.Errorf("got %q, %v", got, err)
	}
	got, err = form.Append([]byte("a=1"), reflect.Value{}, nil)
	if err != nil || string(got) != "a=1" {
		t.Errorf("got %q, %v", got, err)
	}
	got, err = form.Append([]byte("a=1"), reflect.ValueOf(map[string]any{"b": 2, "c": make(chan int)}), nil)
	if err == nil || string(got) != "a=1" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestMarshalEscapesAsNetURLDoes(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		got, err := form.Marshal(map[string]string{"k": s}, nil)
		if want := "k=" + url.QueryEscape(s); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	v := struct {
		Amount   int               `form:"amount"`
		Currency string            `form:"currency"`
		Customer *string           `form:"customer"`
		Items    []item            `form:"items"`
		Metadata map[string]string `form:"metadata"`
	}{2000, "eur", ptr("cus_123"), []item{{"a", 1}, {"b", 2}}, map[string]string{"order": "1234", "shop": "7"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := form.Marshal(v, nil); err != nil {
			b.Fatal(err)
		}
	}
}
