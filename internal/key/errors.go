package key

import (
	"errors"
	"fmt"
)

// ErrFormat is wrapped by every error of [Format.Validate]: the format itself
// is wrong, whatever the key.
var ErrFormat = errors.New("key format")

var (
	// ErrBounds says that the length bounds of a format are negative, above
	// [MaxFormatLength], contradict each other, or leave no room for the UUID
	// that the format demands.
	ErrBounds = fmt.Errorf("%w: length bounds", ErrFormat)
	// ErrAlphabet says that the alphabet of a format holds a character that no
	// key may hold, has fewer than two digits, or lacks a character of the UUID
	// that the format demands.
	ErrAlphabet = fmt.Errorf("%w: alphabet", ErrFormat)
	// ErrWidth says that 128 bits written in the alphabet of a format are longer
	// than its MaxLength.
	ErrWidth = fmt.Errorf("%w: 128 bits do not fit", ErrFormat)
)

// ErrKey is wrapped by every error of [Format.Check] that is about the key and
// not about the format.
var ErrKey = errors.New("key")

var (
	// ErrLength says that a key is shorter or longer than the format allows.
	ErrLength = fmt.Errorf("%w: length", ErrKey)
	// ErrCharacter says that a key holds a character outside the format's
	// alphabet, or begins or ends with a space.
	ErrCharacter = fmt.Errorf("%w: character", ErrKey)
	// ErrNotUUID says that the format demands a UUID and that the key is none.
	ErrNotUUID = fmt.Errorf("%w: not a UUID", ErrKey)
)

// ErrValue says that a business value has no exact text that is the same in
// every language, so that it cannot be part of a fingerprint.
var ErrValue = errors.New("fingerprint: value")
