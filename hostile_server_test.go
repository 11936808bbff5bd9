package retrysafe_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// hostileServer reads requests, and answers each with the bytes that a test
// writes; then it closes the connection.
type hostileServer struct {
	url      string
	requests atomic.Int32
	written  atomic.Int64
}

// Write counts what the client, and the buffers on the way to it, took.
type countedConn struct {
	net.Conn
	n *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func startHostile(t *testing.T, answer func(w io.Writer)) *hostileServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &hostileServer{url: "http://" + listener.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		cancel()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(ctx, conn, answer) })
		}
	})
	return s
}

func (s *hostileServer) serve(ctx context.Context, conn net.Conn, answer func(io.Writer)) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	io.Copy(io.Discard, req.Body)
	s.requests.Add(1)
	answer(countedConn{conn, &s.written})
}

// holds keeps a connection open until the client closes it.
func holds(w io.Writer) { io.Copy(io.Discard, w.(countedConn).Conn) }

// forEver writes the same bytes until the client closes the connection.
func forEver(w io.Writer, chunk string) {
	block := []byte(strings.Repeat(chunk, 1+32<<10/len(chunk)))
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// hurried is a policy for servers that are not worth waiting for.
var hurried = retrysafe.RetryPolicy{MaxAttempts: 2, Backoff: retrysafe.Backoff{Base: 1, Cap: 1}}

// firstCharge makes the very first call of an operation, of which a refusal is
// believed.
func firstCharge(t *testing.T, url string, opts retrysafe.Options) (*retrysafe.Result[charged], error) {
	t.Helper()
	if opts.Retry.MaxAttempts == 0 {
		opts.Retry = hurried
	}
	client, err := retrysafe.NewClient(url, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	cmd := createCharge.With(retrysafe.Call{First: true})
	return cmd.Do(context.Background(), client, "order-1234", charge{Amount: 4200, Currency: "eur"})
}

// checkEnding compares how a call ended. No sentinel means no error.
func checkEnding(t *testing.T, err error, want retrysafe.Outcome, sentinel error) {
	t.Helper()
	if sentinel == nil {
		if err != nil {
			t.Errorf("error is %v, want none", err)
		}
		return
	}
	e := failure(t, err)
	if e.Outcome != want || retrysafe.OutcomeOf(err) != want || e.ThisCall != want || !errors.Is(err, sentinel) {
		t.Errorf("outcome is %v, this call %v: %v; want %v and %v", e.Outcome, e.ThisCall, err, want, sentinel)
	}
	checkText(t, err)
}

// checkText refuses an error that a stranger made long or broke in two.
func checkText(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if len(text) > 2500 || strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		t.Errorf("error has %d bytes, or control characters: %.300q", len(text), text)
	}
}

const (
	headJSON  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	closes    = "Connection: close\r\n\r\n"
	wholeJSON = headJSON + closes
)

// reads is how much of an answer may be read at most: the limit, and what lies
// in the buffers of both ends.
const reads = 8<<20 + 12<<20

func TestAnAnswerWithoutEndIsReadWithinBounds(t *testing.T) {
	member := gzipped(t, bytes.Repeat([]byte{' '}, 1<<20))
	for name, c := range map[string]struct {
		answer   func(w io.Writer)
		limit    int64 // of what is taken of one answer
		want     retrysafe.Outcome
		sentinel error
	}{
		"a body of unknown length": {func(w io.Writer) {
			io.WriteString(w, wholeJSON+`{"id":"`)
			forEver(w, "x")
		}, reads, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"a body of 1 GB": {func(w io.Writer) {
			io.WriteString(w, headJSON+"Content-Length: 1073741824\r\n\r\n{\"id\":\"")
			forEver(w, "x")
		}, reads, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"chunks": {func(w io.Writer) {
			io.WriteString(w, headJSON+"Transfer-Encoding: chunked\r\n\r\n")
			forEver(w, "400\r\n"+strings.Repeat(" ", 0x400)+"\r\n")
		}, reads, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"a gzip bomb of 1 GB": {func(w io.Writer) {
			fmt.Fprintf(w, headJSON+"Content-Encoding: gzip\r\n"+closes)
			for range 1024 {
				w.Write(member)
			}
		}, reads, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"a refusal's body": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"+closes+`{"title":"`)
			forEver(w, "x")
		}, reads, retrysafe.NotApplied, retrysafe.ErrRefused},
		"a body that is not the provider's": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"+closes)
			forEver(w, "<br>")
		}, reads, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"headers": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\n")
			forEver(w, "X-Flood: 1234567890\r\n")
		}, 12 << 20, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"one header": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nX-Flood: ")
			forEver(w, "x")
		}, 12 << 20, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"a status line": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 ")
			forEver(w, "x")
		}, 12 << 20, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"early hints": {func(w io.Writer) {
			forEver(w, "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
		}, 12 << 20, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"continues": {func(w io.Writer) {
			forEver(w, "HTTP/1.1 100 Continue\r\n\r\n")
		}, 12 << 20, retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"trailers": {func(w io.Writer) {
			io.WriteString(w, headJSON+"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
			forEver(w, "X-Flood: 1234567890\r\n")
		}, 12 << 20, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"a chunk's extension": {func(w io.Writer) {
			io.WriteString(w, headJSON+"Transfer-Encoding: chunked\r\n\r\n2;")
			forEver(w, "x")
		}, 12 << 20, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"empty extensions of chunks": {func(w io.Writer) {
			io.WriteString(w, headJSON+"Transfer-Encoding: chunked\r\n\r\n")
			forEver(w, "1;"+strings.Repeat("x", 1000)+"\r\n \r\n")
		}, 12 << 20, retrysafe.Applied, retrysafe.ErrAnswerLost},
	} {
		t.Run(name, func(t *testing.T) {
			server := startHostile(t, c.answer)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := firstCharge(t, server.url, retrysafe.Options{})
			runtime.ReadMemStats(&after)
			checkEnding(t, err, c.want, c.sentinel)
			n := int64(server.requests.Load())
			if n == 0 || server.written.Load() > n*c.limit {
				t.Errorf("%d bytes were taken of %d answers, want at most %d of each", server.written.Load(), n, c.limit)
			}
			if used := int64(after.TotalAlloc - before.TotalAlloc); used > n*48<<20 {
				t.Errorf("%d bytes were allocated for %d answers, want a multiple of the limit", used, n)
			}
		})
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestAnAnswerThatStallsEndsWithItsAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		raw      string
		want     retrysafe.Outcome
		sentinel error
	}{
		"before the status line":    {"", retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"inside a header":           {"HTTP/1.1 200 OK\r\nContent-Ty", retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"after an early hint":       {"HTTP/1.1 103 Early Hints\r\n\r\n", retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"before the body":           {headJSON + "Content-Length: 10\r\n\r\n", retrysafe.Applied, retrysafe.ErrAnswerLost},
		"inside the body":           {wholeJSON + `{"id":`, retrysafe.Applied, retrysafe.ErrAnswerLost},
		"inside a chunk":            {headJSON + "Transfer-Encoding: chunked\r\n\r\nff\r\n{", retrysafe.Applied, retrysafe.ErrAnswerLost},
		"before the trailer's end":  {headJSON + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", retrysafe.Applied, retrysafe.ErrAnswerLost},
		"inside a gzip stream":      {headJSON + "Content-Encoding: gzip\r\n" + closes + "\x1f\x8b\x08", retrysafe.Applied, retrysafe.ErrAnswerLost},
		"inside the body of a 500":  {"HTTP/1.1 500 Oops\r\n" + closes + "{", retrysafe.Unknown, retrysafe.ErrAttemptsExhausted},
		"inside a refusal's body":   {"HTTP/1.1 400 Bad\r\n" + closes + "{", retrysafe.NotApplied, retrysafe.ErrRefused},
		"after switching protocols": {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: pay\r\n\r\n", retrysafe.Unknown, retrysafe.ErrStuck},
	} {
		t.Run(name, func(t *testing.T) {
			server := startHostile(t, func(w io.Writer) {
				io.WriteString(w, c.raw)
				holds(w)
			})
			policy := hurried
			policy.AttemptTimeout = 30 * time.Millisecond
			start := time.Now()
			_, err := firstCharge(t, server.url, retrysafe.Options{Retry: policy})
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v, want about two attempts of 30 ms", took)
			}
			checkEnding(t, err, c.want, c.sentinel)
		})
	}
}

// framed is an answer under 200 with a Content-Length that is right.
func framed(status, contentType, body string) string {
	raw := "HTTP/1.1 " + status + "\r\n"
	if contentType != "" {
		raw += "Content-Type: " + contentType + "\r\n"
	}
	return raw + fmt.Sprintf("Content-Length: %d\r\n%s%s", len(body), closes, body)
}

func TestAnswersThatAreNotWhatTheyShouldBe(t *testing.T) {
	const (
		applied, unknown, not = retrysafe.Applied, retrysafe.Unknown, retrysafe.NotApplied
		jsonType, page        = "application/json", "<html><body>Welcome to our WiFi</body></html>"
	)
	lost, again := retrysafe.ErrAnswerLost, retrysafe.ErrAttemptsExhausted
	deep := strings.Repeat("[", 100_000)
	for name, c := range map[string]struct {
		raw      string
		want     retrysafe.Outcome
		sentinel error
		value    charged
	}{
		"no JSON":                     {framed("200 OK", jsonType, `{"id":`), applied, lost, charged{}},
		"two JSON values":             {framed("200 OK", jsonType, `{"id":"ch_1"}{"id":"ch_2"}`), applied, lost, charged{}},
		"JSON of another type":        {framed("200 OK", jsonType, `["ch_1"]`), applied, lost, charged{}},
		"a wrong type after the ID":   {framed("200 OK", jsonType, `{"id":"ch_1","amount":"much"}`), applied, lost, charged{}},
		"JSON null":                   {framed("200 OK", jsonType, `null`), applied, nil, charged{}},
		"a page":                      {framed("200 OK", "text/html", page), unknown, again, charged{}},
		"a page with a charset":       {framed("200 OK", "Text/HTML; charset=utf-8", page), unknown, again, charged{}},
		"a page that says JSON":       {framed("200 OK", jsonType, page), applied, lost, charged{}},
		"a page of no type":           {framed("200 OK", "", page), unknown, again, charged{}},
		"JSON of no type":             {framed("200 OK", "", trapCharged), unknown, again, charged{}},
		"an empty 200 of no type":     {framed("200 OK", "", ""), applied, nil, charged{}},
		"an empty 201 of no type":     {framed("201 Created", "", ""), applied, nil, charged{}},
		"an empty 200 of JSON":        {framed("200 OK", jsonType, ""), applied, lost, charged{}},
		"an empty 201 of JSON":        {framed("201 Created", jsonType, ""), applied, lost, charged{}},
		"an empty page":               {framed("200 OK", "text/html", ""), unknown, again, charged{}},
		"204":                         {"HTTP/1.1 204 No Content\r\n" + closes, applied, nil, charged{}},
		"204 of a page":               {"HTTP/1.1 204 No Content\r\nContent-Type: text/html\r\n" + closes, applied, nil, charged{}},
		"205":                         {"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n" + closes, applied, nil, charged{}},
		"a length that is too long":   {headJSON + "Content-Length: 1000\r\n" + closes + trapCharged, applied, lost, charged{}},
		"a length that is too short":  {headJSON + "Content-Length: 5\r\n" + closes + trapCharged, applied, lost, charged{}},
		"a length below zero":         {headJSON + "Content-Length: -5\r\n" + closes + trapCharged, unknown, again, charged{}},
		"a length that is no number":  {headJSON + "Content-Length: 0x1b\r\n" + closes + trapCharged, unknown, again, charged{}},
		"a length that overflows":     {headJSON + "Content-Length: 99999999999999999999\r\n" + closes + trapCharged, unknown, again, charged{}},
		"two lengths":                 {headJSON + "Content-Length: 2\r\nContent-Length: 27\r\n" + closes + trapCharged, unknown, again, charged{}},
		"a length of zero":            {headJSON + "Content-Length: 0\r\n" + closes + trapCharged, applied, lost, charged{}},
		"a chunk without a length":    {headJSON + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", applied, lost, charged{}},
		"a chunk that is too long":    {headJSON + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n", applied, lost, charged{}},
		"an unknown coding":           {headJSON + "Transfer-Encoding: fancy\r\n" + closes + trapCharged, unknown, again, charged{}},
		"gzip that is none":           {headJSON + "Content-Encoding: gzip\r\n" + closes + trapCharged, applied, lost, charged{}},
		"br that was not asked for":   {headJSON + "Content-Encoding: br\r\n" + closes + "\x0b\x0d\x80", applied, lost, charged{}},
		"a type with parameters":      {framed("200 OK", jsonType+`; charset="utf-8"; x=y`, trapCharged), applied, nil, charged{"ch_1", 4200}},
		"a type in capitals":          {framed("200 OK", "APPLICATION/JSON", trapCharged), applied, nil, charged{"ch_1", 4200}},
		"a type with a suffix":        {framed("200 OK", "application/vnd.pay+json", trapCharged), applied, nil, charged{"ch_1", 4200}},
		"a type of semicolons":        {framed("200 OK", ";;;", trapCharged), unknown, again, charged{}},
		"a type of slashes":           {framed("200 OK", "/", trapCharged), unknown, again, charged{}},
		"two types in one":            {framed("200 OK", jsonType+", text/html", trapCharged), unknown, again, charged{}},
		"a type of 100 kB":            {framed("200 OK", strings.Repeat("x", 100_000), trapCharged), unknown, again, charged{}},
		"a type that is not ASCII":    {framed("200 OK", "application/\xffjson", trapCharged), unknown, again, charged{}},
		"a form instead of JSON":      {framed("200 OK", "application/x-www-form-urlencoded", "ID=ch_1&Amount=4200"), applied, nil, charged{"ch_1", 4200}},
		"a form that is broken":       {framed("200 OK", "application/x-www-form-urlencoded", "ID=%zz"), applied, lost, charged{}},
		"a form of too many pairs":    {framed("200 OK", "application/x-www-form-urlencoded", strings.Repeat("a=b&", 20_000)), applied, lost, charged{}},
		"100,000 brackets":            {framed("200 OK", jsonType, deep), applied, lost, charged{}},
		"100,000 pairs of brackets":   {framed("200 OK", jsonType, deep+strings.Repeat("]", 100_000)), applied, lost, charged{}},
		"brackets in an unknown name": {framed("200 OK", jsonType, `{"x":`+deep+strings.Repeat("]", 100_000)+`}`), applied, lost, charged{}},
		"100,000 brackets as refusal": {framed("400 Bad Request", "application/problem+json", deep), not, retrysafe.ErrRefused, charged{}},
		"a name that is there twice":  {framed("200 OK", jsonType, `{"id":"ch_0","id":"ch_1"}`), applied, nil, charged{"ch_1", 0}},
		"a huge number":               {framed("200 OK", jsonType, `{"id":"ch_1","amount":1e999}`), applied, lost, charged{}},
		"a number of 1 MB":            {framed("200 OK", jsonType, `{"amount":`+strings.Repeat("9", 1<<20)+`}`), applied, lost, charged{}},
		"a number beside the field":   {framed("200 OK", jsonType, `{"id":"ch_1","x":1e999999}`), applied, nil, charged{"ch_1", 0}},
		"a body that is not UTF-8":    {framed("200 OK", jsonType, "{\"id\":\"ch_\xff\xfe\"}"), applied, nil, charged{"ch_\uFFFD\uFFFD", 0}},
		"a lone surrogate":            {framed("200 OK", jsonType, `{"id":"ch_\ud800"}`), applied, nil, charged{"ch_\uFFFD", 0}},
		"a byte order mark":           {framed("200 OK", jsonType, "\ufeff"+trapCharged), applied, lost, charged{}},
		"NUL in a body":               {framed("200 OK", jsonType, "{\"id\":\"ch_1\"}\x00"), applied, lost, charged{}},
		"no HTTP":                     {"SSH-2.0-OpenSSH_9.6\r\n", unknown, again, charged{}},
		"HTTP/0.9":                    {trapCharged, unknown, again, charged{}},
		"a status of letters":         {"HTTP/1.1 2OO OK\r\n" + closes, unknown, again, charged{}},
		"a status of two digits":      {"HTTP/1.1 20 OK\r\n" + closes, unknown, again, charged{}},
		"a status of four digits":     {"HTTP/1.1 2000 OK\r\n" + closes, unknown, again, charged{}},
		"status 000":                  {framed("000 Zero", jsonType, trapCharged), unknown, retrysafe.ErrStuck, charged{}},
		"status 299":                  {framed("299 Strange", jsonType, trapCharged), applied, nil, charged{"ch_1", 4200}},
		"status 600":                  {framed("600 Beyond", jsonType, trapCharged), unknown, retrysafe.ErrStuck, charged{}},
		"status 999":                  {framed("999 Request denied", jsonType, trapCharged), unknown, retrysafe.ErrStuck, charged{}},
		"an unknown 4xx":              {framed("499 Client closed", jsonType, `{}`), unknown, retrysafe.ErrStuck, charged{}},
		"a redirect":                  {"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n" + closes, unknown, retrysafe.ErrStuck, charged{}},
		"a redirect to nowhere":       {"HTTP/1.1 301 Moved\r\nLocation: ht!tp://%zz\r\n" + closes, unknown, retrysafe.ErrStuck, charged{}},
		"a redirect with the method":  {"HTTP/1.1 308 Moved\r\nLocation: http://127.0.0.1:1/\r\n" + closes, not, retrysafe.ErrRefused, charged{}},
		"an answer without a head":    {"\r\n\r\n", unknown, again, charged{}},
		"nothing":                     {"", unknown, again, charged{}},
		"a header without a name":     {"HTTP/1.1 200 OK\r\n: x\r\n" + closes, unknown, again, charged{}},
		"a header that is folded":     {"HTTP/1.1 200 OK\r\n folded\r\n" + closes, unknown, again, charged{}},
		"a header with NUL":           {"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n" + closes, unknown, again, charged{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := startHostile(t, func(w io.Writer) { io.WriteString(w, c.raw) })
			res, err := firstCharge(t, server.url, retrysafe.Options{})
			checkEnding(t, err, c.want, c.sentinel)
			if res == nil && c.sentinel == nil || res != nil && res.Value != c.value {
				t.Errorf("result is %v, want the value %v", res, c.value)
			}
			if n := server.requests.Load(); n > 2 {
				t.Errorf("%d requests, want at most 2", n)
			}
		})
	}
}

func TestWhatAProviderSaysOfAFailureIsBoundedAndPrintable(t *testing.T) {
	const esc = `\u001b[31m\r\nInjected: yes\u202e`
	body := `{"code":"bad` + esc + `","type":"bad` + esc + `","detail":"` + strings.Repeat(esc, 1000) + `"}`
	raw := framed("422 Unprocessable\r\nX-Id: "+strings.Repeat("\xff", 5000), "application/problem+json", body)
	profile := retrysafe.Profile{Code: []string{"/code"}, Message: []string{"/detail"}, RequestID: []string{"X-Id"}}
	for name, options := range map[string]retrysafe.Options{"by the profile": {Profile: profile}, "by RFC 9457": {}} {
		t.Run(name, func(t *testing.T) {
			server := startHostile(t, func(w io.Writer) { io.WriteString(w, raw) })
			_, err := firstCharge(t, server.url, options)
			checkEnding(t, err, retrysafe.NotApplied, retrysafe.ErrRefused)
			e := failure(t, err)
			if !strings.HasPrefix(e.ProviderCode, "bad") || e.Message == "" {
				t.Errorf("code is %q and message %.50q, want what the answer says", e.ProviderCode, e.Message)
			}
			for _, text := range []string{e.ProviderCode, e.Message, e.RequestID, e.Attempts[0].Code, e.Attempts[0].RequestID} {
				if len(text) > 1500 || strings.ContainsAny(text, "\x1b\r\n\u202e") {
					t.Errorf("%d bytes: %.100q", len(text), text)
				}
			}
		})
	}
}
