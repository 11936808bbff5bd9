package retrysafe

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// fetch gets the answer of an operation that was applied from where the
// provider says it lies. The operation stays applied whatever comes of it.
func (r *run) fetch(ctx context.Context) {
	target, err := r.linkTarget()
	if err == nil {
		err = r.follow(ctx, target)
	}
	if err != nil {
		r.stop, r.linkErr = ErrAnswerLost, err
	}
}

// follow asks for the answer as a query, within what is left of the deadline.
func (r *run) follow(ctx context.Context, target *url.URL) error {
	k := *r.contract
	k.query, k.keyed, k.handsOn, k.rules = true, false, false, nil
	k.line = k.budget.line(originOf(target))
	header := r.request.header.Clone()
	for _, name := range [...]string{"Content-Type", "If-Match", "If-None-Match", r.request.keyHeader()} {
		header.Del(name)
	}
	asking := &run{
		client: r.client, contract: &k, task: r.task, start: r.start, deadline: r.deadline, span: r.span, caller: r.caller,
		request: request{op: r.request.op, key: r.request.key, method: http.MethodGet, url: target, header: header, live: r.request.live.credentials()},
		before:  len(r.attempts),
	}
	r.asking = asking
	asking.loop(context.WithValue(ctx, runKey{}, asking))
	r.attempts = append(r.attempts, asking.attempts...)
	r.retryAt, r.ended = asking.retryAt, asking.ended
	switch {
	case asking.stop != nil:
		// Not wrapped: a refusal of the query is none of the operation.
		return fmt.Errorf("%w: %s", errLink, clip(asking.stop.Error()))
	case asking.tally.last.verdict != Done:
		return fmt.Errorf("%w: it leads on and on", errLink)
	}
	r.answer, r.replayed = asking.answer, true
	return nil
}

// maxLink limits a link that a stranger chose. It is never shortened, because
// that would be another link.
const maxLink = 2000

// linkTarget returns the URL at which the answer lies, of this client's origin.
func (r *run) linkTarget() (*url.URL, error) {
	link := r.tally.last.link
	value := r.answer.raw(cmp.Or(link.Header, link.At))
	if len(value) > maxLink {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", errLink, maxLink)
	}
	if !link.Under {
		return r.sameOrigin(value)
	}
	if err := checkPathValue(value); err != nil {
		return nil, fmt.Errorf("%w: the ID %w", errLink, err)
	}
	u := *r.request.url
	u.RawQuery = ""
	u.RawPath = u.EscapedPath() + "/" + url.PathEscape(value)
	u.Path += "/" + value
	return &u, nil
}

func (r *run) sameOrigin(value string) (*url.URL, error) {
	if value == "" {
		return nil, fmt.Errorf("%w: there is none", errLink)
	}
	to, err := r.request.url.Parse(value)
	if err != nil || to.User != nil || originOf(to) != r.client.origin {
		return nil, fmt.Errorf("%w: it leads away from the provider", errLink)
	}
	to.Fragment, to.RawFragment = "", ""
	return to, nil
}
