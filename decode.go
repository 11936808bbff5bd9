package retrysafe

import (
	"encoding"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/retrysafe/retrysafe/internal/form"
)

// readRequest reverses encode: it decodes a command's recorded request into the
// value of its request type that into points to. What is not as it was
// recorded any more is an error, and leaves the value zero: a placeholder that
// came or went, text or a body that does not fit, a type that encodes itself and
// cannot decode itself. A field or member that the type no longer has is
// passed over, as the encodings do; a header is read as it was sent, whoever set
// it; a number in an empty interface is a float64, as encoding/json has it.
//
// Errors wrap errUnreadable. Their text names fields and types, never values.
func (k *contract) readRequest(w *written, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Type().Elem() != k.binding.req {
		return invalid("%T does not point to a %s", into, k.binding.req)
	}
	target = target.Elem()
	target.SetZero()
	read := reflect.New(k.binding.req).Elem()
	v := read
	if k.binding.pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	for _, part := range []func(*written, reflect.Value) error{k.readValues, k.readQuery, k.readHeader, k.readBody} {
		if err := part(w, v); err != nil {
			return err
		}
	}
	target.Set(read)
	return nil
}

// unreadable is an error without the text of its cause, which may quote values.
func unreadable(what string, cause error) error {
	return &redacted{text: errUnreadable.Error() + ": " + what, err: errors.Join(errUnreadable, cause)}
}

func (k *contract) readValues(w *written, v reflect.Value) error {
	for name := range w.Values {
		if !slices.Contains(k.template.names, name) {
			return unreadable("the path has no {"+clip(name)+"} any more", nil)
		}
	}
	for _, f := range k.places {
		s, ok := w.Values[f.name]
		if !ok {
			return unreadable("it has no {"+f.name+"}", nil)
		}
		if err := setText(v.FieldByIndex(f.index), s); err != nil {
			return unreadable("field "+f.goes, err)
		}
	}
	return nil
}

func (k *contract) readQuery(w *written, v reflect.Value) error {
	if !k.binding.query {
		return nil
	}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if _, is := f.Tag.Lookup(tagQuery); is {
			if t := (&oneWay{tag: tagQuery}).find(f.Type); t != nil {
				return unreadable("field "+f.Name+": "+t.String()+" encodes itself and does not decode itself", nil)
			}
		}
	}
	if err := unmarshalPairs(w.Query, v.Addr().Interface(), queryFields); err != nil {
		return unreadable("the query does not fit "+v.Type().String(), err)
	}
	return nil
}

func (k *contract) readHeader(w *written, v reflect.Value) error {
	for _, f := range k.binding.header {
		values := w.Header[http.CanonicalHeaderKey(f.name)]
		if err := setHeader(v.FieldByIndex(f.index), values); err != nil {
			return unreadable("field "+f.goes, err)
		}
	}
	return nil
}

// setHeader reverses headerValues.
func setHeader(v reflect.Value, values []string) error {
	switch {
	case len(values) == 0:
		return nil
	case v.Kind() != reflect.Slice || v.Type().Implements(typeTextMarshaler):
		if len(values) > 1 {
			return badValue("is there several times")
		}
		return setText(v, values[0])
	}
	list := reflect.MakeSlice(v.Type(), len(values), len(values))
	for i, s := range values {
		if err := setText(list.Index(i), s); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

var typeTextUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// setText reverses text: what was not written by MarshalText is not read by
// UnmarshalText.
func setText(v reflect.Value, s string) error {
	t := v.Type()
	switch own := t.Implements(typeTextMarshaler); {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		if own {
			return unmarshalText(v, s)
		}
		return setText(v.Elem(), s)
	case own:
		return unmarshalText(v.Addr(), s)
	case v.Kind() == reflect.String:
		v.SetString(s)
		return nil
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(s)
		v.SetBool(b)
		return err
	case v.CanInt():
		n, err := strconv.ParseInt(s, 10, t.Bits())
		v.SetInt(n)
		return err
	case v.CanUint():
		n, err := strconv.ParseUint(s, 10, t.Bits())
		v.SetUint(n)
		return err
	default:
		return badValue(t.String() + " cannot be read from text")
	}
}

func unmarshalText(v reflect.Value, s string) error {
	if u, ok := v.Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	return badValue(v.Type().String() + " has no UnmarshalText")
}

func (k *contract) readBody(w *written, v reflect.Value) error {
	b := k.binding
	switch {
	case b.noBody && len(w.Body) > 0:
		return unreadable("it has a body, and "+b.req.String()+" has none", nil)
	case b.noBody, len(w.Body) == 0 && (k.body == Form || v.Kind() == reflect.Interface):
		return nil
	case k.body == Form && isJSON(mediaOf(w.Header)): // It would be one odd name.
		return unreadable("its body is of another encoding", nil)
	}
	body := v
	if b.body != nil {
		body = reflect.New(b.body).Elem()
	}
	if err := k.decodeBody(w.Body, body); err != nil {
		return err
	}
	for i, index := range b.fields {
		v.FieldByIndex(index).Set(body.Field(i))
	}
	return nil
}

func (k *contract) decodeBody(data []byte, v reflect.Value) error {
	tag, decode := tagJSON, json.Unmarshal
	if k.body == Form {
		tag, decode = tagForm, unmarshalForm
	}
	if t := (&oneWay{tag: tag}).find(v.Type()); t != nil {
		return unreadable("the body: "+t.String()+" encodes itself and does not decode itself", nil)
	}
	if err := decode(data, v.Addr().Interface()); err != nil {
		return unreadable("the body does not fit "+k.binding.req.String(), err)
	}
	return nil
}

const tagForm = "form"

func unmarshalForm(data []byte, v any) error { return unmarshalPairs(string(data), v, nil) }

// unmarshalPairs refuses what form.Marshal writes with escaped brackets, because
// they are in a name, and what form.Unmarshal reads as nested all the same.
func unmarshalPairs(pairs string, v any, opts *form.Options) error {
	for pair := range strings.SplitSeq(pairs, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if strings.Contains(name, "%5B") && !strings.Contains(name, "[") && strings.HasSuffix(name, "%5D") {
			return badValue("a name has brackets of its own")
		}
	}
	return form.Unmarshal([]byte(pairs), v, opts)
}

// oneWay looks for types that are written by a method of their own and read
// without one: what was read could be another value.
type oneWay struct {
	tag  string // of the encoding, by which a field is left out
	seen map[reflect.Type]bool
}

var typeJSONUnmarshaler = reflect.TypeFor[json.Unmarshaler]()

// find returns such a type that t is or holds, or nil.
func (o *oneWay) find(t reflect.Type) reflect.Type {
	if o.seen[t] {
		return nil
	}
	if o.seen == nil {
		o.seen = map[reflect.Type]bool{}
	}
	o.seen[t] = true
	switch writes, reads := o.methods(t); {
	case reads:
		return nil
	case writes:
		return t
	}
	switch t.Kind() {
	case reflect.Map:
		if found := o.key(t.Key()); found != nil {
			return found
		}
		return o.find(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return o.find(t.Elem())
	case reflect.Struct:
		return o.fields(t)
	default:
		return nil
	}
}

// methods reports whether t, or a pointer to it, has a method of its own for
// writing and for reading.
func (o *oneWay) methods(t reflect.Type) (writes, reads bool) {
	t = reflect.PointerTo(t)
	if o.tag == tagJSON {
		writes, reads = t.Implements(typeJSONMarshaler), t.Implements(typeJSONUnmarshaler)
	}
	if !writes && !reads {
		writes, reads = t.Implements(typeTextMarshaler), t.Implements(typeTextUnmarshaler)
	}
	return writes, reads
}

// key is find for the keys of a map. JSON writes strings as they are.
func (o *oneWay) key(t reflect.Type) reflect.Type {
	if o.tag == tagJSON && t.Kind() == reflect.String {
		return nil
	}
	if t.Implements(typeTextMarshaler) && !reflect.PointerTo(t).Implements(typeTextUnmarshaler) {
		return t
	}
	return nil
}

func (o *oneWay) fields(t reflect.Type) reflect.Type {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get(o.tag) == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if found := o.find(f.Type); found != nil {
			return found
		}
	}
	return nil
}
