package sqlstore

import (
	"context"
	"slices"
	"sync"

	"github.com/retrysafe/retrysafe/store"
)

// What one commit holds at most.
const (
	maxMoves = 128
	maxBytes = 4 << 20
)

// move is one caller's wish to change something.
type move struct {
	// fast makes the move by one conditional statement, and reports whether its
	// condition held. nil: there is none.
	fast func(*tx) (bool, error)
	// slow makes the move whatever stands in the database.
	slow func(*tx) error
	// alone: it is not mixed with others, and run once.
	alone bool
	// lazy: its commit need not wait for the disk.
	lazy bool
	size int // about how many bytes it writes

	err   error
	begun bool
	lead  chan struct{} // it is this move's caller who commits next
	done  chan struct{}
}

// queue orders the moves and says whose caller commits: the first one's, with
// as many of the others as fit. Who comes while a commit runs waits for the
// next one, so that commits become larger as they become slower, without a
// timer and without a goroutine.
type queue struct {
	room chan struct{} // full when nobody may queue

	mu      sync.Mutex
	waiting []*move
	leading bool // somebody commits
	closed  bool
	idle    chan struct{} // closed when nobody commits any more after closed
}

func (q *queue) init(size int) {
	q.room, q.idle = make(chan struct{}, size), make(chan struct{})
}

// join queues a move. The caller must then call wait.
func (q *queue) join(ctx context.Context, m *move) error {
	m.lead, m.done = make(chan struct{}), make(chan struct{})
	select {
	case q.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		<-q.room
		return store.ErrClosed
	}
	q.waiting = append(q.waiting, m)
	q.pass()
	return nil
}

// pass lets the first in the queue lead, if nobody does. It is called with the
// lock held.
func (q *queue) pass() {
	switch {
	case q.leading:
	case len(q.waiting) > 0:
		q.leading = true
		close(q.waiting[0].lead)
	case q.closed:
		close(q.idle)
	}
}

// wait returns when the move is done, or is its caller's to lead, or when ctx
// ends before the move was begun: then it never will be.
func (q *queue) wait(ctx context.Context, m *move) (lead bool, err error) {
	select {
	case <-m.done:
		return false, m.err
	case <-m.lead:
		return true, nil
	case <-ctx.Done():
	}
	if q.leave(m) {
		return false, ctx.Err()
	}
	<-m.done
	return false, m.err
}

// leave takes a move that was not begun out of the queue.
func (q *queue) leave(m *move) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m.begun {
		return false
	}
	if i := slices.Index(q.waiting, m); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		<-q.room
	}
	select {
	case <-m.lead: // it was its turn
		q.leading = false
	default:
	}
	q.pass()
	return true
}

// lazy reports whether everything in the queue is.
func (q *queue) lazy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.waiting {
		if !m.lazy {
			return false
		}
	}
	return true
}

// take begins the first move and as many behind it as fit into its commit, of
// those that may be in it.
func (q *queue) take(lazy bool) []*move {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for _, m := range q.waiting {
		size += m.size
		if n > 0 && (m.alone || q.waiting[0].alone || n == maxMoves || size > maxBytes) || lazy && !m.lazy {
			break
		}
		m.begun = true
		n++
	}
	batch := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return batch
}

// finish answers the moves of a commit, and lets the next one lead.
func (q *queue) finish(batch []*move) {
	for _, m := range batch {
		close(m.done)
		<-q.room
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leading = false
	q.pass()
}

// close refuses all who come from now on, and waits for those in the queue. It reports false if the queue was closed before.
func (q *queue) close() bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.closed = true
	q.pass()
	q.mu.Unlock()
	<-q.idle
	return true
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
