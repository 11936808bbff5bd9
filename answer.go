package retrysafe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/retrysafe/retrysafe/internal/form"
	"github.com/retrysafe/retrysafe/internal/pointer"
	"github.com/retrysafe/retrysafe/internal/problem"
)

// maxBody limits requests and answers, in bytes after decompression.
const maxBody = 8 << 20

// maxText limits what is kept of a provider's code, message and request ID.
const maxText = 500

// Answer is one answer of a provider, read whole. It must not be changed.
type Answer struct {
	Status int
	Header http.Header
	// Body is at most 8 MiB. Err says why it is not whole, if it is not.
	Body []byte
	Err  error

	doc    any
	parsed bool
	broken bool // should be JSON and is not
	handed *handed
}

// LogValue has the fields of an answer that may be in a log: its status and
// how long its body is. So have its JSON and what it prints.
func (a Answer) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("status", a.Status), slog.Int("bytes", len(a.Body)))
}

// MarshalJSON writes what LogValue has.
func (a Answer) MarshalJSON() ([]byte, error) { return groupJSON(a.LogValue()) }

// Format prints what LogValue has, whatever the verb.
func (a Answer) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.LogValue()) }

// readAnswer reads a response whole, within bounds, and closes it.
func readAnswer(resp *http.Response) *Answer {
	a := &Answer{Status: resp.StatusCode, Header: resp.Header}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusOK {
		// An interim one has no body: under 101 it is the connection itself.
		a.Body, a.Err = readBody(resp.Body, resp.ContentLength)
	}
	return a
}

func readBody(r io.Reader, length int64) ([]byte, error) {
	if r == http.NoBody {
		// The length does not tell: that of an answer made by hand is zero too.
		return nil, nil
	}
	// One byte more than is announced, so that the end is found without growing;
	// but what is only announced costs little.
	if length < 0 {
		length = 511
	}
	b := make([]byte, 0, min(length, 64<<10)+1)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > maxBody:
			return b[:maxBody], errTooLong
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

// damaged reports whether the body is not all that the provider sent.
func (a *Answer) damaged() bool { return a.Err != nil }

func (a *Answer) mediaType() string {
	return mediaOf(a.Header)
}

// document returns the body as encoding/json has it, numbers as json.Number.
// It is false if the body is not whole or not JSON.
func (a *Answer) document() (any, bool) {
	if !a.parsed {
		a.parsed = true
		if a.Err == nil {
			a.doc = parseJSON(a.Body)
		}
		// A string or a number is JSON, and has nothing at any pointer.
		a.broken = a.doc == nil && !a.empty() && isJSON(a.mediaType()) && !json.Valid(a.Body)
	}
	return a.doc, a.doc != nil
}

func parseJSON(body []byte) any {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(trimmed))
	dec.UseNumber()
	var doc any
	if dec.Decode(&doc) != nil {
		return nil
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil
	}
	return doc
}

// unreadable reports whether rules about the body cannot be decided.
func (a *Answer) unreadable() bool {
	if a.Err != nil {
		return true
	}
	a.document()
	return a.broken
}

// Decode decodes the body into v by the answer's media type: JSON, or a form.
// It is what a command does with the answer of a success, and is meant for
// Command.Failure. It fails if the body is not whole.
func (a Answer) Decode(v any) error {
	if a.Err != nil {
		return a.Err
	}
	if raw, ok := v.(*[]byte); ok {
		*raw = a.Body
		return nil
	}
	switch m := a.mediaType(); {
	case len(a.Body) == 0:
		return io.ErrUnexpectedEOF
	case isJSON(m), m == "":
		return json.Unmarshal(a.Body, v)
	case m == mediaForm:
		return form.Unmarshal(a.Body, v, nil)
	default:
		return errNoDecoding
	}
}

// decodeInto decodes the answer of a success into the value that into points
// to. What is declared to be nothing stays zero.
func (a *Answer) decodeInto(into any) error {
	if _, none := into.(*None); none || a.empty() {
		return nil
	}
	err := a.Decode(into)
	if err != nil {
		reflect.ValueOf(into).Elem().SetZero()
	}
	return err
}

// empty reports whether there is nothing to decode, as the answer itself says.
func (a *Answer) empty() bool {
	if a.Err != nil || len(a.Body) > 0 {
		return false
	}
	return a.Status == http.StatusNoContent || a.Status == http.StatusResetContent || a.mediaType() == ""
}

// find returns what lies at the first of places that is there.
func (a *Answer) find(places []string) string {
	for _, place := range places {
		if text := a.at(place); text != "" {
			return text
		}
	}
	return ""
}

func (a *Answer) at(place string) string { return clip(a.raw(place)) }

func (a *Answer) raw(place string) string {
	if place[0] != '/' {
		return a.Header.Get(place)
	}
	doc, ok := a.document()
	if !ok {
		return ""
	}
	at, err := pointer.Parse(place)
	if err != nil {
		return ""
	}
	text, _ := at.First(doc)
	return text
}

// describe returns the provider's code and text, from where the profile says,
// else from an RFC 9457 body.
func (a *Answer) describe(p *Profile) (code, message string) {
	code, message = a.find(p.Code), a.find(p.Message)
	if code != "" && message != "" || !problem.Is(a.mediaType()) {
		return code, message
	}
	details, ok := problem.Parse(a.Body)
	if !ok {
		return code, message
	}
	if code == "" && details.Type != "about:blank" {
		code = details.Type
	}
	if message == "" {
		message = strings.TrimSpace(details.Title + ": " + details.Detail)
		message = strings.Trim(message, ": ")
	}
	return clip(code), clip(message)
}

// requestID returns the provider's name for the request.
func (a *Answer) requestID(p *Profile) string {
	if id := a.find(p.RequestID); id != "" {
		return id
	}
	for _, name := range [...]string{"Request-Id", "X-Request-Id"} {
		if ids := a.Header[name]; len(ids) > 0 && ids[0] != "" {
			return clip(ids[0])
		}
	}
	return ""
}

// clip bounds a text that a stranger chose, and makes it printable.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, _ := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && s != "" {
			s = s[:len(s)-1]
		}
	}
	return printable(s)
}

// printable replaces what could break a line or a terminal.
func printable(s string) string {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return strings.Map(visible, strings.ToValidUTF8(s, "\uFFFD"))
		}
	}
	return s
}

func visible(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
		return '\uFFFD'
	}
	return r
}

// decodes reports whether answers are decoded into a value of this type.
func decodes(res reflect.Type) bool { return res != reflect.TypeFor[None]() }
