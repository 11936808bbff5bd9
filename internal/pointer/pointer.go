// Package pointer reads and edits JSON at a JSON pointer (RFC 6901), such as
// /error/code. A segment * stands for every element of an array and every
// member of an object: /data/*/errors/*/code. A member that is itself named *
// can therefore not be singled out.
//
// [Pointer.Match] and [Pointer.First] read a decoded document; [Insert] and
// [Cut] edit JSON text and leave every other byte as it is.
package pointer

import (
	"strings"
	"unicode/utf8"
)

const (
	maxSegments = 32
	maxLength   = 1024
	wildcard    = "*"
)

// Pointer is a JSON pointer that Parse has checked. It is a comparable value
// and safe for concurrent use. The zero value points at nothing.
type Pointer struct {
	text string // as given: "/" and a segment, once or more
}

// Parse returns s as a Pointer. It must start with "/": the empty pointer,
// which RFC 6901 lets stand for the whole document, names no member. "~" must
// be followed by 0 (for ~) or 1 (for /). At most 32 segments, 1024 bytes,
// UTF-8. The error is ErrSyntax.
func Parse(s string) (Pointer, error) {
	if !Valid(s) {
		return Pointer{}, ErrSyntax
	}
	return Pointer{s}, nil
}

// Valid reports whether Parse takes s.
func Valid(s string) bool {
	if len(s) > maxLength || !strings.HasPrefix(s, "/") || strings.Count(s, "/") > maxSegments || !utf8.ValidString(s) {
		return false
	}
	return strings.Count(s, "~") == strings.Count(s, "~0")+strings.Count(s, "~1")
}

// String returns the text that was parsed; empty for the zero value.
func (p Pointer) String() string { return p.text }

// next cuts the first segment, still escaped, from a pointer's text.
func next(text string) (segment, rest string) {
	text = text[1:]
	if i := strings.IndexByte(text, '/'); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// parent cuts the last segment from p.
func (p Pointer) parent() (parent, segment string) {
	i := strings.LastIndexByte(p.text, '/')
	return p.text[:i], p.text[i+1:]
}

// hasWildcard reports whether a segment of p is *.
func (p Pointer) hasWildcard() bool {
	for rest := p.text; rest != ""; {
		var segment string
		if segment, rest = next(rest); segment == wildcard {
			return true
		}
	}
	return false
}

// unescape allocates only if the segment has an escape. The order matters: ~01
// is ~1.
func unescape(segment string) string {
	if !strings.Contains(segment, "~") {
		return segment
	}
	return strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
}

// names reports, without allocating, whether the escaped segment is name.
func names(segment, name string) bool {
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c == '~' {
			i++
			c = '~'
			if segment[i] == '1' {
				c = '/'
			}
		}
		if name == "" || name[0] != c {
			return false
		}
		name = name[1:]
	}
	return name == ""
}

// index reads a segment as the index of an array: decimal, without leading
// zeros (RFC 6901, section 4). "-", the element after the last, is none.
func index(segment string) (i int, ok bool) {
	if segment == "" || len(segment) > 9 || segment[0] == '0' && len(segment) > 1 {
		return 0, false
	}
	for _, c := range []byte(segment) {
		if c < '0' || c > '9' {
			return 0, false
		}
		i = i*10 + int(c-'0')
	}
	return i, true
}
