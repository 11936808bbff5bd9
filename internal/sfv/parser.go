package sfv

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// parser reads a field value from left to right. Its methods return false, and
// leave next at the offending place, if the input does not continue as the
// method's name says.
type parser struct {
	input string
	next  int
}

func (p *parser) atEnd() bool { return p.next == len(p.input) }

// peek returns the next byte, or 0, which is in no production, at the end.
func (p *parser) peek() byte {
	if p.atEnd() {
		return 0
	}
	return p.input[p.next]
}

func (p *parser) accept(c byte) bool {
	if p.atEnd() || p.input[p.next] != c {
		return false
	}
	p.next++
	return true
}

// takeWhile returns the longest run of bytes that belong.
func (p *parser) takeWhile(belongs func(byte) bool) string {
	start := p.next
	for !p.atEnd() && belongs(p.input[p.next]) {
		p.next++
	}
	return p.input[start:p.next]
}

func (p *parser) skipSpaces() {
	p.takeWhile(func(c byte) bool { return c == ' ' })
}

// string reads section 4.2.5.
func (p *parser) string() (string, bool) {
	if !p.accept('"') {
		return "", false
	}
	var value strings.Builder
	for {
		value.WriteString(p.takeWhile(func(c byte) bool { return isPrintable(c) && c != '"' && c != '\\' }))
		if p.accept('"') {
			return value.String(), true
		}
		if !p.accept('\\') || p.peek() != '"' && p.peek() != '\\' {
			return "", false
		}
		value.WriteByte(p.input[p.next])
		p.next++
	}
}

// parameters reads section 4.2.3.2.
func (p *parser) parameters() bool {
	for p.accept(';') {
		p.skipSpaces()
		if !p.key() || p.accept('=') && !p.bareItem() {
			return false
		}
	}
	return true
}

// key reads section 4.2.3.3.
func (p *parser) key() bool {
	if c := p.peek(); !isLower(c) && c != '*' {
		return false
	}
	p.takeWhile(func(c byte) bool {
		return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0
	})
	return true
}

// bareItem reads section 4.2.3.1.
func (p *parser) bareItem() bool {
	switch c := p.peek(); {
	case c == '-' || isDigit(c):
		_, ok := p.number()
		return ok
	case c == '"':
		_, ok := p.string()
		return ok
	case c == '*' || isAlpha(c):
		p.takeWhile(isTokenCharacter)
		return true
	case c == ':':
		return p.byteSequence()
	case c == '?':
		p.next++
		return p.accept('0') || p.accept('1')
	case c == '@':
		p.next++
		integer, ok := p.number()
		return ok && integer
	case c == '%':
		return p.displayString()
	}
	return false
}

// number reads section 4.2.4: an integer of up to 15 digits, or a decimal of up
// to 12 digits, a point and up to 3 digits.
func (p *parser) number() (integer, ok bool) {
	p.accept('-')
	whole := len(p.takeWhile(isDigit))
	if whole == 0 || !p.accept('.') {
		return true, whole >= 1 && whole <= 15
	}
	fraction := len(p.takeWhile(isDigit))
	return false, whole <= 12 && fraction >= 1 && fraction <= 3
}

// byteSequence reads section 4.2.7, which asks for leniency about padding.
func (p *parser) byteSequence() bool {
	p.next++
	encoded := p.takeWhile(func(c byte) bool {
		return isAlpha(c) || isDigit(c) || c == '+' || c == '/' || c == '='
	})
	_, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	return err == nil && p.accept(':')
}

// displayString reads section 4.2.10.
func (p *parser) displayString() bool {
	p.next++
	if !p.accept('"') {
		return false
	}
	var decoded []byte
	for {
		decoded = append(decoded, p.takeWhile(func(c byte) bool { return isPrintable(c) && c != '"' && c != '%' })...)
		if p.accept('"') {
			return utf8.Valid(decoded)
		}
		high, low, ok := p.percentEncoded()
		if !ok {
			return false
		}
		decoded = append(decoded, high<<4|low)
	}
}

func (p *parser) percentEncoded() (high, low byte, ok bool) {
	if !p.accept('%') || len(p.input)-p.next < 2 {
		return 0, 0, false
	}
	const digits = "0123456789abcdef"
	first := strings.IndexByte(digits, p.input[p.next])
	second := strings.IndexByte(digits, p.input[p.next+1])
	if first < 0 || second < 0 {
		return 0, 0, false
	}
	p.next += 2
	return byte(first), byte(second), true
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isAlpha(c byte) bool { return isLower(c) || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isTokenCharacter(c byte) bool {
	return isAlpha(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
}
