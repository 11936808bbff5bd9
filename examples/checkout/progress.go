package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// progress is a line that counts orders. It shows nothing if out is nil.
type progress struct {
	out   io.Writer
	name  string
	total int

	mu   sync.Mutex
	done int
}

func newProgress(out io.Writer, name string, total int) *progress {
	return &progress{out: out, name: name, total: total}
}

func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.out != nil {
		fmt.Fprintf(p.out, "\r%s: %d of %d orders", p.name, p.done, p.total)
	}
}

// end clears the line.
func (p *progress) end() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

// terminal returns the file if somebody looks at it, else nil.
func terminal(f *os.File) io.Writer {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
