// Package sfv writes and reads an Item of structured fields that is a String
// (RFC 9651), the form in which the IETF draft puts an idempotency key into its
// header.
package sfv

import (
	"fmt"
	"strings"
)

// Quote returns s as a String: in double quotes, with a backslash before double
// quotes and backslashes (RFC 9651, section 4.1.6). A byte outside 0x20 to 0x7E
// gives an error that wraps [ErrCharacter] and shows only the byte's place.
// It is safe for concurrent use.
func Quote(s string) (string, error) {
	var quoted strings.Builder
	quoted.Grow(len(s) + 2)
	quoted.WriteByte('"')
	for i := range len(s) {
		if !isPrintable(s[i]) {
			return "", fmt.Errorf("%w: byte %d", ErrCharacter, i)
		}
		if s[i] == '"' || s[i] == '\\' {
			quoted.WriteByte('\\')
		}
		quoted.WriteByte(s[i])
	}
	quoted.WriteByte('"')
	return quoted.String(), nil
}

// Unquote returns the String that a whole field value holds as its Item (RFC
// 9651, sections 4.2, 4.2.3 and 4.2.5). Spaces around the Item are ignored, and
// so are its parameters, which must be well-formed. Several field lines are
// joined with a comma by the caller and are then no Item. The error wraps
// [ErrNotString] or [ErrSyntax] and shows nothing of the field but a place.
// It is safe for concurrent use.
func Unquote(field string) (string, error) {
	p := parser{input: field}
	p.skipSpaces()
	if p.peek() != '"' {
		return "", ErrNotString
	}
	value, ok := p.string()
	if ok = ok && p.parameters(); ok {
		p.skipSpaces()
	}
	if !ok || !p.atEnd() {
		return "", fmt.Errorf("%w: at byte %d", ErrSyntax, p.next)
	}
	return value, nil
}

func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }
