// Package faultstore is a store that fails on demand: one call of it, before or
// after the move was made, as by a lost connection or a crash. A loop over the
// calls visits every point at which a program's store can fail:
//
//	for n := 1; ; n++ {
//		s, fault := faultstore.New(store.NewMemory(), &faultstore.Options{Call: n})
//		... use s, then look at what became of it ...
//		if !fault.Reached() {
//			break
//		}
//	}
package faultstore

import (
	"context"
	"errors"
	"sync"

	"github.com/retrysafe/retrysafe/store"
)

// ErrFault is the error of a call that fails on demand, unless Options has
// another.
var ErrFault = errors.New("fault on demand")

// Method is a method of a store that can fail.
type Method string

// The methods that can fail. Watch and Capabilities cannot.
const (
	AnyMethod Method = ""
	Begin     Method = "Begin"
	Claim     Method = "Claim"
	Complete  Method = "Complete"
	Renew     Method = "Renew"
	Get       Method = "Get"
	Due       Method = "Due"
	List      Method = "List"
	Resolve   Method = "Resolve"
	Reopen    Method = "Reopen"
	Purge     Method = "Purge"
	Notice    Method = "Notice"
	Batch     Method = "Batch"
)

// Options say which call fails, and how. The zero value is a store that only
// counts.
type Options struct {
	// Call says which call of Method fails, counted from 1. Zero: none. Moves of
	// a batch are calls too.
	Call int
	// Method is what is counted. Empty: all.
	Method Method
	// After makes the move first, so that only its answer is lost.
	After bool
	// Err is what the call returns. Nil: ErrFault.
	Err error
	// Block makes the call return only when its context ends, with the context's
	// error. A context that never ends does not block.
	Block bool
	// Crash makes all later calls fail with Err, before they change anything, as
	// if the process had died.
	Crash bool
}

// Fault watches the calls of a store. It is safe for concurrent use.
type Fault struct {
	options Options

	mu      sync.Mutex
	calls   map[Method]int
	reached bool
}

// New returns inner with a fault. The store has those optional interfaces that
// inner has, and always Capable, which says what inner says. It is as safe for
// concurrent use as inner. Nil options are zero ones.
func New(inner store.Store, opts *Options) (store.Store, *Fault) {
	f := &Fault{calls: make(map[Method]int)}
	if opts != nil {
		f.options = *opts
	}
	return forward(inner, f), f
}

// Reached reports whether the call that should fail has been made.
func (f *Fault) Reached() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reached
}

// Calls returns how many calls of a method were made, or for AnyMethod of all.
func (f *Fault) Calls(method Method) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

// count counts a call, and returns whether it is the one that fails, and
// whether it comes after a crash.
func (f *Fault) count(method Method) (fails, dead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dead = f.reached && f.options.Crash
	f.calls[method]++
	f.calls[AnyMethod]++
	counted := f.options.Method == AnyMethod || f.options.Method == method
	fails = counted && !f.reached && f.calls[f.options.Method] == f.options.Call
	f.reached = f.reached || fails
	return fails, dead
}

// fail returns the error of the call that fails, when it is time.
func (f *Fault) fail(ctx context.Context) error {
	if f.options.Block && ctx.Done() != nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.err()
}

func (f *Fault) err() error {
	if f.options.Err != nil {
		return f.options.Err
	}
	return ErrFault
}

// call makes a move, unless it is the one that fails.
func call[V any](ctx context.Context, f *Fault, method Method, move func() (V, error)) (V, error) {
	var none V
	fails, dead := f.count(method)
	switch {
	case dead:
		return none, f.err()
	case !fails:
		return move()
	case f.options.After:
		_, _ = move() // its answer is what is lost
	}
	return none, f.fail(ctx)
}
