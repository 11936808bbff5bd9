package key

import (
	"cmp"
	"crypto/sha256"
	"slices"
)

const requestFraming = "retrysafe/fingerprint/1"

// Pair is a name and its value.
type Pair struct{ Name, Value string }

// Request is what an operation asks for, as far as its fingerprint goes. The
// key itself and the volatile fields of a command are left out of it by the
// caller, wherever they would be: in a header, in the query or in the body.
type Request struct {
	// Account is whose operation it is. It may be empty.
	Account string
	// Kind is the name of the command.
	Kind string
	// Method is the HTTP method as sent.
	Method string
	// Path holds the values of the path's variables, unescaped, in the order of
	// the template.
	Path []Pair
	// Query is the raw query as sent, without the question mark.
	Query string
	// Header holds the declared headers, one pair for every value. Case and
	// order of the names do not matter; the order of the values of one name
	// does.
	Header []Pair
	// ContentType is the Content-Type as sent; empty without a body.
	ContentType string
	// Body is the body as sent.
	Body []byte
}

// Fingerprint returns the SHA-256 over what an operation asks for. Requests
// that differ have different fingerprints. It is safe for concurrent use as
// long as nobody changes r (spec/identity.md, FPR-1 to FPR-6).
func Fingerprint(r Request) [sha256.Size]byte {
	hash := sha256.New()
	// The body is the last part, so that it need not be copied.
	hash.Write(appendHead(make([]byte, 0, inline), r))
	hash.Write(r.Body)
	var sum [sha256.Size]byte
	hash.Sum(sum[:0])
	return sum
}

// appendHead appends the framing of r up to the body's length.
func appendHead(dst []byte, r Request) []byte {
	dst = appendPart(dst, requestFraming)
	dst = appendPart(dst, r.Account)
	dst = appendPart(dst, r.Kind)
	dst = appendPart(dst, r.Method)
	dst = appendPairs(dst, r.Path)
	dst = appendPart(dst, r.Query)
	dst = appendPairs(dst, canonicalHeader(r.Header))
	dst = appendPart(dst, r.ContentType)
	return appendCount(dst, len(r.Body))
}

func appendPairs(dst []byte, pairs []Pair) []byte {
	dst = appendCount(dst, len(pairs))
	for _, p := range pairs {
		dst = appendPart(dst, p.Name)
		dst = appendPart(dst, p.Value)
	}
	return dst
}

// canonicalHeader returns a copy with lower-case names, sorted by name; values
// of one name keep their order.
func canonicalHeader(header []Pair) []Pair {
	sorted := make([]Pair, len(header))
	for i, p := range header {
		sorted[i] = Pair{Name: lowerASCII(p.Name), Value: p.Value}
	}
	slices.SortStableFunc(sorted, func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) })
	return sorted
}

// lowerASCII touches A to Z only: strings.ToLower follows Unicode's tables and
// repairs invalid UTF-8, which another language would not do alike.
func lowerASCII(s string) string {
	lower := []byte(s)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}
