package retrysafe

import (
	"container/list"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// line is where the operations of one host wait for their turn: in the order of
// coming, on one timer, and with no goroutine but their own.
type line struct {
	mu     sync.Mutex
	bucket bucket
	queue  list.List   // of *waiter
	timer  *time.Timer // nil: nobody has waited since the line was empty
}

// waiter is one operation in line. Its fields are the line's; turn is closed
// when they are set.
type waiter struct {
	turn   chan struct{}
	permit permit
	in     *list.Element // nil: its turn has come
}

func newLine(capacity, perAnswer int) *line {
	return &line{bucket: bucket{capacity: capacity, perAnswer: perAnswer}}
}

func (l *line) tokens() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.capacity - l.bucket.spent
}

func (l *line) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.Len()
}

// opens is the earliest time at which somebody who comes now may have a turn.
func (l *line) opens() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.opens()
}

// fails reports whether so much has failed that there is no token left, or the
// host has asked for more time than that.
func (l *line) fails(longest time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.empty() || time.Until(l.bucket.held) > longest
}

// enter lets a delivery begin, or puts it in line.
func (l *line) enter(now time.Time) (permit, *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queue.Len() == 0 {
		l.bucket.ease(now)
		if p, ok := l.bucket.admit(now); ok {
			return p, nil
		}
	}
	w := &waiter{turn: make(chan struct{})}
	w.in = l.queue.PushBack(w)
	l.advance(now)
	return permit{}, w
}

// await waits for a turn until ctx ends or a time has come (zero: no such time).
// False: it has left the line.
func (l *line) await(ctx context.Context, w *waiter, until time.Time) (permit, bool) {
	var over <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-w.turn:
		return w.permit, true
	case <-ctx.Done():
	case <-over:
	}
	l.quit(w)
	return permit{}, false
}

// quit takes a waiter out of the line. If its turn has come meanwhile it is
// given back, as if nothing had been sent.
func (l *line) quit(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if w.in == nil {
		l.bucket.heard(w.permit, notTried, now, 0)
	} else {
		l.queue.Remove(w.in)
	}
	l.advance(now)
}

// leave takes in what came of a delivery; the host is not to be asked before a
// time, if one is given.
func (l *line) leave(p permit, what health, hold time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.bucket.heard(p, what, now, rand.Float64())
	if hold.After(now) {
		l.bucket.hold(hold, now)
	}
	l.advance(now)
}

// advance lets go whoever may, and sets the timer for the next one.
func (l *line) advance(now time.Time) {
	for l.queue.Len() > 0 {
		p, ok := l.bucket.admit(now)
		if !ok {
			break
		}
		w := l.queue.Remove(l.queue.Front()).(*waiter)
		w.permit, w.in = p, nil
		close(w.turn)
	}
	if l.queue.Len() == 0 {
		l.rest()
		return
	}
	l.wakeAt(l.bucket.wakes(now), now)
}

// rest lets go of the timer. It is not kept for those who come next: in a bubble
// of testing/synctest it is the bubble's, and no other test may touch it.
func (l *line) rest() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

func (l *line) wakeAt(at, now time.Time) {
	wait := at.Sub(now)
	if at.Equal(l.bucket.held) {
		// Many clients may have been given the same time.
		wait = saturatingAdd(wait, rand.N(min(wait/10, time.Second)+1))
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.wake)
		return
	}
	l.timer.Reset(wait)
}

func (l *line) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance(time.Now())
}
