package form

import (
	"reflect"
	"slices"
	"strings"
)

// field is a field of a struct under the name that it has on the wire.
type field struct {
	name      string
	index     []int // longer than one for a promoted field
	omitEmpty bool
}

// fields returns the fields of the struct type t in the order of declaration,
// promoted ones where their struct is embedded.
func fields(t reflect.Type, tags []string, skip func(reflect.StructField) bool) ([]field, error) {
	c := collector{tags: tags, skip: skip}
	c.collect(t, nil)
	return c.visible(t)
}

type collector struct {
	tags  []string
	skip  func(reflect.StructField) bool
	open  []reflect.Type // being collected: an embedded *T inside T ends there
	found []field
}

func (c *collector) collect(t reflect.Type, index []int) {
	if slices.Contains(c.open, t) {
		return
	}
	c.open = append(c.open, t)
	for i := range t.NumField() {
		c.add(t.Field(i), append(slices.Clip(index), i))
	}
	c.open = c.open[:len(c.open)-1]
}

func (c *collector) add(f reflect.StructField, index []int) {
	name, omitEmpty, left := c.tag(f)
	if left || c.skip != nil && c.skip(f) {
		return
	}
	if inner, ok := promoted(f); ok && name == "" {
		c.collect(inner, index)
		return
	}
	if !f.IsExported() {
		return
	}
	if name == "" {
		name = f.Name
	}
	c.found = append(c.found, field{name, index, omitEmpty})
}

// tag returns what the first tag that f carries says; left means leave it out.
func (c *collector) tag(f reflect.StructField) (name string, omitEmpty, left bool) {
	for _, key := range c.tags {
		text, ok := f.Tag.Lookup(key)
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(text, ",")
		omit := slices.Contains(strings.Split(options, ","), "omitempty")
		return name, omit, text == "-"
	}
	return "", false, false
}

// promoted returns the struct type that f embeds, itself or by pointer.
func promoted(f reflect.StructField) (reflect.Type, bool) {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, f.Anonymous && t.Kind() == reflect.Struct
}

// visible drops what an outer field hides and refuses what nothing decides.
func (c *collector) visible(t reflect.Type) ([]field, error) {
	type place struct {
		depth int
		taken bool
	}
	places := make(map[string]place, len(c.found))
	for _, f := range c.found {
		if p, ok := places[f.name]; !ok || len(f.index) < p.depth {
			places[f.name] = place{depth: len(f.index)}
		}
	}
	kept := c.found[:0]
	for _, f := range c.found {
		p := places[f.name]
		if len(f.index) > p.depth {
			continue
		}
		if p.taken {
			return nil, &Error{Field: f.name, Type: t, Err: ErrTwice}
		}
		places[f.name] = place{p.depth, true}
		kept = append(kept, f)
	}
	return kept, nil
}

// isEmpty reports whether omitempty leaves v out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}
