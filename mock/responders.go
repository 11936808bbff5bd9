package mock

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/jarcoal/httpmock"
)

// The functions below make responders to be registered with httpmock by
// themselves, where a whole Provider is too much. They keep no lock while they
// wait, count atomically, read and close the request's body and call the
// httptrace hooks as [Provider.RoundTrip] does.

// Sequence answers the first request by first, the next ones by then in their
// order, and all later ones by the last.
func Sequence(first httpmock.Responder, then ...httpmock.Responder) httpmock.Responder {
	responders := append([]httpmock.Responder{first}, then...)
	var arrived atomic.Int64
	return func(req *http.Request) (*http.Response, error) {
		n := min(arrived.Add(1), int64(len(responders)))
		return respondBy(responders[n-1], req)
	}
}

// Respond answers every request with reply; a Status of 0 means 200. A reply
// that cannot be sent gives an error that says why.
func Respond(reply Reply) httpmock.Responder {
	reply = orOK(reply)
	return answering(func(*http.Request) delivery { return delivery{reply: reply} })
}

// Replay answers every request with reply as a stored answer, marked by
// Idempotent-Replayed: true; a Status of 0 means 200.
func Replay(reply Reply) httpmock.Responder {
	reply = reply.clone()
	reply.Header.Set("Idempotent-Replayed", "true")
	return Respond(reply)
}

// LostAnswer runs effect, unless it is nil, for every request, and closes the
// connection before the first byte of an answer: the operation took place, and
// its caller sees EOF.
func LostAnswer(effect func()) httpmock.Responder {
	return answering(func(*http.Request) delivery {
		if effect != nil {
			effect()
		}
		return delivery{end: hungUp}
	})
}

// CutAnswer runs effect, unless it is nil, and sends reply with the first n
// bytes of its body only; at least one byte is missing.
func CutAnswer(effect func(), reply Reply, n int) httpmock.Responder {
	reply = orOK(reply)
	return answering(func(*http.Request) delivery {
		if effect != nil {
			effect()
		}
		d := delivery{reply: reply}
		if len(reply.Body) > 0 {
			d.end, d.bytes = cut, min(max(n, 0), len(reply.Body)-1)
		}
		return d
	})
}

// InFlight answers the first n requests as the dialect answers one whose key is
// in flight, and later ones by then. A nil then gives an error, for a test in
// which no later one should come.
func InFlight(dialect Dialect, n int, then httpmock.Responder) httpmock.Responder {
	conflict := Respond(rulesOf(dialect).refuse(keyInFlight, 0))
	var arrived atomic.Int64
	return func(req *http.Request) (*http.Response, error) {
		if arrived.Add(1) <= int64(n) {
			return conflict(req)
		}
		return respondBy(then, req)
	}
}

// Mismatch answers every request as the dialect answers one whose key was used
// with another payload.
func Mismatch(dialect Dialect) httpmock.Responder {
	return Respond(rulesOf(dialect).refuse(keyReused, 0))
}

// RetryAfter answers every request with status, a problem document, and the
// Retry-After header as it is given.
func RetryAfter(status int, raw string) httpmock.Responder {
	reply := Problem(status, http.StatusText(status), "")
	reply.Header.Set("Retry-After", raw)
	return Respond(reply)
}

// Timeout never answers, and no operation runs: the caller gets the end of its
// own context. A request without one gets a timeout at once, because it would
// wait for ever.
func Timeout() httpmock.Responder { return TimeoutAfter(nil) }

// TimeoutAfter is Timeout once effect has run, unless it is nil: the operation
// took place, and its caller waits in vain.
func TimeoutAfter(effect func()) httpmock.Responder {
	return answering(func(req *http.Request) delivery {
		if effect != nil {
			effect()
		}
		ctx := req.Context()
		if ctx.Done() == nil {
			return delivery{end: gone, err: os.ErrDeadlineExceeded}
		}
		<-ctx.Done()
		return delivery{end: gone, err: context.Cause(ctx)}
	})
}

// Reset reads every request and resets its connection without an answer.
func Reset() httpmock.Responder {
	return answering(func(*http.Request) delivery { return delivery{end: reset} })
}

// Refused refuses the connection: nothing is sent.
func Refused() httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		x, err := begin(req)
		if err != nil {
			return nil, err
		}
		return nil, x.refuse()
	}
}

// answering wraps what a provider would do between request and answer.
func answering(serve func(*http.Request) delivery) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		x, err := begin(req)
		if err != nil {
			return nil, err
		}
		if _, err := x.send(); err != nil {
			return nil, err
		}
		d := serve(req)
		if d.end == whole || d.end == cut {
			if err := d.reply.check(); err != nil {
				return nil, fmt.Errorf("mock: reply cannot be sent: %w", err)
			}
		}
		return x.receive(d)
	}
}

func orOK(reply Reply) Reply {
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	return reply.clone()
}

// respondBy says so where a responder is missing, and does not panic.
func respondBy(responder httpmock.Responder, req *http.Request) (*http.Response, error) {
	if responder == nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, errNoResponder
	}
	return responder(req)
}
