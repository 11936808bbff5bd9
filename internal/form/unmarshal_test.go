package form_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/form"
)

type order struct {
	Base
	Name   string            `form:"name"`
	Count  int8              `form:"count"`
	Size   uint8             `form:"size"`
	Share  float32           `form:"share"`
	Open   bool              `form:"open"`
	Total  money             `form:"total"`
	Number json.Number       `form:"number"`
	Raw    []byte            `form:"raw"`
	Where  net.IP            `form:"where"`
	Item   *item             `form:"item"`
	Items  []item            `form:"items"`
	Tags   []string          `form:"tags"`
	Pair   [2]int            `form:"pair"`
	Meta   map[string]string `form:"meta"`
	ByNo   map[int]*item     `form:"by_no"`
	Any    any               `form:"any"`
	Func   func()            `form:"func"`
	Reader io.Reader         `form:"reader"`
}

func TestUnmarshalReads(t *testing.T) {
	tests := []struct {
		name string
		data string
		want order
	}{
		{"nothing", "", order{}},
		{"empty pairs", "&&", order{}},
		{"single values", "name=a+b%26&count=-128&size=255&share=0.5&open=true&total=1.50&number=1.0&raw=%00&where=10.0.0.1",
			order{Name: "a b&", Count: -128, Size: 255, Share: 0.5, Open: true, Total: money{150}, Number: "1.0", Raw: []byte{0}, Where: net.IPv4(10, 0, 0, 1)}},
		{"a name without =", "name", order{}},
		{"a value with = and ;", "name=a=b;c", order{Name: "a=b;c"}},
		{"a promoted field", "id=1", order{Base: Base{ID: "1"}}},
		{"nothing of unknown names", "other=1&Name=x&item[other]=2&=3&[]=4", order{Item: &item{}}},
		{"a struct by pointer", "item[price]=p&item[quantity]=2", order{Item: &item{"p", 2}}},
		{"a struct with escaped brackets", "item%5Bprice%5D=p&item%5bquantity%5d=2", order{Item: &item{"p", 2}}},
		{"a list by index in any order", "items[1][price]=b&items[0][price]=a", order{Items: []item{{Price: "a"}, {Price: "b"}}}},
		{"a list of more than ten", "tags[10]=k&tags[0]=a&tags[1]=b&tags[2]=c&tags[3]=d&tags[4]=e&tags[5]=f&tags[6]=g&tags[7]=h&tags[8]=i&tags[9]=j",
			order{Tags: strings.Split("abcdefghijk", "")}},
		{"an appended list", "tags[]=b&tags[]=a", order{Tags: []string{"b", "a"}}},
		{"a repeated name as a list", "tags=b&tags=a", order{Tags: []string{"b", "a"}}},
		{"an array", "pair[0]=1&pair[1]=2", order{Pair: [2]int{1, 2}}},
		{"a short array", "pair[]=1", order{Pair: [2]int{1, 0}}},
		{"maps", "meta[a]=1&meta[b%5D]=2&by_no[7][price]=p", order{Meta: map[string]string{"a": "1", "b]": "2"}, ByNo: map[int]*item{7: {Price: "p"}}}},
		{"text into an interface", "any=x", order{Any: "x"}},
		{"a list into an interface", "any[1]=y&any[0][a]=x", order{Any: []any{map[string]any{"a": "x"}, "y"}}},
		{"an appended list into an interface", "any[]=x", order{Any: []any{"x"}}},
		{"a repeated name into an interface", "any=x&any=y", order{Any: []any{"x", "y"}}},
		{"a map into an interface", "any[0]=x&any[2]=y", order{Any: map[string]any{"0": "x", "2": "y"}}},
		{"brackets that do not nest as one name", "name[x]y[z=1&name[=x&item[price=x&item]price[=x&item[price]x=y&item[[price]]=1", order{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got order
			err := form.Unmarshal([]byte(test.data), &got, nil)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Fatalf("got  %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestUnmarshalReadsIntoMapsAndInterfaces(t *testing.T) {
	data := []byte("a=1&b[c]=2&d[]=3&0=4&a[[=5&a[b[c]=6&[x]=7&%5By%5D=8")
	want := map[string]any{"a": "1", "b": map[string]any{"c": "2"}, "d": []any{"3"}, "0": "4", "a[[": "5", "a[b[c]": "6", "[x]": "7", "[y]": "8"}
	var bare any
	if err := form.Unmarshal(data, &bare, nil); err != nil || !reflect.DeepEqual(bare, any(want)) {
		t.Errorf("got %v, %v", bare, err)
	}
	held := map[string]any{"kept": true, "a": "old"}
	pointer := &held
	want["kept"] = true
	if err := form.Unmarshal(data, &pointer, nil); err != nil || !reflect.DeepEqual(held, want) {
		t.Errorf("got %v, %v", held, err)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	tests := []struct {
		name  string
		data  string
		cause error
		text  string
	}{
		{"a word as a number", "count=secret", form.ErrValue, `"count": Go type int8`},
		{"a number that overflows", "count=128", form.ErrValue, `"count"`},
		{"a negative unsigned number", "size=-1", form.ErrValue, `"size"`},
		{"a word as a bool", "open=secret", form.ErrValue, `"open"`},
		{"NaN", "share=NaN", form.ErrValue, `"share"`},
		{"infinity", "share=1e99", form.ErrValue, `"share"`},
		{"a word as a json.Number", "number=secret", form.ErrValue, `"number"`},
		{"nothing as a json.Number", "number=", form.ErrValue, `"number"`},
		{"what a text method refuses", "total=secret", form.ErrText, `"total": Go type form_test.money`},
		{"a single value as a struct", "item=secret", form.ErrValue, `"item": Go type form_test.item`},
		{"a single value as a map", "meta=secret", form.ErrValue, `"meta"`},
		{"a nested value as a single one", "name[x]=secret", form.ErrValue, `"name": Go type string`},
		{"a list as a single value", "total[]=secret", form.ErrValue, `"total"`},
		{"single and nested", "item=secret&item[price]=p", form.ErrValue, `"item"`},
		{"single and nested the other way", "name[x]=p&name=secret", form.ErrValue, `"name"`},
		{"a wrong value inside an interface", "any[x][]=a&any[x][0]=secret", form.ErrName, `"any[x]"`},
		{"single and nested in an interface", "any=secret&any[x]=p", form.ErrValue, `"any"`},
		{"a value given twice", "name=secret&name=secret", form.ErrTwice, `"name"`},
		{"a nested value given twice", "item[price]=1&item%5Bprice%5D=2", form.ErrTwice, `"item[price]"`},
		{"a wrong element deep inside", "items[0][price]=p&items[1][quantity]=secret", form.ErrValue, `"items[1][quantity]"`},
		{"a list with a hole", "tags[0]=a&tags[2]=b", form.ErrIndex, `"tags": Go type []string`},
		{"a huge index", "tags[99999999999999999999]=a", form.ErrIndex, `"tags"`},
		{"a large index", "tags[10001]=a", form.ErrIndex, `"tags"`},
		{"a negative index", "tags[-1]=a", form.ErrIndex, `"tags"`},
		{"an index with a leading zero", "tags[00]=a", form.ErrIndex, `"tags"`},
		{"a list in two ways", "tags[]=a&tags[0]=b", form.ErrIndex, `"tags"`},
		{"a list in two other ways", "tags=a&tags[]=b", form.ErrIndex, `"tags"`},
		{"structs appended", "items[][price]=a", form.ErrIndex, `"items"`},
		{"too much for an array", "pair[]=1&pair[]=2&pair[]=3", form.ErrIndex, `"pair": Go type [2]int`},
		{"an append to a map", "meta[]=a", form.ErrName, `"meta"`},
		{"a key that does not fit", "by_no[secret][price]=a", form.ErrValue, `"by_no": Go type map[int]*form_test.item`},
		{"a function", "func=secret", form.ErrType, `"func": Go type func()`},
		{"an interface with methods", "reader=secret", form.ErrType, `"reader": Go type io.Reader`},
		{"a broken escape in a value", "name=secret%", form.ErrSyntax, `"name"`},
		{"a broken escape in a name", "secret%zz=1", form.ErrSyntax, ""},
		{"a broken escape in brackets", "item[secret%zz]=1", form.ErrSyntax, ""},
		{"an unknown name nested too deep", "x" + strings.Repeat("[a]", 32) + "=1", form.ErrDepth, ""},
		{"escaped brackets nested too deep", "x" + strings.Repeat("%5Ba%5D", 32) + "=1", form.ErrDepth, ""},
		{"too many pairs", strings.Repeat("x=1&", 10_001), form.ErrSize, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := form.Unmarshal([]byte(test.data), &order{}, nil)
			var typed *form.Error
			if !errors.Is(err, test.cause) || !errors.As(err, &typed) {
				t.Fatalf("got %v, want %v", err, test.cause)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %q in it and no value", err, test.text)
			}
		})
	}
}

func TestUnmarshalRefusesATargetItCannotFill(t *testing.T) {
	for _, v := range []any{nil, order{}, (*order)(nil), new(string), new([]string), new(money), new(io.Reader), new(onlyPointer)} {
		t.Run(fmt.Sprintf("%T", v), func(t *testing.T) {
			if err := form.Unmarshal([]byte("a=1"), v, nil); !errors.Is(err, form.ErrTarget) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnmarshalFillsEmbeddedStructs(t *testing.T) {
	var v struct {
		*Base
		base
	}
	if err := form.Unmarshal([]byte("id=1&hidden=2"), &v, nil); err != nil || v.Base == nil || v.ID != "1" || v.Hidden != "2" {
		t.Errorf("got %+v, %v", v, err)
	}
	var unmakeable struct{ *base }
	if err := form.Unmarshal([]byte("hidden=2"), &unmakeable, nil); !errors.Is(err, form.ErrType) {
		t.Errorf("got %v", err)
	}
	unmakeable.base = &base{}
	if err := form.Unmarshal([]byte("hidden=2"), &unmakeable, nil); err != nil || unmakeable.Hidden != "2" {
		t.Errorf("got %+v, %v", unmakeable.base, err)
	}
}

func TestUnmarshalReplacesListsAndKeepsTheRest(t *testing.T) {
	v := order{Name: "kept", Pair: [2]int{8, 9}, Tags: []string{"x", "y"}, Meta: map[string]string{"kept": "1"}, Item: &item{"kept", 1}}
	err := form.Unmarshal([]byte("pair[0]=1&tags[]=a&meta[new]=2&item[quantity]=2"), &v, nil)
	want := order{Name: "kept", Pair: [2]int{1, 0}, Tags: []string{"a"}, Meta: map[string]string{"kept": "1", "new": "2"}, Item: &item{"kept", 2}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("got  %+v, %v\nwant %+v", v, err, want)
	}
}

func TestUnmarshalKeepsTheOrderOfAnAppendedList(t *testing.T) {
	var data strings.Builder
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint(i))
		fmt.Fprintf(&data, "id=%d&tags[]=%d&x[%d]=1&", i, i, i%7)
	}
	var v struct {
		Tags []string `form:"tags"`
	}
	if err := form.Unmarshal([]byte(data.String()), &v, nil); err != nil || !reflect.DeepEqual(v.Tags, want) {
		t.Errorf("got %v, %v", v.Tags, err)
	}
}

type double struct {
	A string `form:"x"`
	B string `form:"x"`
}

func TestUnmarshalRefusesTypesItCannotName(t *testing.T) {
	var inner struct{ D double }
	for _, v := range []any{&double{}, &inner} {
		if err := form.Unmarshal([]byte("x=1&D[x]=1"), v, nil); !errors.Is(err, form.ErrTwice) {
			t.Errorf("%T: %v", v, err)
		}
	}
	var endless struct{ P onlyPointer }
	if err := form.Unmarshal([]byte("P=1"), &endless, nil); !errors.Is(err, form.ErrType) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsBoundAndQuoteAForeignName(t *testing.T) {
	data := "meta[" + strings.Repeat("x%0A", 100_000) + "][y]=1"
	err := form.Unmarshal([]byte(data), &order{}, nil)
	if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%d bytes: %.1000v", len(err.Error()), err)
	}
}

func TestUnmarshalTakesTheMostThatIsAllowed(t *testing.T) {
	var v struct{ A []int }
	data := strings.Repeat("A[]=1&", 10_000)
	if err := form.Unmarshal([]byte(data), &v, nil); err != nil || len(v.A) != 10_000 {
		t.Errorf("%d, %v", len(v.A), err)
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	data := []byte("name=a&count=1&items[0][price]=a&items[1][price]=b&meta[order]=1234")
	b.ReportAllocs()
	for b.Loop() {
		var v order
		if err := form.Unmarshal(data, &v, nil); err != nil {
			b.Fatal(err)
		}
	}
}
