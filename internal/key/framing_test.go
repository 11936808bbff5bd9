package key_test

import (
	"encoding/binary"
	"testing"
)

// reader reads framings back. That it can shows that different things have
// different framings, because one framing reads as one thing only.
type reader struct {
	t    *testing.T
	rest []byte
}

func (r *reader) count() int {
	r.t.Helper()
	if len(r.rest) < 8 {
		r.t.Fatalf("a length is cut: %x", r.rest)
	}
	n := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return int(n)
}

func (r *reader) part() string {
	r.t.Helper()
	n := r.count()
	if n < 0 || n > len(r.rest) {
		r.t.Fatalf("a part of %d bytes is cut: %x", n, r.rest)
	}
	part := string(r.rest[:n])
	r.rest = r.rest[n:]
	return part
}

func (r *reader) expect(part string) {
	r.t.Helper()
	if got := r.part(); got != part {
		r.t.Fatalf("%q, want %q", got, part)
	}
}

func (r *reader) end() {
	r.t.Helper()
	if len(r.rest) > 0 {
		r.t.Fatalf("more than a framing: %x", r.rest)
	}
}
