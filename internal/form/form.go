// Package form turns Go values into application/x-www-form-urlencoded text
// with bracketed nesting, as Stripe reads it, and back:
//
//	amount=100&items[0][price]=p_1&metadata[order]=1234
//
// # Names
//
// The first of [Options.Tags] that a field carries names it; a field without
// one keeps its Go name. A tag of "-" leaves the field out, and "name,omitempty"
// leaves it out while it is empty, as encoding/json does. Embedded structs
// whose tag gives no name are promoted, and an outer field hides a promoted one
// of the same name. Two fields of one name and depth are an error, because
// either could be the one that was meant. Unexported fields are left out.
//
// # Brackets
//
// The brackets that nest are sent raw and all others are escaped, as Stripe's
// own libraries send them. Stripe accepts both, because it unescapes a name
// before it looks for brackets; so a map key that itself has brackets cannot be
// told from nesting by such a reader. Unmarshal can tell them apart wherever a
// name has a raw bracket; in a name without one, escaped brackets nest.
//
// # Values
//
// Strings, bools, integers, floats (shortest decimal form, never an exponent),
// json.Number, []byte (as its bytes) and whatever implements
// encoding.TextMarshaler are single values. Structs and maps nest by name, maps
// in the order of their keys; slices and arrays nest by index. Pointers and
// interfaces are what they hold. What holds nothing, a nil pointer, interface
// or []byte, an empty map, slice or struct, is left out; as an element of a
// list it is an error, because the elements after it would move.
//
// The same value gives the same bytes every time: struct fields come in the
// order in which they are declared.
package form

import "reflect"

const (
	// maxDepth bounds the segments of a name (a[b][c] has three), so that a
	// value which contains itself ends in an error.
	maxDepth = 32
	// maxPairs bounds the names and values that Unmarshal takes, and so the
	// elements of a list, which has no holes.
	maxPairs = 10_000
)

// Options say how the fields of a struct are named. A nil *Options and the zero
// value mean the defaults. They are only read, so they can be shared.
type Options struct {
	// Tags are the keys of the struct tags that may name a field; the first
	// that a field carries counts. Defaults to "form".
	Tags []string
	// Skip reports whether a field of the outermost struct, the promoted ones
	// included, is carried elsewhere (in the path, in a header) and so is
	// neither written nor read here. Defaults to skipping none.
	Skip func(reflect.StructField) bool
}

func (o *Options) tags() []string {
	if o == nil || len(o.Tags) == 0 {
		return []string{"form"}
	}
	return o.Tags
}

func (o *Options) skip() func(reflect.StructField) bool {
	if o == nil {
		return nil
	}
	return o.Skip
}
