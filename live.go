package retrysafe

import (
	"context"
	"io"
	"net/http"

	"github.com/retrysafe/retrysafe/store"
)

// live is what is sent of somebody else's request and never recorded.
type live struct {
	header http.Header
	// open gives the body, of length bytes (-1: not known), where it is too long
	// to be kept; again: more than once. Nil: it is the request's.
	open    func() (io.ReadCloser, error)
	length  int64
	again   bool
	partial bool // the record has not all that it takes to send it
}

// stream sends the body from where it comes from.
func (l *live) stream(r *http.Request, again bool) {
	body, err := l.open()
	if err != nil {
		body = io.NopCloser(&failing{err})
	}
	r.Body, r.ContentLength = body, l.length
	if again && l.again {
		r.GetBody = l.open
	}
}

// credentials is what a query for the same account takes.
func (l *live) credentials() *live {
	if l == nil {
		return nil
	}
	return &live{header: l.header}
}

// withLive adds what is sent beside the recorded headers.
func (q *request) withLive(h http.Header) http.Header {
	if q.live == nil {
		return h
	}
	for name, values := range q.live.header {
		if _, there := h[http.CanonicalHeaderKey(name)]; !there {
			h[name] = values[:len(values):len(values)]
		}
	}
	return h
}

// revive gives a recorded request what only the live one has.
func (q *request) revive(from *request) {
	if from.live == nil {
		return
	}
	q.live = from.live
	q.url.Scheme, q.url.Host = from.url.Scheme, from.url.Host
}

// sendable reports whether a recorded request can be sent without the SDK's.
func (r *run) sendable(w *written) bool {
	return !w.Live || !w.Partial && r.client.authorize != nil
}

// leftWaiting leaves an operation as it was found, for the call to be made again.
func (r *run) leftWaiting(ctx context.Context) ending {
	c := r.stillUnknown(&store.Completion{})
	c.Resend = r.harmless()
	end := r.storeFailed(errWaits)
	if _, err := r.complete(ctx, c); err == nil {
		end.err.causes = []error{errWaits}
	}
	end.err.Evidence, end.err.retryable = EvidenceLapsed, true
	r.letGo()
	return end
}
