package retrysafe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/retrysafe/retrysafe/store"
)

// differences names what this call asks for otherwise than the record does,
// volatile fields left out. Nil: they do not say.
func (r *run) differences(rec *store.Record) []string {
	if r.mode != store.ModeCall {
		return nil // It asked for nothing of its own.
	}
	recorded, err := readWritten(rec.Request)
	if err != nil {
		return nil
	}
	bytes, err := r.contract.write(&r.request, r.task.call.Key)
	if err != nil {
		return nil
	}
	own, err := readWritten(bytes)
	if err != nil {
		return nil
	}
	r.contract.leaveOut(recorded)
	r.contract.leaveOut(own)
	if names := differences(recorded, own); len(names) > 0 {
		return names
	}
	return []string{"identity"} // Command.Identity, or the account.
}

// leaveOut cuts every volatile field out that can be: the body may be one of
// another version of the program.
func (k *contract) leaveOut(w *written) {
	p := payload{header: w.Header, body: w.Body}
	for _, v := range k.volatile {
		one := contract{declaration: declaration{volatile: []string{v}}}
		p.body, p.query = w.Body, w.Query
		if body, query, err := one.withoutVolatile(&p); err == nil {
			w.Body, w.Query = body, query
		}
	}
}

// differences names what differs, sorted: "method", "path", "{charge}",
// "query:limit", "header:Stripe-Version", members of a JSON body as pointers,
// fields of a form by their names; "query" or "body" where no name tells.
func differences(recorded, own *written) []string {
	var d difference
	if recorded.Method != own.Method {
		d.add("method")
	}
	if !d.values(recorded.Values, own.Values) && recorded.Path != own.Path {
		d.add("path")
	}
	if recorded.Query != own.Query && !d.pairs("query:", recorded.Query, own.Query) {
		d.add("query")
	}
	for name := range either(recorded.Header, own.Header) {
		if !slices.Equal(recorded.Header[name], own.Header[name]) {
			d.add("header:" + name)
		}
	}
	if !bytes.Equal(recorded.Body, own.Body) && !d.body(recorded, own) {
		d.add("body")
	}
	return d.list()
}

// mostNamed is how many names are told; the others are counted.
const mostNamed = 10

// difference collects names in bounded space.
type difference struct {
	names []string // the first in order
	found int
}

func (d *difference) add(name string) {
	d.found++
	name = clip(name)
	if at, _ := slices.BinarySearch(d.names, name); at < mostNamed {
		d.names = slices.Insert(d.names[:min(len(d.names), mostNamed-1)], at, name)
	}
}

// list returns the names. Long ones may be the same once they are clipped.
func (d *difference) list() []string {
	names, more := slices.Compact(d.names), d.found-len(d.names)
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return names
}

// either walks the names that are in a or in b, each once.
func either[V any](a, b map[string]V) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range a {
			if !yield(name) {
				return
			}
		}
		for name := range b {
			if _, both := a[name]; !both && !yield(name) {
				return
			}
		}
	}
}

// values compares the placeholders' values and reports whether some differ.
func (d *difference) values(a, b map[string]string) bool {
	before := d.found
	for name := range either(a, b) {
		if a[name] != b[name] {
			d.add("{" + name + "}")
		}
	}
	return d.found > before
}

// pairs compares queries or forms.
func (d *difference) pairs(prefix, a, b string) bool {
	x, ok := pairsOf(a)
	y, both := pairsOf(b)
	if !ok || !both {
		return false
	}
	before := d.found
	for name := range either(x, y) {
		if !slices.Equal(x[name], y[name]) {
			d.add(prefix + name)
		}
	}
	return d.found > before
}

// mostPairs is more than a form that can be decoded has.
const mostPairs = 10_000

// pairsOf returns the values, still escaped, of every name.
func pairsOf(s string) (map[string][]string, bool) {
	if strings.Count(s, "&") >= mostPairs {
		return nil, false
	}
	pairs := map[string][]string{}
	for pair := range strings.SplitSeq(s, "&") {
		if pair == "" {
			continue
		}
		raw, value, isPair := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(raw)
		if !isPair || err != nil {
			return nil, false // A name could be a value here.
		}
		pairs[name] = append(pairs[name], value)
	}
	return pairs, true
}

// body compares bodies of one encoding.
func (d *difference) body(recorded, own *written) bool {
	a, b := recorded.Body, own.Body
	switch {
	case json.Valid(a) && json.Valid(b):
		before := d.found
		x, y := parts{a}, parts{b}
		d.value("", 0, x.next(), y.next())
		return d.found > before
	case isForm(recorded.Header) && isForm(own.Header):
		return d.pairs("", string(a), string(b))
	default:
		return false
	}
}

func isForm(h http.Header) bool { return mediaOf(h) == mediaForm }

// mostNested bounds how often the same bytes are looked at.
const mostNested = 16

// value compares two values of JSON text by their bytes, at the pointer at. An
// empty one is missing.
func (d *difference) value(at string, depth int, a, b json.RawMessage) {
	inside := len(a) > 0 && len(b) > 0 && a[0] == b[0] && depth < mostNested && len(at) < maxText
	switch {
	case bytes.Equal(a, b):
	case inside && a[0] == '{':
		x, y := members(a), members(b)
		for name := range either(x, y) {
			d.value(at+"/"+segments.Replace(name), depth+1, x[name], y[name])
		}
	case inside && a[0] == '[':
		x, y := parts{a[1:]}, parts{b[1:]}
		for i := 0; ; i++ {
			p, q := x.next(), y.next()
			if p == nil && q == nil {
				return
			}
			d.value(at+"/"+strconv.Itoa(i), depth+1, p, q)
		}
	case at == "":
		d.add("body")
	default:
		d.add(at)
	}
}

// segments escapes names for a JSON pointer.
var segments = strings.NewReplacer("~", "~0", "/", "~1")

// parts walks what an object or an array holds, in text that json.Valid has
// accepted: names and values, or elements.
type parts struct{ rest []byte }

// next returns nil at the end.
func (p *parts) next() []byte {
	rest := bytes.TrimLeft(p.rest, " \t\r\n,:")
	if len(rest) == 0 || rest[0] == ']' || rest[0] == '}' {
		return nil
	}
	end := endOf(rest)
	p.rest = rest[end:]
	return rest[:end]
}

// endOf returns where the value ends that the text begins with.
func endOf(text []byte) int {
	if c := text[0]; c != '"' && c != '{' && c != '[' {
		if end := bytes.IndexAny(text, " \t\r\n,]}"); end >= 0 {
			return end
		}
		return len(text)
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !quoted {
			return i + 1
		}
	}
	return len(text)
}

// members returns the last value of every name in an object.
func members(object []byte) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for p := (parts{object[1:]}); ; {
		quoted := p.next()
		if quoted == nil {
			return values
		}
		var name string
		if json.Unmarshal(quoted, &name) != nil {
			return values // The text is JSON, so this cannot be.
		}
		values[name] = p.next()
	}
}
