package retrysafe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"github.com/retrysafe/retrysafe/internal/pointer"
)

// request is what every attempt of an operation sends, bytes and all.
type request struct {
	op     Operation
	key    Key
	keyed  bool
	method string
	url    *url.URL    // shared by the attempts, never changed
	header http.Header // likewise
	body   []byte
}

// newBody is made of what net/http knows to lie in memory: with a type of our
// own it would send the header at once, and the body in a packet of its own.
func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// http makes the request of one attempt. Without again net/http has no second
// copy of the body, so that it cannot send it again by itself.
// URL and header are copies, because transports that write into them are common.
func (q *request) http(ctx context.Context, again bool) *http.Request {
	target := *q.url
	r := http.Request{
		Method: q.method, URL: &target, Host: q.url.Host, Header: maps.Clone(q.header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(q.body) > 0 {
		r.Body, r.ContentLength = newBody(q.body), int64(len(q.body))
		if again {
			r.GetBody = func() (io.ReadCloser, error) { return newBody(q.body), nil }
		}
	}
	return r.WithContext(ctx)
}

// fill encodes a call once.
func (k *contract) fill(r *request, c *Client, t *task, op Operation) (err error) {
	r.op, r.method, r.keyed = op, k.method, k.keyed
	if !k.query {
		if r.key, err = k.key(c, &t.call, t.id); err != nil {
			return err
		}
	}
	var p payload
	if err := k.encode(&p, c, &t.call, t.req); err != nil {
		return err
	}
	r.url, r.header, r.body = k.target(c, &p), p.header, p.body
	k.frame(r.header, r.body)
	if err := k.putKey(r); err != nil {
		return err
	}
	if len(r.body) > maxBody {
		return invalid("request is longer than %d bytes", maxBody)
	}
	return nil
}

// putKey puts the key on the request where the profile wants it.
func (k *contract) putKey(r *request) (err error) {
	if !r.keyed {
		return nil
	}
	rules := k.prof.Key
	if rules.Place == KeyInHeader {
		value, err := rules.onWire(r.key)
		if err != nil {
			return fmt.Errorf("%w: key: %w", ErrInvalid, err)
		}
		r.header[rules.header()] = []string{value}
		return nil
	}
	if k.declaration.body == Form {
		return putFormKey(r, rules.Field)
	}
	if r.body == nil {
		r.body = []byte("{}")
	}
	place, err := pointer.Parse(rules.Field)
	if err != nil {
		return fmt.Errorf("%w: key: %w", ErrInvalid, err)
	}
	if r.body, err = pointer.Insert(r.body, place, string(r.key)); err != nil {
		return fmt.Errorf("%w: key: %w", ErrInvalid, err)
	}
	return nil
}

func putFormKey(r *request, name string) error {
	fields, err := url.ParseQuery(string(r.body))
	if err != nil || fields.Has(name) {
		return invalid("key: field %q is there already", name)
	}
	pair := url.QueryEscape(name) + "=" + url.QueryEscape(string(r.key))
	if len(r.body) > 0 {
		pair += "&"
	}
	r.body = append([]byte(pair), r.body...)
	return nil
}
