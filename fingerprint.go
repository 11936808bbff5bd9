package retrysafe

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/internal/pointer"
)

// fingerprint is over everything that is asked for, volatile fields left out.
func (k *contract) fingerprint(c *Client, call *Call, req any) ([32]byte, error) {
	p := &payload{}
	if err := k.encode(p, c, call, req); err != nil {
		return [32]byte{}, err
	}
	return k.fingerprintOf(c, call, p)
}

// fingerprintFor is that of a call: of its business values, if it names them.
func (k *contract) fingerprintFor(c *Client, t *task, p *payload) ([32]byte, error) {
	if t.identity != nil {
		return k.fingerprintValues(c, &t.call, t.identity())
	}
	asked := *p
	asked.header = p.header.Clone()
	return k.fingerprintOf(c, &t.call, &asked)
}

// fingerprintOf uses the payload up.
func (k *contract) fingerprintOf(c *Client, call *Call, p *payload) (sum [32]byte, err error) {
	f := key.Request{Account: c.accountOf(call), Kind: k.name, Method: k.method}
	for i, name := range k.template.names {
		f.Path = append(f.Path, key.Pair{Name: name, Value: p.values[i]})
	}
	if f.Body, f.Query, err = k.withoutVolatile(p); err != nil {
		return [32]byte{}, err
	}
	for name, values := range p.header {
		for _, v := range values {
			f.Header = append(f.Header, key.Pair{Name: name, Value: v})
		}
	}
	k.frame(p.header, p.body)
	f.ContentType = p.header.Get("Content-Type")
	return key.Fingerprint(f), nil
}

func (k *contract) fingerprintValues(c *Client, call *Call, values []any) ([32]byte, error) {
	sum, err := key.FingerprintValues(c.accountOf(call), k.name, values)
	if err != nil {
		return sum, fmt.Errorf("%w: Identity: %w", ErrInvalid, err)
	}
	return sum, nil
}

// withoutVolatile cuts the volatile fields out of the bytes.
func (k *contract) withoutVolatile(p *payload) (body []byte, query string, err error) {
	body, query = p.body, p.query
	for _, v := range k.volatile {
		switch {
		case v[0] == '/':
			if body, err = cut(body, v); err != nil {
				return nil, "", fmt.Errorf("%w: volatile %q: %w", ErrInvalid, v, err)
			}
		case strings.HasPrefix(v, "header:"):
			p.header.Del(v[len("header:"):])
		case strings.HasPrefix(v, "query:"):
			query = withoutPair(query, v[len("query:"):])
		default:
			body = []byte(withoutPair(string(body), v))
		}
	}
	return body, query, nil
}

func cut(body []byte, member string) ([]byte, error) {
	at, err := pointer.Parse(member)
	if err != nil {
		return nil, err
	}
	return pointer.Cut(body, at)
}

// withoutPair cuts the pairs of a name out of a query, the others as they are.
func withoutPair(query, name string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		raw, _, _ := strings.Cut(pair, "=")
		if got, err := url.QueryUnescape(raw); err == nil && got == name {
			continue
		}
		kept = append(kept, pair)
	}
	return strings.Join(kept, "&")
}
