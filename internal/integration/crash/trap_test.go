//go:build unix

package crash_test

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// aim says where a process meets its end, and how.
type aim struct {
	Point  string // empty: any
	Nth    int    // of the passes of that point, from 1; 0: never
	Signal syscall.Signal
	Trace  bool // every pass is reported
}

// trap counts the points that a process passes, and at the chosen one sends a
// signal to itself. What was reported before has been written by then.
type trap struct {
	aim
	report func(event)

	mu     sync.Mutex
	armed  bool
	passes int
	move   string // in the store, that is under way
}

func (t *trap) arm() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = true
}

func (t *trap) pass(point string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.armed {
		return
	}
	if t.Trace {
		t.report(event{Passed: point})
	}
	if t.Point != "" && t.Point != point {
		return
	}
	if t.passes++; t.passes != t.Nth {
		return
	}
	t.report(event{Reached: point})
	syscall.Kill(os.Getpid(), t.Signal)
	if t.Signal == syscall.SIGKILL {
		select {} // This thread may live for a moment longer.
	}
	time.Sleep(50 * time.Millisecond) // It may run for a moment before it is stopped.
}

// around passes the points before and after something.
func (t *trap) around(what string) (after func()) {
	t.pass("before " + what)
	return func() { t.pass("after " + what) }
}

// moving is around a move in the store, whose name the commit within it bears.
func (t *trap) moving(move string) (after func()) {
	end := t.around(move)
	outer := t.name(move)
	return func() {
		t.name(outer)
		end()
	}
}

func (t *trap) name(move string) (before string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, t.move = t.move, move
	return before
}

// committing is around a commit. What is no move of the store's is left alone.
func (t *trap) committing() (after func()) {
	t.mu.Lock()
	move := t.move
	t.mu.Unlock()
	if move == "" {
		return func() {}
	}
	return t.around("commit of " + move)
}
