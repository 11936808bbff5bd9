// Package errtree walks the tree that errors form by wrapping each other.
package errtree

import "reflect"

// Walk calls visit with err and all that it wraps, depth first. It does not go
// below an error for which visit returns false. Nil errors and typed nil
// pointers, whose methods must not be called, are left out.
func Walk(err error, visit func(error) (below bool)) {
	if err == nil || isNil(err) || !visit(err) {
		return
	}
	switch wrapped := err.(type) {
	case interface{ Unwrap() error }:
		Walk(wrapped.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, each := range wrapped.Unwrap() {
			Walk(each, visit)
		}
	}
}

func isNil(err error) bool {
	v := reflect.ValueOf(err)
	return v.Kind() == reflect.Pointer && v.IsNil()
}
