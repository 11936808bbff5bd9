package retrysafe

import (
	"net/http"
	"strings"
)

const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// media says which media types a command takes for an answer.
type media struct {
	accept []string // lower case, beside JSON and form
	raw    bool     // Res is []byte
}

// declares reports whether an answer is of a declared media type. An empty
// body without a type counts as one, so do 204 and 205.
func (m media) declares(a *Answer) bool {
	if a.Status == http.StatusNoContent || a.Status == http.StatusResetContent {
		return true
	}
	switch got := a.mediaType(); {
	case got == "":
		return len(a.Body) == 0 && a.Err == nil
	case isJSON(got), got == mediaForm:
		return true
	case m.raw && len(m.accept) == 0:
		return got != "text/html"
	default:
		return m.lists(got)
	}
}

func (m media) lists(got string) bool {
	for _, want := range m.accept {
		if got == want || want == "*/*" {
			return true
		}
		if family, ok := strings.CutSuffix(want, "*"); ok && strings.HasPrefix(got, family) {
			return true
		}
	}
	return false
}

// header is what an Accept header says.
func (m media) header(res bool) string {
	switch {
	case m.raw && len(m.accept) == 0:
		return "*/*"
	case m.raw, !res:
		return strings.Join(append(append([]string(nil), m.accept...), "*/*;q=0.1"), ", ")
	case len(m.accept) == 0:
		return mediaJSON
	default:
		return mediaJSON + ", " + strings.Join(m.accept, ", ")
	}
}

// mediaOf returns the media type of a header, in lower case and without its
// parameters. It allocates only for capitals.
func mediaOf(h http.Header) string {
	values := h["Content-Type"]
	if len(values) == 0 {
		return ""
	}
	m, _, _ := strings.Cut(values[0], ";")
	return strings.ToLower(strings.TrimSpace(m))
}

func isJSON(m string) bool {
	return m == mediaJSON || strings.HasSuffix(m, "+json")
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2, as methods
// and header names are.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isMethod reports whether s is a method as requests have it: case counts, and
// "post" would never be one.
func isMethod(s string) bool { return isToken(s) && s == strings.ToUpper(s) }

func tokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	default:
		return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	}
}

// isFieldValue reports whether s can be the value of a header (RFC 9110
// section 5.5): nothing that could end the line.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return s == strings.Trim(s, " \t")
}

// reserved reports whether a header is none of a declaration's business: it
// frames the message, or it holds credentials, which belong to Authorize.
func reserved(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade", "Expect":
		return true
	default:
		return credential(name)
	}
}

func credential(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie":
		return true
	default:
		return false
	}
}
