package form

import (
	"reflect"
	"slices"
)

// Unmarshal reads a form into v, a non-nil pointer to a struct, a map or an
// empty interface. Names that nothing in v has are ignored; case counts. What v
// already holds under other names stays.
//
// A list may be given by index, in any order but without a gap, as name[]=x or
// as name=x repeated. Any other name given twice is an error, because two
// readers could take different ones. An empty interface takes map[string]any,
// []any (where the names are those of a list) or string. Pointers are filled
// with new values.
//
// The form is bounded: 10,000 pairs, so lists of 10,000 elements, and names of 32
// segments. It is safe to use on what a stranger sent. Errors are *Error; v may
// have been filled in part beside one.
func Unmarshal(data []byte, v any, opts *Options) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &Error{Err: ErrTarget}
	}
	pairs, err := parse(string(data))
	if err != nil {
		return err
	}
	d := decoder{opts: opts}
	return d.form(target.Elem(), pairs)
}

type decoder struct {
	opts  *Options
	known map[reflect.Type][]field
}

// form reads the outermost value.
func (d *decoder) form(v reflect.Value, pairs []pair) error {
	v, ok := settle(v)
	if !ok || isText(v) {
		return &Error{Type: v.Type(), Err: ErrTarget}
	}
	switch {
	case v.Kind() == reflect.Map:
		return d.mapping(v, pairs, 0)
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		held := map[string]any{}
		v.Set(reflect.ValueOf(held))
		return d.mapping(reflect.ValueOf(held), pairs, 0)
	case v.Kind() != reflect.Struct:
		return &Error{Type: v.Type(), Err: ErrTarget}
	}
	list, err := fields(v.Type(), d.opts.tags(), d.opts.skip())
	if err != nil {
		return err
	}
	return d.fields(v, list, pairs, 0)
}

// value reads into v a run of at least one pair, whose paths are the same up to
// depth.
func (d *decoder) value(v reflect.Value, run []pair, depth int) error {
	v, ok := settle(v)
	if !ok {
		return fail(run, depth, v.Type(), ErrType)
	}
	if isText(v) || isBytes(v.Type()) {
		return d.scalar(v, run, depth)
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Map:
		if single(run, depth) {
			return fail(run, depth, v.Type(), ErrValue)
		}
		if v.Kind() == reflect.Map {
			return d.mapping(v, run, depth)
		}
		return d.structure(v, run, depth)
	case reflect.Slice, reflect.Array:
		return d.list(v, run, depth)
	case reflect.Interface:
		return d.any(v, run, depth)
	default:
		return d.scalar(v, run, depth)
	}
}

// settle follows pointers, making what they point to; !ok means that there is
// no end to them.
func settle(v reflect.Value) (_ reflect.Value, ok bool) {
	for range maxDepth {
		if v.Kind() != reflect.Pointer {
			return v, true
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v, false
}

// isText reports whether v is set by its own UnmarshalText.
func isText(v reflect.Value) bool {
	return reflect.PointerTo(v.Type()).Implements(unmarshalerType)
}

func (d *decoder) scalar(v reflect.Value, run []pair, depth int) error {
	switch {
	case !single(run, depth) || !single(run[len(run)-1:], depth):
		return fail(run, depth, v.Type(), ErrValue)
	case len(run) > 1:
		return fail(run, depth, v.Type(), ErrTwice)
	}
	if err := setText(v, run[0].value); err != nil {
		return fail(run, depth, v.Type(), err)
	}
	return nil
}

func (d *decoder) structure(v reflect.Value, run []pair, depth int) error {
	t := v.Type()
	list, ok := d.known[t]
	if !ok {
		var err error
		if list, err = fields(t, d.opts.tags(), nil); err != nil {
			return err
		}
		if d.known == nil {
			d.known = make(map[reflect.Type][]field)
		}
		d.known[t] = list
	}
	return d.fields(v, list, run, depth)
}

func (d *decoder) fields(v reflect.Value, list []field, run []pair, depth int) error {
	for name, part := range parts(run, depth) {
		i := slices.IndexFunc(list, func(f field) bool { return f.name == name })
		if i < 0 {
			continue
		}
		inner, ok := promote(v, list[i].index)
		if !ok {
			return fail(part, depth+1, v.Type(), ErrType)
		}
		if err := d.value(inner, part, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// promote returns the field of v at index, making the structs embedded by
// pointer on the way; !ok means that one is of an unexported type and so cannot
// be made.
func promote(v reflect.Value, index []int) (_ reflect.Value, ok bool) {
	for i, at := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() && !v.CanSet() {
				return v, false
			}
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

func (d *decoder) mapping(v reflect.Value, run []pair, depth int) error {
	t := v.Type()
	if v.IsNil() {
		v.Set(reflect.MakeMap(t))
	}
	for name, part := range parts(run, depth) {
		if name == "" {
			return fail(part, depth, t, ErrName)
		}
		key := reflect.New(t.Key()).Elem()
		if err := setText(key, name); err != nil {
			return fail(part, depth, t, err)
		}
		element := reflect.New(t.Elem()).Elem()
		if err := d.value(element, part, depth+1); err != nil {
			return err
		}
		v.SetMapIndex(key, element)
	}
	return nil
}

func (d *decoder) list(v reflect.Value, run []pair, depth int) error {
	t := v.Type()
	list, inner, ok := elements(run, depth)
	if !ok || t.Kind() == reflect.Array && len(list) > t.Len() {
		return fail(run, depth, t, ErrIndex)
	}
	if t.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(t, len(list), len(list)))
	} else {
		v.SetZero()
	}
	for i, part := range list {
		if err := d.value(v.Index(i), part, inner); err != nil {
			return err
		}
	}
	return nil
}

// any reads into an empty interface what the names say it is.
func (d *decoder) any(v reflect.Value, run []pair, depth int) error {
	if v.NumMethod() > 0 {
		return fail(run, depth, v.Type(), ErrType)
	}
	var held any
	switch list, _, ok := elements(run, depth); {
	case len(run) == 1 && single(run, depth):
		held = new(string)
	case ok && len(list) > 0:
		held = new([]any)
	case single(run, depth):
		return fail(run, depth, v.Type(), ErrValue)
	default:
		held = new(map[string]any)
	}
	target := reflect.ValueOf(held).Elem()
	if err := d.value(target, run, depth); err != nil {
		return err
	}
	v.Set(target)
	return nil
}

func fail(run []pair, depth int, t reflect.Type, cause error) error {
	return &Error{Field: join(run[0].path[:depth]), Type: t, Err: cause}
}
