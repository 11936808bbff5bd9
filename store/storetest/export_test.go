package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/retrysafe/retrysafe/store"
)

// FirstFailure runs the suite in virtual time, the random moves first because
// they find most, and returns the name of the first test that fails and what it
// says: "" if none does.
func FirstFailure(t *testing.T, open func() store.Store) (name, said string) {
	for _, test := range slices.Backward(suite()) {
		r := &recorder{}
		synctest.Test(t, func(t *testing.T) {
			r.TB = t
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer r.recovered()
				test.run(newScene(r, virtual(open())))
			}()
			<-done
		})
		if said, ok := r.said.Load().(string); ok {
			return test.name, said
		}
	}
	return "", ""
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	said atomic.Value
}

func (r *recorder) say(text string) { r.said.CompareAndSwap(nil, text) }

func (r *recorder) recovered() {
	if p := recover(); p != nil {
		r.say(fmt.Sprint("panic: ", p))
	}
}

func (r *recorder) Failed() bool                    { return r.said.Load() != nil }
func (r *recorder) Error(args ...any)               { r.say(fmt.Sprint(args...)) }
func (r *recorder) Errorf(text string, args ...any) { r.say(fmt.Sprintf(text, args...)) }
func (r *recorder) Log(...any)                      {}
func (r *recorder) Logf(string, ...any)             {}
func (r *recorder) Fail()                           { r.say("failed") }
func (r *recorder) FailNow()                        { r.Fail(); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)               { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(text string, args ...any) {
	r.Errorf(text, args...)
	runtime.Goexit()
}
