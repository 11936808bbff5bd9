package pointer

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
)

// The functions here walk text that json.Valid has accepted, so they look for
// the ends of values and do not check them again.

// member is where a member of an object stands in the text.
type member struct {
	name       []byte // with its quotes
	start, end int    // from the name's first quote to after the value
	value      int    // where the value begins
	comma      int    // of the comma after it; -1 for the last
}

// members walks the object that begins at body[at].
func members(body []byte, at int) iter.Seq[member] {
	return func(yield func(member) bool) {
		at = skipSpace(body, at+1)
		for body[at] != '}' {
			m := member{start: at}
			after := skipString(body, at)
			m.name = body[at:after]
			m.value = skipSpace(body, skipSpace(body, after)+1)
			m.end = skipValue(body, m.value)
			m.comma, at = skipComma(body, m.end)
			if !yield(m) {
				return
			}
		}
	}
}

// elements walks where the elements of the array at body[at] begin.
func elements(body []byte, at int) iter.Seq[int] {
	return func(yield func(int) bool) {
		at = skipSpace(body, at+1)
		for body[at] != ']' {
			start := at
			_, at = skipComma(body, skipValue(body, at))
			if !yield(start) {
				return
			}
		}
	}
}

// skipComma returns where the comma after a value is, or -1, and where the next
// member, element or closing bracket is.
func skipComma(body []byte, at int) (comma, after int) {
	at = skipSpace(body, at)
	if body[at] != ',' {
		return -1, at
	}
	return at, skipSpace(body, at+1)
}

func skipSpace(body []byte, at int) int {
	for at < len(body) && isSpace(body[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func skipString(body []byte, at int) int {
	for at++; body[at] != '"'; at++ {
		if body[at] == '\\' {
			at++
		}
	}
	return at + 1
}

func skipValue(body []byte, at int) int {
	switch body[at] {
	case '"':
		return skipString(body, at)
	case '{', '[':
		return skipNested(body, at)
	}
	for at < len(body) && !isSpace(body[at]) && body[at] != ',' && body[at] != '}' && body[at] != ']' {
		at++
	}
	return at
}

func skipNested(body []byte, at int) int {
	for depth := 0; ; {
		switch body[at] {
		case '"':
			at = skipString(body, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		at++
		if depth == 0 {
			return at
		}
	}
}

// isNamed reports whether the member m is the one that the escaped segment
// names.
func (m member) isNamed(segment string) bool {
	inner := m.name[1 : len(m.name)-1]
	if bytes.IndexByte(inner, '\\') < 0 && !strings.Contains(segment, "~") {
		return string(inner) == segment
	}
	var name string
	return json.Unmarshal(m.name, &name) == nil && name == unescape(segment)
}

// find appends where the values begin that path leads to from the value at
// body[at]: more than one if a member on the way is there twice.
func find(found []int, body []byte, at int, path string) []int {
	if path == "" {
		return append(found, at)
	}
	segment, rest := next(path)
	switch body[at] {
	case '{':
		for m := range members(body, at) {
			if m.isNamed(segment) {
				found = find(found, body, m.value, rest)
			}
		}
	case '[':
		want, ok := index(segment)
		for start := range elements(body, at) {
			if ok && want == 0 {
				return find(found, body, start, rest)
			}
			want--
		}
	}
	return found
}
