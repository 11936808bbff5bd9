package form

import (
	"net/url"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// appendEscaped appends s as url.QueryEscape writes it.
func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case unreserved(c):
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	default:
		return c == '-' || c == '_' || c == '.' || c == '~'
	}
}

// segments splits the name of a pair, still escaped, into its segments: a[b][c]
// is a, b, c. A name whose brackets do not nest is one segment.
func segments(name string) ([]string, error) {
	raw := strings.Contains(name, "[")
	if !raw {
		plain, err := unescape(name)
		if err != nil {
			return nil, err
		}
		name = plain
	}
	path := split(name)
	if len(path) > maxDepth {
		return nil, ErrDepth
	}
	for i := 0; raw && i < len(path); i++ {
		plain, err := unescape(path[i])
		if err != nil {
			return nil, err
		}
		path[i] = plain
	}
	return path, nil
}

// split stops one segment after the most that are allowed: a name can be as
// long as the form.
func split(name string) []string {
	open := strings.IndexByte(name, '[')
	if open <= 0 {
		return []string{name}
	}
	path := []string{name[:open]}
	for rest := name[open:]; rest != "" && len(path) <= maxDepth; {
		inner, after, ok := strings.Cut(rest[1:], "]")
		if rest[0] != '[' || !ok || strings.Contains(inner, "[") {
			return []string{name}
		}
		path = append(path, inner)
		rest = after
	}
	return path
}

// join is the inverse of split, for errors.
func join(path []string) string {
	if len(path) < 2 {
		return strings.Join(path, "")
	}
	return path[0] + "[" + strings.Join(path[1:], "][") + "]"
}

// unescape drops the text of the error of url.QueryUnescape, which quotes the
// value.
func unescape(s string) (string, error) {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return "", ErrSyntax
	}
	return plain, nil
}
