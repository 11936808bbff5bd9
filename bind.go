package retrysafe

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// binding says where the fields of a request type go: into the path, the query
// or a header by their tags, into the body otherwise.
type binding struct {
	req     reflect.Type
	path    map[string]field
	header  []field
	query   bool         // some field has a query tag
	body    reflect.Type // a struct of the other fields; nil: the type is sent as it is
	fields  [][]int      // where the body's fields lie in req
	noBody  bool
	pointer bool
}

type field struct {
	name  string // of the placeholder or header
	goes  string // Go's name, for errors
	index []int
	omit  bool // ,omitempty
}

const (
	tagPath   = "path"
	tagQuery  = "query"
	tagHeader = "header"
	tagJSON   = "json"
)

// bind reads the tags of a request type. Of a query no field is in a body.
func bind(req reflect.Type) (*binding, error) {
	b := &binding{req: req, path: map[string]field{}}
	t := req
	if t.Kind() == reflect.Pointer {
		t, b.pointer = t.Elem(), true
	}
	if t.Kind() != reflect.Struct {
		return b, nil
	}
	if t.NumField() == 0 {
		b.noBody = true
		return b, nil
	}
	var rest []reflect.StructField
	if err := b.walk(t, nil, &rest); err != nil {
		return nil, err
	}
	return b, b.setBody(t, rest)
}

func (b *binding) walk(t reflect.Type, at []int, rest *[]reflect.StructField) error {
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = append(append([]int(nil), at...), i)
		if err := b.addField(f, rest); err != nil {
			return err
		}
	}
	return nil
}

func (b *binding) addField(f reflect.StructField, rest *[]reflect.StructField) error {
	if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get(tagJSON) == "" && !routed(f) && routes(f.Type) {
		return b.walk(f.Type, f.Index, rest)
	}
	if !routed(f) {
		if f.Anonymous && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct && routes(f.Type.Elem()) {
			return invalid("field %s: has fields with tags and is embedded by pointer; embed it by value", f.Name)
		}
		if f.IsExported() || f.Anonymous {
			*rest = append(*rest, f)
		}
		return nil
	}
	if !f.IsExported() {
		return invalid("field %s has a tag but is not exported", f.Name)
	}
	return b.addRouted(f)
}

// routed reports whether a field has one of our tags.
func routed(f reflect.StructField) bool {
	for _, tag := range [...]string{tagPath, tagQuery, tagHeader} {
		if _, ok := f.Tag.Lookup(tag); ok {
			return true
		}
	}
	return false
}

// routes reports whether a struct type has a field with one of our tags.
func routes(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if routed(f) || f.Anonymous && f.Type.Kind() == reflect.Struct && routes(f.Type) {
			return true
		}
	}
	return false
}

func (b *binding) addRouted(f reflect.StructField) error {
	tags := 0
	for _, tag := range [...]string{tagPath, tagQuery, tagHeader} {
		value, ok := f.Tag.Lookup(tag)
		if !ok {
			continue
		}
		tags++
		name, options, _ := strings.Cut(value, ",")
		to := field{name: name, goes: f.Name, index: f.Index, omit: options == "omitempty"}
		if err := b.route(tag, to, f); err != nil {
			return err
		}
	}
	if tags > 1 {
		return invalid("field %s is in two places", f.Name)
	}
	return nil
}

func (b *binding) route(tag string, to field, f reflect.StructField) error {
	if to.name == "" {
		return invalid("field %s: tag %s has no name", f.Name, tag)
	}
	switch tag {
	case tagQuery:
		b.query = true
		return nil
	case tagPath:
		if _, twice := b.path[to.name]; twice {
			return invalid("two fields for {%s} of the path", to.name)
		}
		b.path[to.name] = to
	case tagHeader:
		if !isToken(to.name) || reserved(to.name) {
			return invalid("field %s: header %q is not for a declaration to set", f.Name, to.name)
		}
		b.header = append(b.header, to)
	}
	if !textual(f.Type) && !(tag == tagHeader && f.Type.Kind() == reflect.Slice && textual(f.Type.Elem())) {
		return invalid("field %s: %s cannot be written as text", f.Name, f.Type)
	}
	return nil
}

var (
	typeTextMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	typeJSONMarshaler = reflect.TypeFor[json.Marshaler]()
)

// maxPointers limits pointers to pointers: a type may point to itself.
const maxPointers = 8

func textual(t reflect.Type) bool {
	for range maxPointers {
		if t.Implements(typeTextMarshaler) {
			return true
		}
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}

// setBody makes the type that has the untagged fields alone, so that the
// encodings see what they are to encode and nothing else.
func (b *binding) setBody(t reflect.Type, rest []reflect.StructField) error {
	if !routes(t) {
		return nil
	}
	if t.Implements(typeJSONMarshaler) || reflect.PointerTo(t).Implements(typeJSONMarshaler) {
		return invalid("%s encodes itself, so its fields cannot go to the path, the query or a header", t)
	}
	if len(rest) == 0 {
		b.noBody = true
		return nil
	}
	fields := make([]reflect.StructField, len(rest))
	for i, f := range rest {
		if f.Anonymous {
			return invalid("field %s: embedded beside fields with tags; name it, or give those tags inside it", f.Name)
		}
		b.fields = append(b.fields, f.Index)
		fields[i] = reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag}
	}
	if twice := firstTwice(fields); twice != "" {
		return invalid("field %s is there twice", twice)
	}
	b.body = reflect.StructOf(fields)
	return nil
}

func firstTwice(fields []reflect.StructField) string {
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.Name] {
			return f.Name
		}
		seen[f.Name] = true
	}
	return ""
}

// value returns the struct that req is or points to.
func (b *binding) value(req any) (reflect.Value, error) {
	v := reflect.ValueOf(req)
	if b.pointer {
		if v.IsNil() {
			return v, invalid("request is a nil pointer")
		}
		v = v.Elem()
	}
	return v, nil
}

// bodyOf returns what the body's encoding is to encode; nil: there is no body.
func (b *binding) bodyOf(req any, v reflect.Value) any {
	switch {
	case b.noBody:
		return nil
	case b.body == nil:
		return req
	}
	body := reflect.New(b.body).Elem()
	for i, index := range b.fields {
		body.Field(i).Set(v.FieldByIndex(index))
	}
	return body.Interface()
}

// text renders a field for the path or a header; false: it is nil.
func text(v reflect.Value) (string, bool, error) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", false, nil
		}
		if v.Type().Implements(typeTextMarshaler) {
			break
		}
		v = v.Elem()
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		out, err := m.MarshalText()
		return string(out), true, err
	}
	switch {
	case v.Kind() == reflect.String:
		return v.String(), true, nil
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), true, nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true, nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true, nil
	default:
		return "", false, fmt.Errorf("%w: %s cannot be written as text", ErrInvalid, v.Type())
	}
}
