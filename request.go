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
	"github.com/retrysafe/retrysafe/store"
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
	rules  *KeyRules // of the key on the wire
	asked  payload   // what was asked for, without the key
	print  store.Fingerprint
	live   *live // of a transport's request; nil: it is our own
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
		Method: q.method, URL: &target, Host: q.url.Host, Header: q.withLive(maps.Clone(q.header)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(q.body) > 0 {
		r.Body, r.ContentLength = newBody(q.body), int64(len(q.body))
		if again {
			r.GetBody = func() (io.ReadCloser, error) { return newBody(q.body), nil }
		}
	}
	if q.live != nil && q.live.open != nil {
		q.live.stream(&r, again)
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
	p := &r.asked
	if err := k.encode(p, c, &t.call, t.req); err != nil {
		return err
	}
	if c.durable(&k.declaration) {
		if err := p.recordable(); err != nil {
			return err
		}
		if r.print, err = k.fingerprintFor(c, t, p); err != nil {
			return err
		}
	}
	r.url, r.header, r.body, r.rules = k.target(c, p), p.header, p.body, &k.prof.Key
	k.frame(r.header, r.body)
	return r.putKey()
}

// putKey puts the key on the request where its rules say.
func (r *request) putKey() error {
	if r.keyed {
		if err := r.placeKey(); err != nil {
			return err
		}
	}
	if len(r.body) > maxBody {
		return invalid("request is longer than %d bytes", maxBody)
	}
	return nil
}

func (r *request) placeKey() (err error) {
	rules := r.rules
	if rules.Place == KeyInHeader {
		value, err := rules.onWire(r.key)
		if err != nil {
			return fmt.Errorf("%w: key: %w", ErrInvalid, err)
		}
		r.header[rules.header()] = []string{value}
		return nil
	}
	if rules.Field[0] != '/' {
		return putFormKey(r, rules.Field)
	}
	if len(r.body) == 0 {
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

// keyHeader is the header that has the key, or "".
func (r *request) keyHeader() string {
	if !r.keyed {
		return ""
	}
	return r.rules.header()
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
