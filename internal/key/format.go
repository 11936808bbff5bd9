package key

import (
	"fmt"
	"strings"
)

const (
	// DefaultMaxLength is the MaxLength of a format that names none, in bytes.
	DefaultMaxLength = 255
	// MaxFormatLength is the largest MinLength and MaxLength a format may have,
	// in bytes.
	MaxFormatLength = 4096
)

const (
	uuidLength     = 36
	uuidCharacters = "-0123456789abcdef"
	alphanumeric   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Format is what a provider accepts as a key. The zero value writes derived
// keys as the text of a UUID and accepts 1 to 255 visible ASCII characters as a
// caller's own key. A format is part of a profile's key version: a changed one
// gives the same operation another key.
// It is a value and safe for concurrent use (spec/identity.md, FMT-1 to FMT-8).
type Format struct {
	// Alphabet lists the characters that a key may hold, in any order: printable
	// ASCII without the double quote and the backslash. A space is allowed
	// inside a caller's own key and never used in a derived one. Defaults to
	// visible ASCII for a caller's own key, and to 0-9, A-Z, a-z for a derived
	// one that cannot be a UUID.
	Alphabet string
	// MinLength is the least number of bytes in a key. Defaults to 1.
	MinLength int
	// MaxLength is the largest number of bytes in a key. Defaults to
	// [DefaultMaxLength].
	MaxLength int
	// UUID says that a key must be a UUID: 32 hexadecimal digits in groups of 8,
	// 4, 4, 4 and 12, of any version.
	UUID bool
}

// Validate returns nil if derived keys can be written in this format. Every
// error wraps [ErrFormat] and one of [ErrBounds], [ErrAlphabet] and [ErrWidth].
func (f Format) Validate() error {
	if err := f.validateBounds(); err != nil {
		return err
	}
	if err := f.validateAlphabet(); err != nil {
		return err
	}
	if f.UUID {
		return f.validateUUID()
	}
	if f.fitsUUID() {
		return nil
	}
	if width := f.numeral().width(); width > f.maxLength() {
		return fmt.Errorf("%w: they take %d characters, MaxLength is %d", ErrWidth, width, f.maxLength())
	}
	return nil
}

// Render writes the 16 bytes of [Derive] as a key of this format: the text of a
// UUID if the format has room for that, else a number of fixed width whose
// digits are the characters of the alphabet. Different bytes give different
// keys. It returns the empty string for a format that Validate refuses.
func (f Format) Render(b [16]byte) string {
	if f.Validate() != nil {
		return ""
	}
	if f.fitsUUID() {
		return UUID(b)
	}
	return f.numeral().text(b, f.MinLength)
}

func (f Format) validateBounds() error {
	switch {
	case f.MinLength < 0 || f.MaxLength < 0:
		return fmt.Errorf("%w: MinLength %d or MaxLength %d is negative", ErrBounds, f.MinLength, f.MaxLength)
	case f.MaxLength > MaxFormatLength:
		return fmt.Errorf("%w: MaxLength %d is above %d", ErrBounds, f.MaxLength, MaxFormatLength)
	case f.minLength() > f.maxLength():
		return fmt.Errorf("%w: MinLength %d is above MaxLength %d", ErrBounds, f.minLength(), f.maxLength())
	}
	return nil
}

func (f Format) validateAlphabet() error {
	for i := range len(f.Alphabet) {
		// A key that begins with a double quote could be read as a
		// structured-field string, that is as another key.
		if c := f.Alphabet[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Errorf("%w: %q at byte %d is not allowed in a key", ErrAlphabet, c, i)
		}
	}
	if n := len(f.numeral()); n < 2 {
		return fmt.Errorf("%w: %d characters beside the space, at least 2 are needed", ErrAlphabet, n)
	}
	return nil
}

func (f Format) validateUUID() error {
	if uuidLength < f.minLength() || uuidLength > f.maxLength() {
		return fmt.Errorf("%w: a UUID has %d characters, allowed are %d to %d", ErrBounds, uuidLength, f.minLength(), f.maxLength())
	}
	if !f.fitsUUID() {
		return fmt.Errorf("%w: it lacks a character of %q, which a UUID needs", ErrAlphabet, uuidCharacters)
	}
	return nil
}

// fitsUUID says whether every UUID is a key of this format.
func (f Format) fitsUUID() bool {
	if uuidLength < f.minLength() || uuidLength > f.maxLength() {
		return false
	}
	if f.Alphabet == "" {
		return true
	}
	for i := range len(uuidCharacters) {
		if strings.IndexByte(f.Alphabet, uuidCharacters[i]) < 0 {
			return false
		}
	}
	return true
}

func (f Format) numeral() numeral {
	if f.Alphabet == "" {
		return numeral(alphanumeric)
	}
	return newNumeral(f.Alphabet)
}

func (f Format) minLength() int { return max(f.MinLength, 1) }

func (f Format) maxLength() int {
	if f.MaxLength == 0 {
		return DefaultMaxLength
	}
	return f.MaxLength
}
