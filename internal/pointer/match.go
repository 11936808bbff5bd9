package pointer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Match reports whether some value at p in doc has the text want: a string as
// it is, a number as it is written in the JSON (1.0 is not 1), true or false. An
// empty want asks only whether some value is there that is not null, object and
// array included. Doc is what encoding/json decodes into an any with UseNumber;
// a float64 has no text. Match does not allocate.
func (p Pointer) Match(doc any, want string) bool {
	return p.text != "" && match(doc, p.text, want)
}

func match(doc any, rest, want string) bool {
	if rest == "" {
		if want == "" {
			return doc != nil
		}
		got, ok := text(doc)
		return ok && got == want
	}
	segment, rest := next(rest)
	switch doc := doc.(type) {
	case map[string]any:
		return matchMember(doc, segment, rest, want)
	case []any:
		return matchElement(doc, segment, rest, want)
	default:
		return false
	}
}

func matchMember(object map[string]any, segment, rest, want string) bool {
	all := segment == wildcard
	if !all && !strings.Contains(segment, "~") {
		value, ok := object[segment]
		return ok && match(value, rest, want)
	}
	for name, value := range object {
		if (all || names(segment, name)) && match(value, rest, want) {
			return true
		}
	}
	return false
}

func matchElement(array []any, segment, rest, want string) bool {
	if segment != wildcard {
		i, ok := index(segment)
		return ok && i < len(array) && match(array[i], rest, want)
	}
	for _, value := range array {
		if match(value, rest, want) {
			return true
		}
	}
	return false
}

// First returns the text, as Match has it, of the first value at p in doc that
// is a string, a number or a bool. Elements come in their order and members in
// that of their names.
func (p Pointer) First(doc any) (string, bool) {
	if p.text == "" {
		return "", false
	}
	return first(doc, p.text)
}

func first(doc any, rest string) (string, bool) {
	if rest == "" {
		return text(doc)
	}
	segment, rest := next(rest)
	switch doc := doc.(type) {
	case map[string]any:
		return firstMember(doc, segment, rest)
	case []any:
		return firstElement(doc, segment, rest)
	default:
		return "", false
	}
}

func firstMember(object map[string]any, segment, rest string) (string, bool) {
	if segment != wildcard {
		value, ok := object[unescape(segment)]
		if !ok {
			return "", false
		}
		return first(value, rest)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if found, ok := first(object[name], rest); ok {
			return found, true
		}
	}
	return "", false
}

func firstElement(array []any, segment, rest string) (string, bool) {
	if segment != wildcard {
		i, ok := index(segment)
		if !ok || i >= len(array) {
			return "", false
		}
		return first(array[i], rest)
	}
	for _, value := range array {
		if found, ok := first(value, rest); ok {
			return found, true
		}
	}
	return "", false
}

// text returns the text of a string, a number or a bool.
func text(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return string(value), true
	case bool:
		if value {
			return "true", true
		}
		return "false", true
	default:
		return "", false
	}
}
