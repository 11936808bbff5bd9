package retrysafe

import (
	"context"
	"io"
	"sync"
)

// stream is a body that is read by whoever was given it. It holds what has to be
// let go of when that is over.
type stream struct {
	io.Reader
	from io.Closer

	mu    sync.Mutex
	over  bool
	after []context.CancelCauseFunc
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil {
		s.release()
	}
	return n, err
}

func (s *stream) Close() error {
	err := s.from.Close()
	s.release()
	return err
}

func (s *stream) release() {
	s.mu.Lock()
	after := s.after
	s.after, s.over = nil, true
	s.mu.Unlock()
	for _, f := range after {
		f(nil)
	}
}

// add has f called when the stream is over.
func (s *stream) add(f context.CancelCauseFunc) {
	s.mu.Lock()
	over := s.over
	if !over {
		s.after = append(s.after, f)
	}
	s.mu.Unlock()
	if over {
		f(nil)
	}
}

// after lets go of something, at once or when the body that is handed on is over.
func (r *run) after(f context.CancelCauseFunc) {
	if r.stream == nil {
		f(nil)
		return
	}
	r.stream.add(f)
}

// drop closes a body that is not handed on after all.
func (r *run) drop() {
	if r.stream != nil {
		r.stream.Close()
		r.stream = nil
	}
}
