package pointer

import "errors"

var (
	// ErrSyntax says that a text is no JSON pointer, or one that is too long,
	// or that a Pointer is the zero value.
	ErrSyntax = errors.New("pointer: not a JSON pointer of at most 32 segments and 1024 bytes that starts with /")
	// ErrWildcard says that Insert or Cut was given a pointer with a segment *.
	ErrWildcard = errors.New("pointer: a wildcard names no single place")
	// ErrJSON says that the body is not one JSON value.
	ErrJSON = errors.New("pointer: the body is not JSON")
	// ErrValue says that the value to insert is not UTF-8, so that JSON cannot
	// carry it as it is.
	ErrValue = errors.New("pointer: the value is not UTF-8")
	// ErrPresent says that Insert found a member of that name.
	ErrPresent = errors.New("pointer: the member is there already")
	// ErrNoParent says that there is no object for the member to be in.
	ErrNoParent = errors.New("pointer: no object is there to hold the member")
	// ErrAmbiguous says that several objects answer to the parent's pointer,
	// because a member on the way is there twice.
	ErrAmbiguous = errors.New("pointer: several objects could hold the member")
)
