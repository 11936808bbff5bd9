package key_test

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/internal/key"
)

type (
	orderID  string
	cents    int64
	count    uint16
	paid     bool
	moment   time.Time
	checksum [2]byte
	payload  []byte
	lines    []orderID
	loop     *loop
)

func pointer[T any](v T) *T { return &v }

func TestValuesOfOneMeaningHaveOneFingerprint(t *testing.T) {
	at := time.Date(2024, 2, 29, 12, 30, 0, 5, time.UTC)
	for name, same := range map[string][]any{
		"text":     {"7", orderID("7"), pointer("7"), pointer(orderID("7")), pointer(any("7"))},
		"integer":  {7, int8(7), int16(7), int32(7), int64(7), uint(7), uint8(7), uint16(7), uint32(7), uint64(7), cents(7), count(7), pointer(cents(7)), pointer(pointer(7))},
		"boolean":  {true, paid(true), pointer(true)},
		"null":     {nil, (*string)(nil), (**int)(nil), pointer((*int)(nil)), (*time.Time)(nil), pointer(any(nil))},
		"time":     {at, moment(at), &at, at.In(time.FixedZone("", 3600)), pointer(moment(at))},
		"bytes":    {[]byte{1, 2}, [2]byte{1, 2}, checksum{1, 2}, payload{1, 2}, &checksum{1, 2}, []count8{1, 2}},
		"no bytes": {[]byte{}, []byte(nil), [0]byte{}, payload(nil)},
		"list":     {[]string{"a", "b"}, []any{"a", "b"}, [2]string{"a", "b"}, lines{"a", "b"}, []*string{pointer("a"), pointer("b")}, &lines{"a", "b"}},
		"no list":  {[]string{}, []string(nil), [0]int{}, []any(nil)},
	} {
		want := fingerprintOf(t, same[0])
		for _, v := range same[1:] {
			if fingerprintOf(t, v) != want {
				t.Errorf("%s: %T differs from %T", name, v, same[0])
			}
		}
	}
}

type count8 uint8

func TestValuesOfDifferentMeaningHaveDifferentFingerprints(t *testing.T) {
	seen := map[[32]byte]int{}
	values := []any{
		"", "1", 1, []byte("1"), []int{1}, true, "true", nil, "null", []byte{}, []int{}, []any{nil}, [][]int{{}}, []any{1, []int{}},
		time.Unix(0, 0), "1970-01-01T00:00:00Z", time.Unix(0, 1), -1, "-1", uint64(1 << 63), int64(-1 << 63),
	}
	for i, v := range values {
		sum := fingerprintOf(t, v)
		if other, taken := seen[sum]; taken {
			t.Errorf("%#v and %#v have one fingerprint", v, values[other])
		}
		seen[sum] = i
	}
}

func fingerprintOf(t *testing.T, values ...any) [32]byte {
	t.Helper()
	sum, err := key.FingerprintValues("account", "kind", values)
	if err != nil {
		t.Fatalf("%T: %v", values[0], err)
	}
	return sum
}

func TestValuesWithoutAnExactTextAreRefusedByTypeAndPlace(t *testing.T) {
	var endless loop
	endless = &endless
	holdsItself := []any{nil}
	holdsItself[0] = holdsItself
	for _, c := range []struct {
		value  any
		naming string
	}{
		{1.5, "[1]: type float64"},
		{float32(2), "[1]: type float32"},
		{complex(1, 1), "[1]: type complex128"},
		{map[string]int{}, "[1]: type map[string]int"},
		{struct{ Secret string }{"s3cr3t"}, "[1]: type struct"},
		{*big.NewInt(1), "[1]: type big.Int"},
		{big.NewRat(1, 2), "[1]: type big.Rat"},
		{struct{ time.Time }{}, "[1]: type struct"},
		{func() {}, "[1]: type func()"},
		{make(chan int), "[1]: type chan int"},
		{[]any{"a", []float64{1}}, "[1][1][0]: type float64"},
		{[]any{"a", pointer(1.5)}, "[1][1]: type float64"},
		{endless, "[1]: nested"},
		{holdsItself, "[0][0]: nested"},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "[1]: type time.Time"},
		{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), "[1]: type time.Time"},
	} {
		_, err := key.FingerprintValues("", "", []any{"s3cr3t", c.value})
		if !errors.Is(err, key.ErrValue) || !strings.Contains(fmt.Sprint(err), c.naming) || strings.Contains(fmt.Sprint(err), "s3cr3t") {
			t.Errorf("%T: %v, want ErrValue naming %q and no value", c.value, err, c.naming)
		}
	}
}

func TestListsNestUpTo32Deep(t *testing.T) {
	deep := any("x")
	for range 32 {
		deep = []any{deep}
	}
	if _, err := key.FingerprintValues("", "", []any{deep}); err != nil {
		t.Error(err)
	}
	if _, err := key.FingerprintValues("", "", []any{[]any{deep}}); !errors.Is(err, key.ErrValue) {
		t.Errorf("33 deep: %v", err)
	}
}

// FuzzValuesFraming builds nested values from the input and reads their framing
// back.
func FuzzValuesFraming(f *testing.F) {
	f.Add("a", "k", []byte("sabc;i5;[sx;];n;t;b\x00\x01;"))
	f.Add("", "", []byte("[[[]]];s;;b;i-"))
	f.Fuzz(func(t *testing.T, account, kind string, program []byte) {
		values, _ := build(program, 0)
		framing, err := key.ValuesFraming(account, kind, values)
		if err != nil {
			t.Fatal(err)
		}
		in := &reader{t: t, rest: framing}
		in.expect("retrysafe/fingerprint/1/values")
		in.expect(account)
		in.expect(kind)
		got := readList(in)
		in.end()
		if !reflect.DeepEqual(got, values) {
			t.Fatalf("framed %#v, read %#v", values, got)
		}
	})
}

func build(program []byte, depth int) (values []any, rest []byte) {
	values = []any{}
	for len(program) > 0 {
		op := program[0]
		program = program[1:]
		switch {
		case op == '[' && depth < 30:
			var list []any
			list, program = build(program, depth+1)
			values = append(values, list)
		case op == ']' && depth > 0:
			return values, program
		case op == 's' || op == 'b':
			text, after, _ := strings.Cut(string(program), ";")
			program = []byte(after)
			values = append(values, map[byte]any{'s': text, 'b': []byte(text)}[op])
		case op == 'n':
			values = append(values, nil)
		case op == 't':
			values = append(values, len(program)%2 == 0)
		case op == 'i' && len(program) > 0:
			values = append(values, (int64(program[0])-128)<<(len(program)%56))
		case op == 'm':
			values = append(values, time.Unix(int64(len(program))<<20, int64(op)*int64(len(program))).UTC())
		}
	}
	return values, nil
}

func readList(in *reader) []any {
	in.t.Helper()
	list := []any{}
	for range in.count() {
		list = append(list, readValue(in))
	}
	return list
}

func readValue(in *reader) any {
	in.t.Helper()
	switch tag := in.part(); tag {
	case "null":
		return nil
	case "list":
		return readList(in)
	case "string":
		return in.part()
	case "bytes":
		return []byte(in.part())
	case "boolean":
		return in.part() == "true"
	case "integer":
		n, err := strconv.ParseInt(in.part(), 10, 64)
		if err != nil {
			in.t.Fatal(err)
		}
		return n
	case "time":
		at, err := time.Parse(time.RFC3339Nano, in.part())
		if err != nil {
			in.t.Fatal(err)
		}
		return at
	default:
		in.t.Fatalf("unknown tag %q", tag)
		return nil
	}
}
