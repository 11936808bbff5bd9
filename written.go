package retrysafe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/store"
)

// written is a request as a store keeps it: what is sent, without credentials,
// and without the key's value, which follows from the record. It is one line of
// JSON, and the body after it. It is read by later versions, so a member never
// changes its meaning.
type written struct {
	Version int               `json:"v"`
	Method  string            `json:"method"`
	Path    string            `json:"path"` // escaped
	Query   string            `json:"query,omitempty"`
	Values  map[string]string `json:"values,omitempty"` // of the placeholders
	Header  http.Header       `json:"header,omitempty"`
	Body    []byte            `json:"-"`
	Key     *writtenKey       `json:"key,omitempty"` // nil: there is none on the wire
	// Live: a transport took it from a request that had credentials of its own.
	// Partial: only such a request can be sent, because not all of it is here.
	Live    bool `json:"live,omitempty"`
	Partial bool `json:"partial,omitempty"`
}

// writtenKey says how a key goes on the wire, as it was when the operation began.
type writtenKey struct {
	Rules KeyRules `json:"rules"`
	// Given is the caller's own key, of generation 0. Otherwise it is derived.
	Given Key `json:"given,omitempty"`
}

const writtenVersion = 1

// recordable refuses what a line of JSON would change: other bytes would be sent
// after a crash than before it.
func (p *payload) recordable() error {
	for name, values := range p.header {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return invalid("the value of header %s is not UTF-8, so it cannot be recorded", name)
			}
		}
	}
	for _, v := range p.values {
		if !utf8.ValidString(v) {
			return invalid("a value of the path is not UTF-8, so it cannot be recorded")
		}
	}
	return nil
}

// write returns the request in the form that a store keeps.
func (k *contract) write(q *request, given Key) ([]byte, error) {
	w := written{
		Version: writtenVersion, Method: q.method, Path: q.url.EscapedPath(), Query: q.url.RawQuery, Body: q.asked.body,
	}
	w.Header = q.header
	if q.live != nil {
		w.Live, w.Partial = true, q.live.partial
	}
	if q.keyed {
		rules := *q.rules
		rules.Methods = nil
		w.Key = &writtenKey{Rules: rules, Given: given}
		if name := rules.header(); name != "" {
			w.Header = q.header.Clone()
			delete(w.Header, name)
		}
	}
	for i, name := range k.template.names {
		if w.Values == nil {
			w.Values = map[string]string{}
		}
		w.Values[name] = q.asked.values[i]
	}
	return lineAndBody(&w, w.Body)
}

// lineAndBody writes a line of JSON and behind it a body as it is.
func lineAndBody(head any, body []byte) ([]byte, error) {
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	return append(append(line, '\n'), body...), nil
}

// readLine reads what lineAndBody wrote. The body is nil if there is none.
func readLine(b []byte, head any) (body []byte, err error) {
	line, rest, _ := bytes.Cut(b, []byte{'\n'})
	if len(rest) > 0 {
		body = rest
	}
	return body, json.Unmarshal(line, head)
}

// readWritten reads what write made, also of an older version.
func readWritten(b []byte) (*written, error) {
	w := new(written)
	var err error
	if w.Body, err = readLine(b, w); err != nil {
		return nil, fmt.Errorf("%w: the recorded request cannot be read", errUnreadable)
	}
	switch {
	case w.Version != writtenVersion:
		return nil, fmt.Errorf("%w: the recorded request is of version %d", errUnreadable, w.Version)
	case !isMethod(w.Method) || w.Path == "" || w.Path[0] != '/':
		return nil, fmt.Errorf("%w: the recorded request has no method or path", errUnreadable)
	case w.Key != nil && w.Key.Rules.validate() != nil:
		return nil, fmt.Errorf("%w: the recorded key rules contradict themselves", errUnreadable)
	}
	return w, nil
}

// request returns the very request that was written down, to this client's own
// origin, with the key of the record's generation.
func (w *written) request(c *Client, op Operation, rec *store.Record) (request, error) {
	target := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, RawQuery: w.Query, RawPath: w.Path}
	var err error
	if target.Path, err = url.PathUnescape(w.Path); err != nil {
		return request{}, fmt.Errorf("%w: the recorded path is not one", errUnreadable)
	}
	q := request{
		op: op, method: w.Method, url: &target, header: w.Header.Clone(), body: w.Body, print: rec.Fingerprint,
		asked: payload{body: w.Body},
	}
	if q.header == nil {
		q.header = http.Header{}
	}
	if w.Key != nil {
		q.keyed, q.rules, q.key = true, &w.Key.Rules, w.Key.Given
		if q.key == "" || rec.Generation > 0 {
			sum := key.Derive(rec.Scope, rec.Kind, rec.ID, uint64(rec.Generation))
			q.key = Key(q.rules.format().Render(sum))
		}
	}
	return q, q.putKey()
}
