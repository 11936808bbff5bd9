package retrysafe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
)

// Sent says what is known of the bytes of an attempt that was not answered.
type Sent int

const (
	// NoInformation: the transport does not report what it does (a fake one,
	// or a failure in front of it). The zero value.
	NoInformation Sent = iota
	// NotSent: no complete request can have reached a server.
	NotSent
	// RefusedByProtocol: the server has said, below HTTP's semantics, that it
	// did not process the request (RFC 9113 sections 6.8 and 8.7).
	RefusedByProtocol
	// MaybeSent: a server may have it.
	MaybeSent
)

var sentNames = [...]string{"no information", "not sent", "refused by protocol", "maybe sent"}

// String returns the words of the constant's name.
func (s Sent) String() string {
	if s < 0 || int(s) >= len(sentNames) {
		return sentNames[NoInformation]
	}
	return sentNames[s]
}

// MarshalText returns what String does.
func (s Sent) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// wire watches one attempt through httptrace: each time that net/http puts the
// request on a connection is a delivery, and there may be several without
// anybody being told. Its hooks may run late and at once, so it locks.
type wire struct {
	limit      int
	stop       context.CancelCauseFunc
	replayable bool // net/http may send it again after it was written
	plainIsH2  bool // a connection that is not TLS may be HTTP/2
	direct     bool // it is net/http that sends again, nothing around it
	hooks      httptrace.ClientTrace

	mu         sync.Mutex
	asked      bool // a connection was asked for
	stopped    bool // the last try, above the limit, was not written
	deliveries int
	doubtful   int // earlier deliveries that a server may have
	last       delivery
}

type delivery struct {
	tls              *tls.Conn // nil without TLS
	h2, wroteHeaders bool      // without TLS h2 may be a guess
}

// traced returns a context whose requests the wire watches.
func (w *wire) traced(ctx context.Context) context.Context {
	w.hooks.GetConn, w.hooks.GotConn, w.hooks.WroteHeaders = w.getConn, w.gotConn, w.wroteHeaders
	return httptrace.WithClientTrace(ctx, &w.hooks)
}

func (w *wire) getConn(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
}

// gotConn counts a delivery, unless it is above the limit and stopped.
func (w *wire) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.delivery(info)
	if w.deliveries > 0 && w.mayBeAtServer(w.last, next) {
		w.doubtful++
	}
	if w.deliveries >= w.limit {
		w.stop(ErrDeliveryLimit)
		if w.stopped = prevented(next, info.Conn); w.stopped {
			return
		}
	}
	w.deliveries++
	w.last = next
}

// prevented reports whether it is sure that nothing will be written. Over
// HTTP/2 net/http looks at the context once more before it writes. Over HTTP/1
// it does not, but the connection is this request's alone and can be closed.
func prevented(d delivery, conn net.Conn) bool {
	if !d.h2 {
		conn.Close()
		return true
	}
	return d.tls != nil
}

func (w *wire) wroteHeaders() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last.wroteHeaders = true
}

// redirected begins to count anew: what follows is another request.
func (w *wire) redirected() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked, w.stopped, w.deliveries, w.doubtful, w.last = false, false, 0, 0, delivery{}
}

func (w *wire) delivery(info httptrace.GotConnInfo) delivery {
	if c, ok := info.Conn.(*tls.Conn); ok {
		return delivery{tls: c, h2: c.ConnectionState().NegotiatedProtocol == "h2"}
	}
	return delivery{h2: w.plainIsH2}
}

// mayBeAtServer tells of a delivery after which another one was made. Over
// HTTP/1 net/http makes one for a request that it may not replay only if
// nothing was written. Over HTTP/2 the hooks come too late to prove anything,
// but it uses the same connection again only after REFUSED_STREAM or a GOAWAY
// below the stream, or if it wrote nothing. A wrapper has its own reasons.
func (w *wire) mayBeAtServer(d, next delivery) bool {
	switch {
	case !w.direct:
		return d.h2 || d.wroteHeaders
	case d.h2:
		return d.tls == nil || d.tls != next.tls
	default:
		return d.wroteHeaders && w.replayable
	}
}

// seen is what a wire knows at the end of an attempt.
type seen struct {
	sent       Sent
	deliveries int
	// doubtful are deliveries that a server may have and that nothing answered.
	doubtful int
}

// answered returns what is known of an attempt that ended with an answer: the
// last delivery got it.
func (w *wire) answered() seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return seen{deliveries: max(w.deliveries, 1), doubtful: w.doubtful, sent: MaybeSent}
}

// failed returns what is known of an attempt that ended with err.
func (w *wire) failed(err error) seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := seen{deliveries: w.deliveries, doubtful: w.doubtful}
	switch {
	case !w.asked && w.deliveries == 0:
		s.sent = NoInformation
		s.deliveries, s.doubtful = 1, 1
	case w.doubtful > 0:
		s.sent = MaybeSent
		if !w.stopped {
			s.doubtful++
		}
	case w.deliveries == 0:
		s.sent = NotSent
	case !w.last.h2 && (w.stopped || !w.last.wroteHeaders):
		s.sent = NotSent
	case w.last.h2 && (w.stopped || refusedByProtocol(err)):
		s.sent = RefusedByProtocol
	default:
		s.sent = MaybeSent
		s.doubtful++
	}
	return s
}

// errCodeRefusedStream is REFUSED_STREAM of RFC 9113 section 7.
const errCodeRefusedStream = 7

// streamError has the shape that the HTTP/2 code in net/http fills by its As
// method, so that the code of a reset is had without golang.org/x/net.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "http2: stream error" }

// refusedByProtocol recognises how an HTTP/2 server proves that it did not
// process a request: REFUSED_STREAM, and a GOAWAY with a last stream below the
// request's. For the latter, and for both once net/http has written the body
// and has no second copy of it, there is no type, only these texts. They count
// at the beginning alone: further on a text may quote what the server said.
func refusedByProtocol(err error) bool {
	var reset streamError
	if errors.As(err, &reset) {
		return reset.Code == errCodeRefusedStream
	}
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if strings.HasPrefix(text, "http2: Transport received GOAWAY from server ErrCode:") {
			return true
		}
		if cause, ok := strings.CutPrefix(text, "http2: Transport: cannot retry err ["); ok {
			return strings.Contains(cause, "; REFUSED_STREAM;") || strings.Contains(cause, "graceful shutdown GOAWAY]")
		}
	}
	return false
}

// mayReplay reports whether net/http may send a request again by itself after
// it was written (http.Request.isReplayable): it looks at the method, at two
// header names and at whether it can get the body again.
func mayReplay(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, is := r.Header["Idempotency-Key"]
	_, is2 := r.Header["X-Idempotency-Key"]
	return is || is2
}
