package retrysafe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// attemptTransport makes one attempt of every round trip: its own time limit,
// credentials, the trace around the inner transport, and an answer read whole.
// It has no CloseIdleConnections, which go-retryablehttp would call after every
// failure, for everybody who shares the connections.
type attemptTransport struct {
	inner     http.RoundTripper
	plainIsH2 bool
	direct    bool // inner is net/http's own
}

// current is the attempt under way.
type current struct {
	start    time.Time
	wire     wire
	seen     seen
	answer   *Answer
	err      error
	withheld bool            // nothing was sent, and not because of the host
	unsent   error           // ErrAuthorize or ErrNoTimeLeft, if that is why it was not sent
	observed context.Context // what the observer made of the attempt's context
	sign     http.Response   // tells the loop that there was an answer
}

// RoundTrip is called by go-retryablehttp's http.Client with the shell of a
// request. The answer stays with the run; what goes up is no more than a sign
// that there was one, so that nothing above follows a redirect or drains a
// body.
func (t *attemptTransport) RoundTrip(shell *http.Request) (*http.Response, error) {
	r, ok := shell.Context().Value(runKey{}).(*run)
	if !ok {
		return nil, errNotOurs
	}
	r.waiting, r.retryAt = false, time.Time{}
	err := r.admit(shell.Context())
	cur := &current{start: time.Now()}
	r.current = cur
	if err != nil {
		cur.unadmitted(err)
	} else {
		r.attempt(shell.Context(), t, cur)
	}
	if cur.answer == nil {
		return nil, cur.err
	}
	cur.sign = http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: shell}
	return &cur.sign, nil
}

func (r *run) attempt(parent context.Context, t *attemptTransport, cur *current) {
	if parent.Err() != nil {
		cur.refuse(context.Cause(parent), nil)
		return
	}
	left := r.span - elapsed(r.start, cur.start)
	if left <= 0 {
		// The wait took longer than it should have: the machine was asleep.
		cur.refuse(ErrNoTimeLeft, ErrNoTimeLeft)
		return
	}
	if !r.outlasts(parent, r.atMost(parent, cur.start, left)) {
		cur.refuse(errLeaseLost, errLeaseLost)
		return
	}
	observed, header := r.observed(parent, cur)
	ctx, cancel := r.under(parent, observed)
	defer r.after(cancel)
	if timer := r.limit(parent, cancel, cur.start, left); timer != nil {
		defer timer.Stop()
	}
	cur.wire = wire{limit: r.deliveryLimit(), stop: cancel, plainIsH2: t.plainIsH2, direct: t.direct}
	if header == nil && r.authorize() == nil {
		r.deliver(parent, t, cur, r.request.http(cur.wire.traced(ctx), cur.wire.limit > 1))
		return
	}
	out, err := r.prepare(r.turn.shared(ctx), header, cur.wire.limit > 1)
	if ctx.Err() != nil {
		// It ended inside Authorize. The transport would not say that it sent nothing.
		cur.refuse(causeOr(parent, ctx, nil), nil)
		return
	}
	if err != nil {
		cur.refuse(err, ErrAuthorize)
		return
	}
	if r.tooLate(parent) {
		cur.refuse(ErrNoTimeLeft, ErrNoTimeLeft)
		return
	}
	r.query = out.URL.RawQuery
	// Not before: what Authorize asks somebody else is no delivery.
	sent, release := r.under(ctx, out.Context())
	defer r.after(release)
	r.deliver(parent, t, cur, out.WithContext(cur.wire.traced(sent)))
}

func (r *run) deliver(parent context.Context, t *attemptTransport, cur *current, out *http.Request) {
	cur.wire.replayable = mayReplay(out)
	var err error
	if cur.answer, err = r.exchange(t, out); err != nil {
		// The classification needs the transport's own error, people the cause.
		cur.seen, cur.err = cur.wire.failed(err), causeOr(parent, out.Context(), err)
		return
	}
	cur.seen = cur.wire.answered()
	if cur.answer.Err != nil {
		cur.answer.Err = causeOr(parent, out.Context(), cur.answer.Err)
	}
}

// tooLate reports whether the key's time or the lease ended while credentials
// were put on: the machine may have been asleep.
func (r *run) tooLate(parent context.Context) bool {
	now := time.Now()
	return r.span-elapsed(r.start, now) <= 0 || !r.outlasts(parent, 0)
}

// refuse ends an attempt before anything was sent. The reason, if there is one,
// ends the call too.
func (c *current) refuse(err, reason error) {
	c.err, c.seen, c.unsent, c.withheld = err, seen{sent: NotSent}, reason, true
}

// unadmitted ends an attempt that had no turn. An end of the context is found as
// such by the loop.
func (c *current) unadmitted(err error) {
	reason := err
	if err != ErrBudgetExhausted {
		reason = nil
	}
	c.refuse(err, reason)
}

// atMost is how long an attempt that begins now can take.
func (r *run) atMost(parent context.Context, now time.Time, left time.Duration) time.Duration {
	limit := min(r.attemptTimeout(), left)
	if end, ok := parent.Deadline(); ok {
		limit = min(limit, end.Sub(now))
	}
	return limit
}

// attemptTimeout is the policy's. An attempt never outlasts its lease.
func (r *run) attemptTimeout() time.Duration {
	timeout := r.contract.policy.AttemptTimeout
	if r.hold != nil && timeout > forEver {
		return r.hold.lease / 2
	}
	return timeout
}

// limit ends an attempt that takes too long. Where the caller's own deadline
// comes no later it is left to end the attempt, so that it is the reason given.
func (r *run) limit(parent context.Context, cancel context.CancelCauseFunc, now time.Time, left time.Duration) *time.Timer {
	limit := min(r.attemptTimeout(), left)
	if end, ok := parent.Deadline(); ok && !now.Add(limit).Before(end) {
		return nil
	}
	return time.AfterFunc(limit, func() { cancel(ErrAttemptTimeout) })
}

// causeOr returns why a context ended, the caller's first, else err.
func causeOr(parent, ctx context.Context, err error) error {
	if parent.Err() != nil {
		return context.Cause(parent)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// deliveryLimit is 1 where nothing would make a second delivery harmless.
func (r *run) deliveryLimit() int {
	if !r.harmless() {
		return 1
	}
	return r.contract.policy.MaxDeliveries
}

// observed lets the observer add to the headers. Without one there are none to
// add to, and the header is nil.
func (r *run) observed(parent context.Context, cur *current) (context.Context, http.Header) {
	if r.client.attempts == nil {
		return parent, nil
	}
	header := r.request.header.Clone()
	cur.observed = startAttempt(parent, r.client.attempts, r, header)
	return cur.observed, header
}

// authorize is the application's, but a query that an SDK sends has the SDK's own
// credentials.
func (r *run) authorize() func(*http.Request) error {
	if r.contract.handsOn && r.contract.query {
		return nil
	}
	return r.client.authorize
}

// prepare makes the request, lets the application put credentials on it, and
// looks at what it did.
func (r *run) prepare(ctx context.Context, header http.Header, again bool) (*http.Request, error) {
	out := r.request.http(ctx, again)
	if header == nil {
		header = out.Header.Clone()
	}
	out.Header = r.request.withLive(header)
	if authorize := r.authorize(); authorize != nil {
		if err := authorize(out); err != nil {
			return nil, &unsent{ErrAuthorize, err}
		}
	}
	return out, r.unchanged(out)
}

// unchanged refuses a request that would go elsewhere, under another key, or
// that the transport would refuse without saying that it was not sent.
func (r *run) unchanged(out *http.Request) error {
	if name := r.request.keyHeader(); name != "" {
		if got := out.Header[name]; len(got) != 1 || got[0] != r.request.header[name][0] {
			return &unsent{ErrAuthorize, errTampered}
		}
	}
	want := r.request.url
	if out.URL == nil || originOf(out.URL) != originOf(want) || out.Host != want.Host ||
		out.Method != r.request.method || out.URL.EscapedPath() != want.EscapedPath() {
		return &unsent{ErrAuthorize, errTampered}
	}
	for name, values := range out.Header {
		for _, v := range values {
			if !isToken(name) || !isFieldValue(v) {
				return &unsent{ErrAuthorize, fmt.Errorf("%w: %q", errTampered, name)}
			}
		}
	}
	return nil
}

const maxRedirects = 10

// exchange sends the request and reads the answer. Redirects of a query are
// followed within the origin; those of a command never are, because net/http
// would turn a POST into a GET and take that one's answer for the POST's.
func (r *run) exchange(t *attemptTransport, out *http.Request) (*Answer, error) {
	for hops := 0; ; hops++ {
		resp, err := t.inner.RoundTrip(out)
		if err != nil {
			if resp != nil && resp.Body != nil {
				resp.Body.Close()
			}
			return nil, err
		}
		if resp == nil {
			return nil, errNoResponse
		}
		if resp.Body == nil {
			resp.Body = http.NoBody
		}
		next := r.redirect(out, resp)
		if next == nil || hops == maxRedirects {
			return r.receive(resp), nil
		}
		readAnswer(resp)
		r.current.wire.redirected()
		out = next
	}
}

// redirect returns the request that a query is redirected to, or nil.
func (r *run) redirect(out *http.Request, resp *http.Response) *http.Request {
	if !r.contract.query || r.contract.handsOn || out.Method != http.MethodGet && out.Method != http.MethodHead {
		return nil
	}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	to, err := out.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" || to.User != nil || originOf(to) != r.client.origin {
		return nil
	}
	next := out.Clone(out.Context())
	next.URL = to
	return next
}

// sanitized returns err with a text that has neither key nor query.
func (r *run) sanitized(err error) error {
	if err == nil {
		return nil
	}
	var outer *url.Error
	if errors.As(err, &outer) && error(outer) == err {
		err = outer.Err
	}
	text := err.Error()
	clean := text
	for _, query := range [...]string{r.query, r.request.url.RawQuery} {
		if query != "" {
			clean = strings.ReplaceAll(clean, query, "...")
		}
	}
	if r.request.key != "" {
		clean = strings.ReplaceAll(clean, string(r.request.key), "key:"+r.request.key.hash())
	}
	if clean = clip(clean); clean == text {
		return err
	}
	return &redacted{text: clean, err: err}
}
