// Package watch tells those who wait for something that it has changed.
package watch

import "sync"

// Sum says what is waited for.
type Sum = [16]byte

// Set is the watchers of a store. The zero value is ready, and it is safe for
// concurrent use. Neither of its methods ever waits for a watcher.
type Set struct {
	mu sync.Mutex
	of map[Sum]map[chan struct{}]struct{}
}

// Watch returns a channel that gets a value after each Tell of sum, until stop
// is called. Values that nobody has received yet become one, so none is lost
// that comes after a receiver began to look. Stop may be called again.
func (s *Set) Watch(sum Sum) (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[Sum]map[chan struct{}]struct{})
	}
	if s.of[sum] == nil {
		s.of[sum] = make(map[chan struct{}]struct{})
	}
	s.of[sum][c] = struct{}{}
	return c, func() { s.remove(sum, c) }
}

func (s *Set) remove(sum Sum, c chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of[sum], c)
	if len(s.of[sum]) == 0 {
		delete(s.of, sum)
	}
}

// Tell wakes all who watch sum.
func (s *Set) Tell(sum Sum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.of[sum] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Len returns how many sums are watched.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of)
}
