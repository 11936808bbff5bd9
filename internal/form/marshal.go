package form

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Marshal returns v, a struct, a map, or a pointer to one, as a form. Nil is
// the empty form. Errors are *Error; nothing is returned beside one.
func Marshal(v any, opts *Options) ([]byte, error) {
	return Append(nil, reflect.ValueOf(v), opts)
}

// Append appends to dst what Marshal returns of v, after a '&' if neither is
// empty. The invalid reflect.Value is nil. Beside an error it returns dst as it
// was.
func Append(dst []byte, v reflect.Value, opts *Options) ([]byte, error) {
	e := encoder{opts: opts, dst: dst}
	if err := e.form(v); err != nil {
		return dst, err
	}
	return e.dst, nil
}

type encoder struct {
	opts  *Options
	known map[reflect.Type][]field
	dst   []byte
	name  []byte // of the value that is being written, escaped
}

// form writes the outermost value.
func (e *encoder) form(v reflect.Value) error {
	v, ok, err := e.held(v)
	switch {
	case err != nil || !ok:
		return err
	case marshaler(v) != nil || v.Kind() != reflect.Struct && v.Kind() != reflect.Map:
		return e.fail(v.Type(), ErrType)
	case v.Kind() == reflect.Map:
		return e.mapping(v, 0)
	}
	list, err := fields(v.Type(), e.opts.tags(), e.opts.skip())
	if err != nil {
		return err
	}
	return e.fields(v, list, 0)
}

// value writes v under e.name, which has depth segments.
func (e *encoder) value(v reflect.Value, depth int) error {
	v, ok, err := e.held(v)
	if err != nil || !ok {
		return err
	}
	if depth > maxDepth {
		return e.fail(v.Type(), ErrDepth)
	}
	if isScalar(v) {
		return e.scalar(v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return e.structure(v, depth)
	case reflect.Map:
		return e.mapping(v, depth)
	case reflect.Slice, reflect.Array:
		return e.list(v, depth)
	default:
		return e.fail(v.Type(), ErrType)
	}
}

// held follows pointers and interfaces to what they hold; !ok means nothing.
func (e *encoder) held(v reflect.Value) (_ reflect.Value, ok bool, err error) {
	for range maxDepth {
		if !v.IsValid() {
			return v, false, nil
		}
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			return v, true, nil
		}
		v = v.Elem()
	}
	return v, false, e.fail(nil, ErrDepth)
}

func (e *encoder) scalar(v reflect.Value) error {
	if v.Kind() == reflect.Slice && v.IsNil() && marshaler(v) == nil {
		return nil
	}
	s, err := text(v)
	if err != nil {
		return e.fail(v.Type(), err)
	}
	if len(e.dst) > 0 {
		e.dst = append(e.dst, '&')
	}
	e.dst = append(e.dst, e.name...)
	e.dst = append(e.dst, '=')
	e.dst = appendEscaped(e.dst, s)
	return nil
}

func (e *encoder) structure(v reflect.Value, depth int) error {
	t := v.Type()
	list, ok := e.known[t]
	if !ok {
		var err error
		if list, err = fields(t, e.opts.tags(), nil); err != nil {
			return err
		}
		if e.known == nil {
			e.known = make(map[reflect.Type][]field)
		}
		e.known[t] = list
	}
	return e.fields(v, list, depth)
}

func (e *encoder) fields(v reflect.Value, list []field, depth int) error {
	for _, f := range list {
		inner, err := v.FieldByIndexErr(f.index)
		if err != nil || f.omitEmpty && isEmpty(inner) {
			continue // an error is a nil pointer to an embedded struct
		}
		if err := e.member(f.name, inner, depth); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) mapping(v reflect.Value, depth int) error {
	type entry struct {
		name  string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for _, key := range v.MapKeys() {
		name, err := e.key(key)
		if err != nil {
			return e.fail(v.Type(), err)
		}
		entries = append(entries, entry{name, v.MapIndex(key)})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i, entry := range entries {
		if i > 0 && entry.name == entries[i-1].name {
			return e.fail(v.Type(), ErrTwice)
		}
		if err := e.member(entry.name, entry.value, depth); err != nil {
			return err
		}
	}
	return nil
}

// key returns the name that the key of a map gives. Its errors are causes.
func (e *encoder) key(v reflect.Value) (string, error) {
	v, ok, err := e.held(v)
	switch {
	case err != nil:
		return "", ErrDepth
	case !ok:
		return "", ErrName
	case !isScalar(v):
		return "", ErrType
	}
	name, err := text(v)
	if err == nil && name == "" {
		err = ErrName
	}
	return name, err
}

func (e *encoder) list(v reflect.Value, depth int) error {
	for i := range v.Len() {
		before := len(e.dst)
		if err := e.member(strconv.Itoa(i), v.Index(i), depth); err != nil {
			return err
		}
		if len(e.dst) == before {
			return e.fail(v.Type(), ErrElement)
		}
	}
	return nil
}

// member writes v under its name inside e.name, which has depth segments.
func (e *encoder) member(name string, v reflect.Value, depth int) error {
	outer := len(e.name)
	if depth == 0 {
		e.name = appendEscaped(e.name, name)
	} else {
		e.name = append(appendEscaped(append(e.name, '['), name), ']')
	}
	err := e.value(v, depth+1)
	e.name = e.name[:outer]
	return err
}

func (e *encoder) fail(t reflect.Type, cause error) error {
	name, _ := unescape(string(e.name)) // escaped here, so it cannot be broken
	return &Error{Field: name, Type: t, Err: cause}
}
