package key

import (
	"fmt"
	"strings"
)

// Check returns nil if key, which a caller has chosen, may be sent in this
// format: its length in bytes is within the bounds; every character is in the
// alphabet, or visible ASCII (0x21 to 0x7E) if there is none; it neither begins
// nor ends with a space; and it is a UUID if the format demands one. These are
// tried in this order and the first to fail is returned, wrapping [ErrKey] and
// one of [ErrLength], [ErrCharacter] and [ErrNotUUID]; a format that Validate
// refuses gives that error. No error shows the key or a part of it.
func (f Format) Check(key string) error {
	if err := f.Validate(); err != nil {
		return err
	}
	if n := len(key); n < f.minLength() || n > f.maxLength() {
		return fmt.Errorf("%w: %d bytes, allowed are %d to %d", ErrLength, n, f.minLength(), f.maxLength())
	}
	if err := f.checkCharacters(key); err != nil {
		return err
	}
	if f.UUID && !isUUID(key) {
		return fmt.Errorf("%w: want 32 hexadecimal digits in groups of 8-4-4-4-12", ErrNotUUID)
	}
	return nil
}

func (f Format) checkCharacters(key string) error {
	for i := range len(key) {
		if !f.allows(key[i]) {
			return fmt.Errorf("%w: byte %d is not allowed", ErrCharacter, i)
		}
	}
	// HTTP strips spaces around a field value, so that a key would arrive as
	// another one.
	if key[0] == ' ' || key[len(key)-1] == ' ' {
		return fmt.Errorf("%w: a space at the beginning or end", ErrCharacter)
	}
	return nil
}

func (f Format) allows(c byte) bool {
	if f.Alphabet == "" {
		return c > ' ' && c <= '~'
	}
	return strings.IndexByte(f.Alphabet, c) >= 0
}

func isUUID(key string) bool {
	if len(key) != uuidLength {
		return false
	}
	for i := range len(key) {
		switch i {
		case 8, 13, 18, 23:
			if key[i] != '-' {
				return false
			}
		default:
			if !isHex(key[i]) {
				return false
			}
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
