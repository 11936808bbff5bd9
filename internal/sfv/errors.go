package sfv

import "errors"

var (
	// ErrCharacter says that a value holds a byte outside 0x20 to 0x7E, which a
	// String cannot carry.
	ErrCharacter = errors.New("structured field: byte outside printable ASCII")
	// ErrNotString says that a field does not begin with a double quote: it is
	// empty, or an item of another type, such as a key that was sent bare.
	ErrNotString = errors.New("structured field: not a String")
	// ErrSyntax says that a field begins as a String and is not a valid Item.
	ErrSyntax = errors.New("structured field: invalid syntax")
)
