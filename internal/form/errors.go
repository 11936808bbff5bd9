package form

import (
	"errors"
	"fmt"
	"reflect"
)

// Causes of an [Error]. None of them is fixed by trying again.
var (
	// ErrType says that the Go type has no form: a channel, a function, a
	// complex number, an interface with methods, or, outermost, anything but a
	// struct or a map.
	ErrType = errors.New("type has no form")
	// ErrTarget says that Unmarshal was not given a pointer that it can fill.
	ErrTarget = errors.New("target is not a non-nil pointer to a struct, a map or an empty interface")
	// ErrValue says that a value does not fit its type: a word where a number
	// belongs, a single value where a struct belongs, NaN.
	ErrValue = errors.New("value does not fit the type")
	// ErrText says that the type's own MarshalText or UnmarshalText refused.
	// What it said is in the error's tree, but not in its text, because it may
	// quote the value.
	ErrText = errors.New("the type's own text method refused")
	// ErrDepth says that values nest deeper than 32 names, as one that contains
	// itself does.
	ErrDepth = errors.New("nested deeper than 32 names")
	// ErrTwice says that two fields of a struct or two keys of a map have one
	// name, or that a single value was given twice.
	ErrTwice = errors.New("name is there twice")
	// ErrName says that a map key is empty, which would read as an append.
	ErrName = errors.New("map key is empty")
	// ErrElement says that an element of a list has nothing to send, so that
	// the list would have a hole.
	ErrElement = errors.New("element of a list is empty")
	// ErrIndex says that a list which was read has holes, has more elements than
	// the array it is for, or is given in two ways at once.
	ErrIndex = errors.New("list does not fit, or is not given as [0], [1], … without a gap or as []")
	// ErrSize says that there are more than 10,000 pairs.
	ErrSize = errors.New("more than 10,000 pairs")
	// ErrSyntax says that a percent escape is broken.
	ErrSyntax = errors.New("broken percent escape")
)

// maxPath bounds what an error tells of a name that a stranger chose.
const maxPath = 200

// Error is what Marshal and Unmarshal return. Its text names field and type and
// never a value.
type Error struct {
	// Field is the name as it is on the wire, unescaped (items[0][price]);
	// empty if the whole is meant.
	Field string
	// Type is the Go type at Field; nil if there is none.
	Type reflect.Type
	// Err is one of the causes above, or wraps one.
	Err error
}

// Error names the field, the Go type and the cause.
func (e *Error) Error() string {
	text := "form: "
	if e.Field != "" {
		text += fmt.Sprintf("field %.*q: ", maxPath, e.Field)
	}
	if e.Type != nil {
		text += "Go type " + e.Type.String() + ": "
	}
	return text + e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// textError carries what a MarshalText or UnmarshalText said without showing it.
type textError struct{ cause error }

func (e textError) Error() string   { return ErrText.Error() }
func (e textError) Unwrap() []error { return []error{ErrText, e.cause} }
