package retrysafe

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// pathTemplate is a path with placeholders: literals[0] {names[0]} literals[1] ...
type pathTemplate struct {
	literals []string
	names    []string
}

// parsePath reads "/v1/charges/{charge}/capture".
func parsePath(path string) (pathTemplate, error) {
	var t pathTemplate
	if !strings.HasPrefix(path, "/") {
		return t, invalid("path %q does not begin with a slash", clip(path))
	}
	if len(path) > maxText {
		return t, invalid("path is longer than %d bytes", maxText)
	}
	rest := path
	for {
		literal, after, found := strings.Cut(rest, "{")
		if err := checkLiteral(path, literal); err != nil {
			return t, err
		}
		t.literals = append(t.literals, literal)
		if !found {
			return t, t.checkDots(path)
		}
		name, next, closed := strings.Cut(after, "}")
		if !closed || name == "" || strings.ContainsAny(name, "{/") {
			return t, invalid("path %q has a brace that is not a placeholder's", path)
		}
		t.names = append(t.names, name)
		rest = next
	}
}

func checkLiteral(path, literal string) error {
	if strings.ContainsAny(literal, "}?#\\") || !isFieldValue(literal) || strings.Contains(literal, " ") {
		return invalid("path %q has a character that cannot be in a path", path)
	}
	if _, err := url.PathUnescape(literal); err != nil {
		return invalid("path %q has a bad escape", path)
	}
	return nil
}

func (t pathTemplate) checkDots(path string) error {
	if plain, err := url.PathUnescape(path); err != nil || hasDots(plain) {
		return invalid("path %q has a segment that servers take away", path)
	}
	return nil
}

// hasDots reports whether an unescaped path has a dot segment.
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// expand puts the values in. A value can never lead to another resource than
// the declared one: what would add, end or remove a segment is refused.
func (t pathTemplate) expand(values []string) (string, error) {
	if len(t.names) == 0 {
		return t.literals[0], nil
	}
	var b strings.Builder
	for i, name := range t.names {
		if err := checkPathValue(values[i]); err != nil {
			return "", invalid("value of {%s}: %s", name, err)
		}
		b.WriteString(t.literals[i])
		b.WriteString(url.PathEscape(values[i]))
	}
	b.WriteString(t.literals[len(t.names)])
	return b.String(), nil
}

func checkPathValue(v string) error {
	switch {
	case v == "":
		return badValue("is empty")
	case v == "." || v == "..":
		return badValue("is a dot segment")
	case strings.ContainsAny(v, `/\`):
		return badValue("has a slash")
	case !utf8.ValidString(v):
		return badValue("is not UTF-8")
	case len(v) > 1024:
		return badValue("is longer than 1024 bytes")
	}
	for i := range len(v) {
		if v[i] < 0x20 || v[i] == 0x7f {
			return badValue("has a control character")
		}
	}
	return nil
}
