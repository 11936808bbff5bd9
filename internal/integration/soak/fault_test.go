package soak_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// visit is one delivery at the server.
type visit struct {
	http.ResponseWriter
	*http.Request
	number int
	order  *order
}

// A fault is one way to treat a delivery, and how often it comes.
type fault struct {
	name  string
	share int
	done  bool // before it fails: the effect has taken place
	serve func(*visit)
}

// attemptTimeout is how long the callers wait for an answer.
const attemptTimeout = 100 * time.Millisecond

var faults = []fault{
	{"500", 120, false, func(v *visit) { v.answer(500, "{}") }},
	{"500", 120, true, func(v *visit) { v.answer(500, "{}") }},
	{"503, come at once", 100, false, func(v *visit) { v.Header().Set("Retry-After", "0"); v.answer(503, "{}") }},
	{"502 and a page", 40, true, func(v *visit) { v.page(502) }},
	{"429", 120, false, func(v *visit) { v.Header().Set("Retry-After", "0"); v.answer(429, "{}") }},
	{"409 in flight", 30, false, func(v *visit) { v.answer(409, "{}") }},
	{"reset", 30, false, func(v *visit) { v.reset("") }},
	{"reset", 30, true, func(v *visit) { v.reset("") }},
	{"reset in the header", 30, true, func(v *visit) { v.reset("HTTP/1.1 200 OK\r\nContent-Ty") }},
	{"reset in the body", 30, true, func(v *visit) { v.reset(begun) }},
	{"closed", 30, true, func(v *visit) { v.close("") }},
	{"cut", 60, true, func(v *visit) { v.close(begun) }},
	{"malformed", 60, true, func(v *visit) { v.answer(200, `{"order":`) }},
	{"a page", 40, false, func(v *visit) { v.page(200) }},
	{"stalled", 10, false, func(v *visit) { v.stall() }},
	{"stalled", 10, true, func(v *visit) { v.stall() }},
	{"stalled, done late", 10, false, func(v *visit) { v.stall(); v.apply() }},
	{"stalled in the body", 10, true, func(v *visit) { v.begin(); v.stall() }},
	{"307", 20, false, func(v *visit) { v.redirect(307) }},
	{"302", 20, false, func(v *visit) { v.redirect(302) }},
	{"303", 20, true, func(v *visit) { v.redirect(303) }},
	{"declined", 80, false, func(v *visit) { v.decline() }},
	{"too long", 1, true, func(v *visit) { v.long(9 << 20) }},
	{"endless", 1, true, func(v *visit) { v.long(1 << 40) }},
}

// fine answers as a server that is well.
func fine(v *visit) {
	if !v.apply() {
		v.decline()
		return
	}
	if strings.HasSuffix(v.URL.Path, "/stream") {
		v.stream()
		return
	}
	v.answer(http.StatusOK, v.receipt())
}

// treatment is what happens to a delivery of an operation, always the same for
// the same: a quarter of first deliveries fail, and half of those after them,
// until the server is well again. Some operations are throttled for ever.
func treatment(number, delivery int) (index int, fails bool) {
	r := rand.New(rand.NewPCG(uint64(number), uint64(delivery)))
	switch {
	case number%101 == 0:
		return throttled, true
	case delivery == 0 && r.IntN(4) > 0, r.IntN(2) == 0, delivery >= 12:
		return 0, false
	}
	all := 0
	for _, f := range faults {
		all += f.share
	}
	at := r.IntN(all)
	for index = range faults {
		if at -= faults[index].share; at < 0 {
			break
		}
	}
	return index, true
}

// throttled is the place of 429 among the faults.
const throttled = 4

func (f *fault) String() string {
	if f.done {
		return "done, and " + f.name
	}
	return f.name
}

// treat has the effect, if that comes first, and the fault. What was declined
// stays declined: an answer that says otherwise would be a lie.
func (f *fault) treat(v *visit) {
	if f.done && !v.apply() {
		v.decline()
		return
	}
	f.serve(v)
}

func (v *visit) key() string { return v.Request.Header.Get("Idempotency-Key") }

func (v *visit) apply() bool { return v.order.apply(v.key()) }

func (v *visit) receipt() string { return fmt.Sprintf(`{"order":%d}`, v.number) }

func (v *visit) answer(status int, body string) {
	v.Header().Set("Content-Type", "application/json")
	v.WriteHeader(status)
	io.WriteString(v.ResponseWriter, body)
}

func (v *visit) page(status int) {
	v.Header().Set("Content-Type", "text/html")
	v.WriteHeader(status)
	io.WriteString(v.ResponseWriter, "<p>sorry</p>")
}

func (v *visit) decline() {
	if !v.order.decline() {
		fine(v)
		return
	}
	v.answer(http.StatusPaymentRequired, `{"error":{"type":"card_error"}}`)
}

func (v *visit) redirect(status int) {
	v.Header().Set("Location", "/followed")
	v.WriteHeader(status)
}

// Header is the answer's; the request has one too.
func (v *visit) Header() http.Header { return v.ResponseWriter.Header() }

// begun is an answer whose end is missing.
const begun = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"order\""

// close ends the connection, after some bytes.
func (v *visit) close(first string) { v.hangUp(first, -1) }

// reset does so without waiting for what is under way.
func (v *visit) reset(first string) { v.hangUp(first, 0) }

func (v *visit) hangUp(first string, linger int) {
	conn, _, err := http.NewResponseController(v.ResponseWriter).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	io.WriteString(conn, first)
	conn.(*net.TCPConn).SetLinger(linger)
}

func (v *visit) begin() {
	v.Header().Set("Content-Type", "application/json")
	io.WriteString(v.ResponseWriter, "{")
	http.NewResponseController(v.ResponseWriter).Flush()
}

// stall waits until the caller has gone.
func (v *visit) stall() {
	select {
	case <-v.Context().Done():
	case <-time.After(10 * attemptTimeout):
	}
}

// long sends an answer that is too long, while somebody listens.
func (v *visit) long(size int) {
	v.Header().Set("Content-Type", "application/json")
	chunk := bytes.Repeat([]byte(" "), 64<<10)
	for sent := 0; sent < size; sent += len(chunk) {
		if _, err := v.Write(chunk); err != nil {
			return
		}
	}
}

// Write is the answer's; a request can be written too.
func (v *visit) Write(b []byte) (int, error) { return v.ResponseWriter.Write(b) }

// stream sends events until nobody listens.
func (v *visit) stream() {
	v.Header().Set("Content-Type", "text/event-stream")
	for v.Context().Err() == nil {
		fmt.Fprintf(v.ResponseWriter, "data: %s\n\n", v.receipt())
		if http.NewResponseController(v.ResponseWriter).Flush() != nil {
			return
		}
		select {
		case <-v.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
}
