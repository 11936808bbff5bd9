package retrysafe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"

	"github.com/retrysafe/retrysafe/internal/form"
)

// payload is a request without its key: what is asked for.
type payload struct {
	values []string // of the path, in the template's order
	path   string
	query  string
	header http.Header
	body   []byte
}

// target is where a request goes. Without placeholders and query it is the
// same URL every time.
func (k *contract) target(c *Client, p *payload) *url.URL {
	if len(k.template.names) == 0 && p.query == "" {
		return k.fixed
	}
	return c.at(p.path, p.query)
}

func (k *contract) encode(p *payload, c *Client, call *Call, req any) error {
	v, err := k.binding.value(req)
	if err != nil {
		return err
	}
	if err := checkHeader("Call.Header", call.Header, k.prof); err != nil {
		return err
	}
	if err := k.encodePath(p, v); err != nil {
		return err
	}
	if err := k.encodeQuery(p, req); err != nil {
		return err
	}
	if err := k.encodeBody(p, req, v); err != nil {
		return err
	}
	return k.encodeHeader(c, call, p, v)
}

func (k *contract) encodePath(p *payload, v reflect.Value) (err error) {
	for _, f := range k.places {
		s, there, err := text(v.FieldByIndex(f.index))
		if err != nil {
			return fmt.Errorf("field %s: %w", f.goes, err)
		}
		if !there {
			return invalid("field %s, for {%s} of the path, is nil", f.goes, f.name)
		}
		p.values = append(p.values, s)
	}
	p.path, err = k.template.expand(p.values)
	return err
}

var (
	queryFields = &form.Options{Tags: []string{tagQuery}, Skip: func(f reflect.StructField) bool {
		_, is := f.Tag.Lookup(tagQuery)
		return !is && !embedded(f)
	}}
	queryAll = &form.Options{Tags: []string{tagQuery, "form"}, Skip: func(f reflect.StructField) bool {
		_, path := f.Tag.Lookup(tagPath)
		_, header := f.Tag.Lookup(tagHeader)
		return path || header
	}}
)

// embedded reports whether a field's own fields may have tags of ours.
func embedded(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

func (k *contract) encodeQuery(p *payload, req any) error {
	var opts *form.Options
	switch {
	case !k.hasBody():
		opts = queryAll
	case k.binding.query:
		opts = queryFields
	default:
		return nil
	}
	encoded, err := form.Marshal(req, opts)
	if err != nil {
		return fmt.Errorf("%w: query: %w", ErrInvalid, err)
	}
	p.query = string(encoded)
	return nil
}

func (k *contract) encodeBody(p *payload, req any, v reflect.Value) (err error) {
	if !k.hasBody() {
		return nil
	}
	body := k.binding.bodyOf(req, v)
	switch {
	case body == nil:
		return nil
	case k.body == Form:
		p.body, err = form.Marshal(body, nil)
	default:
		p.body, err = json.Marshal(body)
	}
	if err != nil {
		return fmt.Errorf("%w: body: %w", ErrInvalid, err)
	}
	return nil
}

func (k *contract) encodeHeader(c *Client, call *Call, p *payload, v reflect.Value) error {
	h := make(http.Header, len(c.header)+len(call.Header)+len(k.binding.header)+3)
	for name, values := range c.header {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	for _, f := range k.binding.header {
		values, err := headerValues(v.FieldByIndex(f.index))
		if err != nil {
			return fmt.Errorf("field %s: %w", f.goes, err)
		}
		if len(values) > 0 && !(f.omit && values[0] == "") {
			h[http.CanonicalHeaderKey(f.name)] = values
		}
	}
	for name, values := range call.Header {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if err := checkHeader("header", h, k.prof); err != nil {
		return err
	}
	p.header = h
	return nil
}

// frame sets what the encodings call for, unless it was declared otherwise.
func (k *contract) frame(h http.Header, body []byte) {
	if _, declared := h["Accept"]; !declared {
		h["Accept"] = k.accepts
	}
	_, declared := h["Content-Type"]
	switch {
	case body == nil && !(k.keyed && k.prof.Key.Place == KeyInBody):
		delete(h, "Content-Type")
	case !declared:
		h["Content-Type"] = k.contentType
	}
}

func headerValues(v reflect.Value) ([]string, error) {
	if v.Kind() != reflect.Slice || v.Type().Implements(typeTextMarshaler) {
		s, there, err := text(v)
		if !there || err != nil {
			return nil, err
		}
		return []string{s}, nil
	}
	var values []string
	for i := range v.Len() {
		s, there, err := text(v.Index(i))
		if err != nil {
			return nil, err
		}
		if there {
			values = append(values, s)
		}
	}
	return values, nil
}

// checkHeader refuses what could break out of a header, what frames the
// message, credentials, and keys.
func checkHeader(where string, h http.Header, p *Profile) error {
	for name, values := range h {
		switch {
		case !isToken(name):
			return invalid("%s: a name is not a token", where)
		case credential(name):
			return invalid("%s: %s belongs into Authorize", where, http.CanonicalHeaderKey(name))
		case reserved(name):
			return invalid("%s: %s is not for the caller to set", where, http.CanonicalHeaderKey(name))
		case isKeyHeader(name, p):
			return invalid("%s: %s holds a key, which is for Call.Key to set", where, http.CanonicalHeaderKey(name))
		case inTwoCases(name, h):
			return invalid("%s: %s is there in two cases", where, http.CanonicalHeaderKey(name))
		}
		for _, v := range values {
			if !isFieldValue(v) {
				return invalid("%s: the value of %s has a character that no header has", where, http.CanonicalHeaderKey(name))
			}
		}
	}
	return nil
}

// inTwoCases reports whether a header is in the map under another case too, so
// that it would be up to chance which one is sent.
func inTwoCases(name string, h http.Header) bool {
	canonical := http.CanonicalHeaderKey(name)
	if name == canonical {
		return false // The other one tells.
	}
	for other := range h {
		if other != name && http.CanonicalHeaderKey(other) == canonical {
			return true
		}
	}
	return false
}
