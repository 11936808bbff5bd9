package sqlstore

import (
	"bytes"
	"sync"

	"github.com/retrysafe/retrysafe/store"
)

// grants are records that were claimed through this store, so that a completion
// need not read what it will only write. They may be out of date: what is made
// of one must be written on the condition that its claim still holds, which
// vouches for all of it but the lease.
type grants struct {
	mu sync.Mutex
	of map[[16]byte]store.Record
}

// What is remembered at most.
const (
	maxGrants     = 4096
	maxGrantBytes = 8 << 10 // of one
)

// put remembers a grant, if there is room.
func (g *grants) put(sum [16]byte, r *store.Record) {
	if len(r.Request)+len(r.Result) > maxGrantBytes {
		return
	}
	c := *r
	c.Request, c.Result, c.Trail = bytes.Clone(r.Request), bytes.Clone(r.Result), nil
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = make(map[[16]byte]store.Record)
	}
	if len(g.of) < maxGrants {
		g.of[sum] = c
		return
	}
	for old := range g.of { // some holder that will read, or never came back
		delete(g.of, old)
		g.of[sum] = c
		return
	}
}

// take returns the grant of a token and forgets it.
func (g *grants) take(sum [16]byte, t store.Token) (store.Record, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.of[sum]
	if !ok || r.Nonce != t.Nonce || r.Fence != t.Fence {
		return store.Record{}, false
	}
	delete(g.of, sum)
	return r, true
}
