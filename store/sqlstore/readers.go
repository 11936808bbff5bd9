package sqlstore

import (
	"context"
	"database/sql"
	"runtime"
	"sync"
)

// reader is a connection that reads.
type reader struct {
	conn *sql.Conn
	one  *sql.Stmt
}

func (r *reader) close() {
	r.one.Close()
	r.conn.Close()
}

// readers are the connections that read, some of the pool's: a pool by itself
// opens and closes them all the time when many callers come at once. Their
// statements are not cut short by a caller's context: they are short, and
// watching a context costs as much as a read.
type readers struct {
	db   *sql.DB
	turn chan struct{} // as many as there may be

	mu     sync.Mutex
	idle   []*reader
	closed bool
}

// maxReaders is what several processors can use.
const maxReaders = 8

func newReaders(db *sql.DB) *readers {
	n := min(runtime.GOMAXPROCS(0), maxReaders)
	if limit := db.Stats().MaxOpenConnections; limit > 0 {
		n = min(n, max(1, (limit-1)/2))
	}
	return &readers{db: db, turn: make(chan struct{}, n)}
}

// with calls fn with a reader of its own.
func (p *readers) with(ctx context.Context, one string, fn func(*reader) error) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	r, err := p.get(ctx, one)
	if err != nil {
		return err
	}
	err = fn(r)
	p.put(r, err)
	return err
}

func (p *readers) get(ctx context.Context, one string) (*reader, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		r := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return r, nil
	}
	p.mu.Unlock()
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	stmt, err := conn.PrepareContext(ctx, one)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &reader{conn: conn, one: stmt}, nil
}

// put keeps a reader for the next caller, unless it may be broken.
func (p *readers) put(r *reader, err error) {
	p.mu.Lock()
	keep := !p.closed && (err == nil || says(err))
	if keep {
		p.idle = append(p.idle, r)
	}
	p.mu.Unlock()
	if !keep {
		r.close()
	}
}

func (p *readers) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, r := range idle {
		r.close()
	}
}
