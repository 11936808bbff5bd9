package pointer

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// Insert returns a copy of body with the string value as the first member, at
// p, of the object that p's parent points at. All other bytes stay as they are:
// {"a": 1} becomes {"k":"v","a": 1}. The parent may lie inside arrays, by index.
// Cut undoes it to the byte.
//
// Errors: ErrJSON, ErrSyntax (the zero Pointer), ErrWildcard, ErrValue;
// ErrPresent if the object has the member, whatever its value; ErrNoParent if
// there is no such object; ErrAmbiguous if there are several.
func Insert(body []byte, p Pointer, value string) ([]byte, error) {
	if !utf8.ValidString(value) {
		return nil, ErrValue
	}
	parents, segment, err := holders(body, p)
	if err != nil {
		return nil, err
	}
	if len(parents) > 1 {
		return nil, ErrAmbiguous
	}
	if len(parents) == 0 || body[parents[0]] != '{' {
		return nil, ErrNoParent
	}
	empty := true
	for m := range members(body, parents[0]) {
		if m.isNamed(segment) {
			return nil, ErrPresent
		}
		empty = false
	}
	member := append(quote(unescape(segment)), ':')
	member = append(member, quote(value)...)
	if !empty {
		member = append(member, ',')
	}
	return slices.Concat(body[:parents[0]+1], member, body[parents[0]+1:]), nil
}

// Cut returns body without the member at p, and without one comma: the one
// after it, or, of the last member, the one before it. White space around both
// stays. A member that is there several times is removed every time, in every
// object that p's parent can mean. If there is none, it returns body itself;
// else a copy.
//
// Errors: ErrJSON, ErrSyntax (the zero Pointer), ErrWildcard; ErrNoParent if p
// points into an array, because elements cannot be cut.
func Cut(body []byte, p Pointer) ([]byte, error) {
	parents, segment, err := holders(body, p)
	if err != nil {
		return nil, err
	}
	var spans []span
	for _, at := range parents {
		switch body[at] {
		case '{':
			spans = cutObject(spans, body, at, segment)
		case '[':
			return nil, ErrNoParent
		}
	}
	if len(spans) == 0 {
		return body, nil
	}
	return without(body, spans), nil
}

// holders returns where in body the values begin that may hold the member at p,
// and the member's segment.
func holders(body []byte, p Pointer) (parents []int, segment string, err error) {
	switch {
	case p.text == "":
		return nil, "", ErrSyntax
	case p.hasWildcard():
		return nil, "", ErrWildcard
	case !json.Valid(body):
		return nil, "", ErrJSON
	}
	parent, segment := p.parent()
	return find(nil, body, skipSpace(body, 0), parent), segment, nil
}

// span is a part of the text that is to go.
type span struct{ start, end int }

func cutObject(spans []span, body []byte, at int, segment string) []span {
	before := -1 // the comma after the last member that stays
	last := false
	for m := range members(body, at) {
		if last = m.isNamed(segment); !last {
			before = m.comma
			continue
		}
		spans = append(spans, span{m.start, m.end})
		if m.comma >= 0 {
			spans = append(spans, span{m.comma, m.comma + 1})
		}
	}
	if last && before >= 0 {
		spans = append(spans, span{before, before + 1})
	}
	return spans
}

func without(body []byte, spans []span) []byte {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	kept := make([]byte, 0, len(body))
	at := 0
	for _, s := range spans {
		kept = append(kept, body[at:s.start]...)
		at = s.end
	}
	return append(kept, body[at:]...)
}

// quote returns the UTF-8 string s in JSON. Marshalling a string cannot fail.
func quote(s string) []byte {
	data, _ := json.Marshal(s)
	return data
}
