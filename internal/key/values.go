package key

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

const valuesFraming = "retrysafe/fingerprint/1/values"

// maxDepth bounds how deep lists and pointers may nest. A list that holds
// itself would have no end otherwise.
const maxDepth = 32

var timeType = reflect.TypeFor[time.Time]()

// FingerprintValues returns the SHA-256 over the business values that identify
// what an operation asks for. These have an exact text that is the same in
// every language: strings, integers, booleans, nil, times (a moment, to the
// nanosecond, in the years 0 to 9999), bytes ([]byte and [n]byte), types
// defined from those, pointers to them (a nil pointer is nil) and lists of
// them (a nil slice is an empty one), nested up to 32 deep. Of an integer only
// the value counts, not its Go type. Anything else, floating point above all,
// gives an error that wraps [ErrValue] and names place and Go type, never the
// value. It is safe for concurrent use as long as nobody changes the values
// (spec/identity.md, FPR-7 to FPR-10).
func FingerprintValues(account, kind string, values []any) ([sha256.Size]byte, error) {
	framed, err := appendValues(nil, account, kind, values)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	return sha256.Sum256(framed), nil
}

func appendValues(dst []byte, account, kind string, values []any) ([]byte, error) {
	dst = appendPart(dst, valuesFraming)
	dst = appendPart(dst, account)
	dst = appendPart(dst, kind)
	dst = appendCount(dst, len(values))
	return appendElements(dst, reflect.ValueOf(values), "", 0)
}

// appendElements appends the elements of a slice or array; place is where it
// stands in the values.
func appendElements(dst []byte, list reflect.Value, place string, depth int) ([]byte, error) {
	var err error
	for i := range list.Len() {
		if dst, err = appendValue(dst, list.Index(i), place+"["+strconv.Itoa(i)+"]", depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendValue(dst []byte, v reflect.Value, place string, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w %s: nested more than %d deep", ErrValue, place, maxDepth)
	}
	switch {
	case !v.IsValid():
		return appendPart(dst, "null"), nil
	case v.Kind() == reflect.Interface:
		return appendValue(dst, v.Elem(), place, depth)
	case v.Kind() == reflect.Pointer:
		return appendValue(dst, v.Elem(), place, depth+1)
	case v.Kind() == reflect.String:
		return appendTagged(dst, "string", v.String()), nil
	case v.Kind() == reflect.Bool:
		return appendTagged(dst, "boolean", strconv.FormatBool(v.Bool())), nil
	case v.CanInt():
		return appendTagged(dst, "integer", strconv.FormatInt(v.Int(), 10)), nil
	case v.CanUint():
		return appendTagged(dst, "integer", strconv.FormatUint(v.Uint(), 10)), nil
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		return appendList(dst, v, place, depth)
	case v.Kind() == reflect.Struct && v.CanConvert(timeType):
		return appendTime(dst, v.Convert(timeType).Interface().(time.Time), place)
	}
	return nil, fmt.Errorf("%w %s: type %s has no exact text; name strings or integers instead", ErrValue, place, v.Type())
}

func appendList(dst []byte, v reflect.Value, place string, depth int) ([]byte, error) {
	if v.Type().Elem().Kind() != reflect.Uint8 {
		return appendElements(appendCount(appendPart(dst, "list"), v.Len()), v, place, depth+1)
	}
	bytes := make([]byte, v.Len())
	for i := range bytes {
		bytes[i] = byte(v.Index(i).Uint())
	}
	return appendTagged(dst, "bytes", bytes), nil
}

func appendTime(dst []byte, t time.Time, place string) ([]byte, error) {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return nil, fmt.Errorf("%w %s: type time.Time outside the years 0 to 9999, which RFC 3339 cannot write", ErrValue, place)
	}
	return appendTagged(dst, "time", t.Format(time.RFC3339Nano)), nil
}

func appendTagged[T string | []byte](dst []byte, tag string, text T) []byte {
	return appendPart(appendPart(dst, tag), text)
}
