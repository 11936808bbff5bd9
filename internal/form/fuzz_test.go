package form_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"testing"

	"github.com/retrysafe/retrysafe/internal/form"
)

func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		"", "&", "=", "a", "name=x&count=1", "item[price]=p&items[0][price]=a&items[1][quantity]=2",
		"tags[]=a&tags[]=b", "any[0][]=x&any[1][b]=y", "meta[a%5Db]=1&meta%5Bc%5D=2", "a%", "[[]]", "a[b[c]]=", "any=1&any[x]=2",
		"by_no[7][price]=p", "pair[0]=1&pair[2]=3", "where=::1&total=1.00", "func=1&reader=2",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sent := bytes.Clone(data)
		var typed order
		_ = form.Unmarshal(data, &typed, nil)
		var bare any
		if err := form.Unmarshal(data, &bare, nil); err == nil {
			if m, ok := bare.(map[string]any); !ok || m == nil {
				t.Fatalf("%q became %#v", data, bare)
			}
			again, err := form.Marshal(bare, nil)
			if err != nil {
				t.Fatalf("%q became %#v, which cannot be written: %v", data, bare, err)
			}
			if second, err := form.Marshal(bare, nil); err != nil || !bytes.Equal(again, second) {
				t.Fatalf("%q and %q, %v", again, second, err)
			}
		}
		if !bytes.Equal(data, sent) {
			t.Fatal("the input was changed")
		}
	})
}

// everything has every kind that goes both ways.
type everything struct {
	Base
	S     string            `form:"s"`
	B     bool              `form:"b"`
	I     int64             `form:"i,omitempty"`
	I8    int8              `form:"i8"`
	U     uint64            `form:"u"`
	U16   uint16            `form:"u16"`
	F     float64           `form:"f"`
	F32   float32           `form:"f32"`
	M     money             `form:"m"`
	N     json.Number       `form:"n"`
	Bytes []byte            `form:"bytes"`
	P     *string           `form:"p"`
	PP    **int64           `form:"pp"`
	L     []string          `form:"l"`
	LL    [][]int64         `form:"ll"`
	A     [2]bool           `form:"a"`
	Items []*item           `form:"items"`
	Map   map[string]string `form:"map"`
	Deep  map[int8][]item   `form:"deep"`
	Any   any               `form:"any"`
	Odd   string            `form:"odd[]=&"`
	Rest  *everything       `form:"rest"`
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("a b", "key", int64(-1), uint64(1), 0.1, true, []byte("x"))
	f.Add("", "a[b]", int64(0), uint64(0), math.Copysign(0, -1), false, []byte{})
	f.Add("é\x00\xff&=+%[]", "][", int64(math.MinInt64), uint64(math.MaxUint64), math.MaxFloat64, true, []byte(nil))
	f.Fuzz(func(t *testing.T, s, key string, i int64, u uint64, number float64, b bool, data []byte) {
		if math.IsNaN(number) || math.IsInf(number, 0) || math.IsInf(float64(float32(number)), 0) || key == "" {
			t.Skip()
		}
		v := everything{
			Base: Base{ID: s, Note: key}, S: s, B: b, I: i, I8: int8(i), U: u, U16: uint16(u), F: number, F32: float32(number),
			M: money{int64(uint32(u))}, N: json.Number(strconv.FormatInt(i, 10)), Bytes: data, P: &s, PP: ptr(&i),
			L: []string{s, key, ""}, LL: [][]int64{{i}, {int64(u), 0}}, A: [2]bool{b, !b},
			Items: []*item{{s, int(i)}, {key, 1}}, Map: map[string]string{key: s, "x": ""}, Deep: map[int8][]item{int8(u): {{Price: s}}},
			Any: map[string]any{key + ".": s, "list": []any{s, []any{key}}}, Odd: s,
		}
		v.Rest = &everything{S: key, N: "0", L: []string{s}}
		for _, want := range []everything{v, {N: "0", Odd: s}} {
			sent, err := form.Marshal(want, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got everything
			if err := form.Unmarshal(sent, &got, nil); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\ngot  %+v, %v\nwant %+v", sent, got, err, want)
			}
		}
	})
}
