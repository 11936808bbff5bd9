package retrysafe

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// handed is what a transport gives on beside what an Answer has.
type handed struct {
	response *http.Response
	body     *stream // nil: all of it is in the Answer
}

// streamed reports whether an answer was handed on unread.
func (a *Answer) streamed() bool { return a != nil && a.handed != nil && a.handed.body != nil }

// receive reads an answer as far as it has to be known.
func (r *run) receive(resp *http.Response) *Answer {
	if !r.contract.handsOn {
		return readAnswer(resp)
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, handed: &handed{response: resp}}
	success := resp.StatusCode >= 200 && resp.StatusCode <= 299
	switch {
	case resp.StatusCode < http.StatusOK:
		resp.Body.Close()
	case success && (r.contract.query || mediaOf(resp.Header) == "text/event-stream" || resp.ContentLength > maxBody):
		a.parsed = r.contract.query // What a query gives on is not judged by its body.
		r.stream = &stream{Reader: resp.Body, from: resp.Body}
	default:
		r.readBounded(a, resp, success)
	}
	a.handed.body = r.stream
	return a
}

// readBounded reads an answer up to the limit, and leaves what is beyond it to
// whoever it is given to.
func (r *run) readBounded(a *Answer, resp *http.Response, success bool) {
	var beyond [1]byte
	a.Body, a.Err = readBody(io.LimitReader(resp.Body, maxBody), resp.ContentLength)
	if a.Err == nil && len(a.Body) == maxBody {
		n, err := io.ReadFull(resp.Body, beyond[:])
		if n == 0 && err != io.EOF {
			a.Err = err
		}
		if n > 0 {
			if !success {
				a.Err = errTooLong
			}
			first := io.MultiReader(bytes.NewReader(a.Body), bytes.NewReader(beyond[:]))
			r.stream = &stream{Reader: io.MultiReader(first, resp.Body), from: resp.Body}
			return
		}
	}
	resp.Body.Close()
}

// through performs a run for an SDK's request, and gives the SDK what it may see.
func (r *run) through(req *http.Request, perform func(*run, context.Context) ending) (*http.Response, error) {
	ctx, stop, end := within(req)
	defer func() {
		if stop != nil {
			r.drop() // A panic is on its way up.
		}
		r.after(end)
	}()
	result := perform(r, ctx)
	stop()
	resp, err := r.handOn(req, &result)
	stop = nil
	return resp, err
}

// handOn gives the SDK the answer, or the error if there is none it may see.
func (r *run) handOn(req *http.Request, end *ending) (*http.Response, error) {
	a := end.answer
	given := a != nil && !r.hides(end)
	if !given || !a.streamed() || a.handed.body != r.stream {
		r.drop()
	}
	switch {
	case given:
		return a.response(req, end.err), nil
	case end.err != nil:
		return nil, end.err
	default:
		return nil, &Error{
			Outcome: Applied, ThisCall: r.tally.thisCall(), Evidence: EvidenceDone, Operation: r.request.op, Key: end.key,
			Recorded: end.recorded, Status: a.Status, Attempts: end.attempts, causes: []error{ErrAnswerLost},
		}
	}
}

// hides reports whether an SDK would make of an answer what it does not say: it
// would follow a redirect, and take a stranger's 2xx for a success.
func (r *run) hides(end *ending) bool {
	switch s := end.answer.Status; {
	case end.answer.streamed() && end.answer.handed.body != r.stream:
		return true // Somebody has read it already, or it was dropped.
	case r.contract.query:
		return false
	case s < 200, s >= 300 && s <= 399:
		return true
	default:
		return s <= 299 && end.err != nil && end.err.Verdict == Again && end.err.Outcome != Applied
	}
}

// response is the answer as net/http has it.
func (a *Answer) response(req *http.Request, lost *Error) *http.Response {
	resp := &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	switch {
	case a.streamed():
		resp = a.handed.response // Itself, because it is given the trailers.
	case a.handed != nil:
		same := *a.handed.response
		resp = &same
	}
	resp.StatusCode, resp.Header, resp.Request = a.Status, a.Header.Clone(), req
	resp.Status = cmp.Or(resp.Status, strconv.Itoa(a.Status)+" "+http.StatusText(a.Status))
	switch {
	case a.streamed():
		resp.Body = a.handed.body
	case req.Method == http.MethodHead:
		resp.Body = http.NoBody // The length is that of what GET would give.
	case a.Err != nil:
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(a.Body), &failing{a.whyCut(lost)}))
		if a.handed == nil {
			resp.ContentLength = -1
		}
	default:
		resp.Body, resp.ContentLength, resp.TransferEncoding = newBody(a.Body), int64(len(a.Body)), nil
	}
	return resp
}

// whyCut is the error at the end of what there is of an answer.
func (a *Answer) whyCut(lost *Error) error {
	if lost != nil {
		return fmt.Errorf("%w: %w", lost, a.Err)
	}
	return a.Err
}

// failing is a body that cannot be read.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
