package mock

import (
	"fmt"
	"net/http"
	"strings"
)

// checkHeader refuses what net/http's Transport refuses to send. Values are
// not in the error: they may be secret.
func checkHeader(header http.Header) error {
	for name, values := range header {
		if !validToken(name) {
			return fmt.Errorf("invalid header field name %q", name)
		}
		for _, value := range values {
			if !validValue(value) {
				return fmt.Errorf("invalid header field value for %q", name)
			}
		}
	}
	return nil
}

// validToken reports whether s is a token (RFC 9110, section 5.6.2).
func validToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// validValue reports whether s has no control character but the tab.
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
