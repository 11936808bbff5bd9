package store

import (
	"errors"
	"fmt"
)

// What a store's methods return, wrapped, beside errors of the database or the
// network, of which nothing is known but that the move may or may not have been
// made.
var (
	// ErrInvalid: a move that says something that cannot be. Nothing changed.
	ErrInvalid = errors.New("invalid move")
	// ErrIllegal: a move that the operation's state does not allow. Nothing
	// changed.
	ErrIllegal = errors.New("illegal move")
	// ErrNotFound: there is no such operation.
	ErrNotFound = errors.New("no such operation")
	// ErrCommitUnknown: the commit's answer was lost, and reading did not tell
	// whether the move was made. Begins, claims and completions may be repeated as
	// they are.
	ErrCommitUnknown = errors.New("not known whether the move was made")
	// ErrClosed: the store was closed, or never made. Nothing changed.
	ErrClosed = errors.New("store is closed")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

func illegal(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrIllegal}, args...)...)
}
