package form

import (
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
)

var (
	bytesType       = reflect.TypeFor[[]byte]()
	numberType      = reflect.TypeFor[json.Number]()
	marshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isBytes reports whether t is []byte or a type made from it. Slices of other
// byte types are lists.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem() == bytesType.Elem()
}

// isScalar reports whether v is a single value on the wire.
func isScalar(v reflect.Value) bool {
	if marshaler(v) != nil || isBytes(v.Type()) {
		return true
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64:
		return true
	default:
		return v.CanInt() || v.CanUint() && v.Kind() != reflect.Uintptr
	}
}

// text returns the single value v as it is sent, before escaping. Its errors
// are causes.
func text(v reflect.Value) (string, error) {
	if m := marshaler(v); m != nil {
		data, err := m.MarshalText()
		if err != nil {
			return "", textError{err}
		}
		return string(data), nil
	}
	switch {
	case v.Type() == numberType:
		return number(v.String())
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanFloat():
		return decimal(v.Float(), v.Type().Bits())
	default:
		return string(v.Bytes()), nil
	}
}

// marshaler returns v's MarshalText, or nil. A method on the pointer counts
// even if v has no address, so that a struct and a pointer to it are sent alike.
func marshaler(v reflect.Value) encoding.TextMarshaler {
	t := v.Type()
	switch {
	case t.Implements(marshalerType):
		return v.Interface().(encoding.TextMarshaler)
	case !reflect.PointerTo(t).Implements(marshalerType):
		return nil
	case !v.CanAddr():
		addressable := reflect.New(t).Elem()
		addressable.Set(v)
		v = addressable
	}
	return v.Addr().Interface().(encoding.TextMarshaler)
}

func decimal(f float64, bits int) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", ErrValue
	}
	return strconv.FormatFloat(f, 'f', -1, bits), nil
}

// number returns s if it is a number as JSON writes it; the zero json.Number
// is 0, as in encoding/json.
func number(s string) (string, error) {
	if s == "" {
		return "0", nil
	}
	first, last := s[0], s[len(s)-1]
	if first != '-' && !digit(first) || !digit(last) || !json.Valid([]byte(s)) {
		return "", ErrValue
	}
	return s, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// setText sets v, which can be set and is a single value, from what was
// received. Its errors are causes.
func setText(v reflect.Value, s string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return textError{err}
		}
		return nil
	}
	switch {
	case v.Type() == numberType:
		return setNumber(v, s)
	case v.Kind() == reflect.String:
		v.SetString(s)
	case v.Kind() == reflect.Bool:
		return setParsed(v.SetBool, strconv.ParseBool, s)
	case v.CanInt():
		return setParsed(v.SetInt, func(s string) (int64, error) { return strconv.ParseInt(s, 10, v.Type().Bits()) }, s)
	case v.CanUint() && v.Kind() != reflect.Uintptr:
		return setParsed(v.SetUint, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, v.Type().Bits()) }, s)
	case v.CanFloat():
		return setParsed(v.SetFloat, func(s string) (float64, error) { return parseDecimal(s, v.Type().Bits()) }, s)
	case isBytes(v.Type()):
		v.SetBytes([]byte(s))
	default:
		return ErrType
	}
	return nil
}

// setParsed drops the text of strconv's errors, which quotes the value.
func setParsed[T any](set func(T), parse func(string) (T, error), s string) error {
	parsed, err := parse(s)
	if err != nil {
		return ErrValue
	}
	set(parsed)
	return nil
}

func setNumber(v reflect.Value, s string) error {
	n, err := number(s)
	if err != nil || s == "" {
		return ErrValue
	}
	v.SetString(n)
	return nil
}

func parseDecimal(s string, bits int) (float64, error) {
	f, err := strconv.ParseFloat(s, bits)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = ErrValue
	}
	return f, err
}
