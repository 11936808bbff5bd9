package retrysafe

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/internal/pointer"
)

// capturedHeaders are those of somebody else's request that are part of what is
// asked for: they are in the fingerprint and in the record. Options.Header
// names more. All others are sent and never recorded: they may be credentials.
var capturedHeaders = []string{
	"Accept", "Accept-Language", "Content-Encoding", "Content-Language", "Content-Type", "If-Match", "If-None-Match",
	"If-Unmodified-Since", "Prefer",
	"Anthropic-Beta", "Anthropic-Version", "Openai-Beta", "Openai-Organization", "Openai-Project",
	"Paypal-Partner-Attribution-Id", "Plaid-Version", "Square-Version", "Stripe-Account", "Stripe-Context", "Stripe-Version",
}

// newRun is a run of which the request is still to be made.
func (c *Client) newRun(k *contract, id string) *run {
	now := time.Now()
	return &run{client: c, contract: k, task: task{id: id, into: new([]byte)}, begun: now, start: now}
}

// capture makes a run of a named request, or says why it cannot be sent.
func (c *Client) capture(req *http.Request, body *takenBody, unread error, command, id string) (*run, *Error) {
	d := declaration{name: command, method: req.Method}
	op := Operation{Account: c.account, Command: command, ID: id}
	refuse := func(err error) (*run, *Error) { return nil, refusedBefore(&d, &task{id: id}, op, err).err }
	if unread != nil && req.Context().Err() != nil {
		_, left := refuse(context.Cause(req.Context()))
		left.invalid, left.retryable = false, true
		return nil, left
	}
	if err := capturable(req, unread); err != nil {
		return refuse(err)
	}
	k, err := c.handsOn(d)
	if err != nil {
		return refuse(err)
	}
	if body.once {
		k.policy.MaxAttempts, k.policy.MaxDeliveries = 1, 1
	}
	r := c.newRun(k, id)
	r.request.op = op
	if err := r.fill(req, body); err != nil {
		return refuse(err)
	}
	return r, nil
}

// capturable finds what the transport would refuse, or send otherwise.
func capturable(req *http.Request, unread error) error {
	switch {
	case unread != nil:
		return fmt.Errorf("%w: request body: %w", ErrInvalid, unread)
	case req.URL.Opaque != "" || len(req.Trailer) > 0:
		return invalid("a request with a name has neither an opaque URL nor trailers")
	case movesHost(req):
		return invalid("request names another host than its URL")
	}
	for name, values := range req.Header {
		for _, v := range values {
			if !isToken(name) || !isFieldValue(strings.Trim(v, " \t")) {
				return invalid("header %q cannot be sent", clip(name))
			}
		}
	}
	return nil
}

// movesHost reports whether a request's Host is not that of its URL.
func movesHost(req *http.Request) bool {
	return req.Host != "" && req.Host != req.URL.Host && originOf(&url.URL{Scheme: req.URL.Scheme, Host: req.Host}) != originOf(req.URL)
}

// fill makes the request of all attempts out of the one that was given.
func (r *run) fill(req *http.Request, body *takenBody) (err error) {
	k, q := r.contract, &r.request
	q.method, q.keyed, q.rules = k.method, k.keyed, &k.prof.Key
	if q.key, err = k.key(r.client, &r.task.call, r.task.id); err != nil {
		return err
	}
	target := *req.URL
	target.User, target.Fragment, target.RawFragment, target.ForceQuery = nil, "", "", false
	if target.Path == "" {
		target.Path = "/"
	}
	q.url = &target
	r.splitHeader(req.Header)
	q.live.open, q.live.length, q.live.again = body.open, req.ContentLength, !body.once
	q.live.partial = body.open != nil || originOf(&target) != r.client.origin
	if q.keyed && q.rules.Place == KeyInBody {
		if err = r.fitKey(body); err != nil {
			return err
		}
	}
	if q.asked.body, err = q.withoutKey(body.bytes); err != nil {
		return err
	}
	q.asked.header, q.body = q.header, q.asked.body
	if err = r.recordable(); err != nil {
		return err
	}
	if q.print, err = r.printOf(body); err != nil {
		return err
	}
	return q.putKey()
}

// recordable refuses what would be sent otherwise after a crash than before it.
func (r *run) recordable() error {
	switch q := &r.request; {
	case r.client.store == nil:
		return nil
	case !utf8.ValidString(q.url.RawQuery):
		return invalid("the query is not UTF-8, so it cannot be recorded")
	default:
		return q.asked.recordable()
	}
}

// fitKey refuses a body into which the key does not go. One that is empty
// becomes what the key goes into.
func (r *run) fitKey(body *takenBody) error {
	q := &r.request
	got := mediaOf(q.header)
	switch {
	case body.open != nil:
		return invalid("request is longer than %d bytes, and the key goes into it", maxBody)
	case got == "" && len(body.bytes) == 0:
		q.header["Content-Type"] = r.contract.contentType
	case (got == mediaForm) != (r.contract.body == Form):
		return invalid("the key's field %q does not fit a body of %q", q.rules.Field, clip(got))
	}
	return nil
}

// splitHeader tells what is asked for from what is only sent. A key that the SDK
// set goes, and its Accept-Encoding, because a judge has to read the answer.
func (r *run) splitHeader(h http.Header) {
	q := &r.request
	q.header, q.live = http.Header{}, &live{header: http.Header{}}
	for name, values := range h {
		canonical := http.CanonicalHeaderKey(name)
		values = trimmed(values)
		switch _, declared := r.client.header[canonical]; {
		case canonical == "Accept-Encoding", isKeyHeader(name, r.contract.prof):
		case declared, slices.Contains(capturedHeaders, canonical):
			q.header[canonical] = append(q.header[canonical], values...)
		default:
			q.live.header[name] = values
		}
	}
}

// trimmed returns a header's values as they go over the wire.
func trimmed(values []string) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = strings.Trim(v, " \t")
	}
	return all
}

// withoutKey takes a key of the SDK's own out of a body.
func (q *request) withoutKey(body []byte) ([]byte, error) {
	if !q.keyed || q.rules.Place != KeyInBody || len(body) == 0 {
		return body, nil
	}
	if name := q.rules.Field; name[0] != '/' {
		return []byte(withoutPair(string(body), name)), nil
	}
	at, err := pointer.Parse(q.rules.Field)
	if err == nil {
		body, err = pointer.Cut(body, at)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: key: %w", ErrInvalid, err)
	}
	return body, nil
}

// printOf is the fingerprint: over all that is asked for, without the key.
func (r *run) printOf(body *takenBody) (sum [sha256.Size]byte, err error) {
	q := &r.request
	f := key.Request{
		Account: r.client.account, Kind: r.contract.name, Method: q.method, Query: q.url.RawQuery, Body: q.asked.body,
		ContentType: q.header.Get("Content-Type"), Path: []key.Pair{{Name: "path", Value: q.url.EscapedPath()}},
	}
	if origin := originOf(q.url); origin != r.client.origin {
		f.Path = append(f.Path, key.Pair{Name: "origin", Value: origin})
	}
	for name, values := range q.header {
		for _, v := range values {
			f.Header = append(f.Header, key.Pair{Name: name, Value: v})
		}
	}
	if body.open != nil {
		f.Path = append(f.Path, key.Pair{Name: "body", Value: "SHA-256"})
		if f.Body, err = body.digest(); err != nil {
			return sum, fmt.Errorf("%w: request body: %w", ErrInvalid, err)
		}
	}
	return key.Fingerprint(f), nil
}
