// Package problem reads and writes problem details for HTTP APIs (RFC 9457):
// the JSON object of media type application/problem+json that says what went
// wrong.
package problem

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MediaType is what Is recognises and what an answer is sent with that
	// carries what JSON returns.
	MediaType = "application/problem+json"
	// AboutBlank is the type of a problem that has none of its own; it then
	// means no more than the HTTP status (RFC 9457, section 4.2.1).
	AboutBlank = "about:blank"

	maxBody = 64 << 10
	maxText = 500
)

// Details is one problem. It is a plain value. Its texts come from whoever
// answered: Type names the kind of problem and is what a program decides by;
// Title and Detail are for people and are not to be parsed.
type Details struct {
	Type     string // a URI reference, never to be fetched unasked
	Title    string // the kind of problem in a few words
	Detail   string // this occurrence of it
	Instance string // a URI reference to this occurrence
	// Status is the HTTP status that the origin gave, 100 to 599; 0 if it says
	// none. It is advice only: the status of the answer counts.
	Status int
}

// Is reports whether mediaType, the value of a Content-Type header with or
// without parameters, is application/problem+json.
func Is(mediaType string) bool {
	name, _, _ := strings.Cut(mediaType, ";")
	return strings.EqualFold(strings.Trim(name, " \t"), MediaType)
}

// Parse reads a body of at most 64 KiB; false says that it is longer or not a
// JSON object. As RFC 9457, section 3.1 asks, members of the wrong type are
// ignored, extensions too, and Type is about:blank if the body has none. The
// texts are safe to show on one line: control characters, line separators and
// those that turn the direction of writing are spaces, and each text is cut to
// 500 bytes at the boundary of a character.
func Parse(body []byte) (Details, bool) {
	if len(body) > maxBody {
		return Details{}, false
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return Details{}, false
	}
	d := Details{
		Type:     text(members["type"]),
		Title:    text(members["title"]),
		Detail:   text(members["detail"]),
		Instance: text(members["instance"]),
		Status:   status(members["status"]),
	}
	if d.Type == "" {
		d.Type = AboutBlank
	}
	return d, true
}

// text returns a member that is a string, made safe to show, else nothing.
func text(raw json.RawMessage) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return cut(strings.Map(visible, s))
}

func visible(r rune) rune {
	if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
		return ' '
	}
	return r
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// status returns a member that is a whole number and an HTTP status, else 0.
func status(raw json.RawMessage) int {
	var n int
	if err := json.Unmarshal(raw, &n); err != nil || n < 100 || n > 599 {
		return 0
	}
	return n
}

// JSON returns d as the body of an answer. Members that are empty are left out;
// what is not UTF-8 is replaced.
func (d Details) JSON() []byte {
	// Strings and an int cannot fail to marshal.
	body, _ := json.Marshal(struct {
		Type     string `json:"type,omitempty"`
		Title    string `json:"title,omitempty"`
		Status   int    `json:"status,omitempty"`
		Detail   string `json:"detail,omitempty"`
		Instance string `json:"instance,omitempty"`
	}{d.Type, d.Title, d.Status, d.Detail, d.Instance})
	return body
}
