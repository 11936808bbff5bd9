package store

import (
	"bytes"
	"context"
	"time"

	"github.com/retrysafe/retrysafe/internal/tick"
	"github.com/retrysafe/retrysafe/internal/watch"
)

// Memory keeps records in the memory of one process, for tests and for what
// need not outlive it. Make one with NewMemory; the zero value refuses every move
// with ErrClosed. It is the reference for other stores: each of its steps
// is the Apply of a move under one lock. It has all the optional interfaces.
// Due, List and Purge look at every record, which takes some tens of
// milliseconds with 100,000 of them.
type Memory struct {
	clock   *tick.Clock
	turn    chan struct{} // full while somebody makes a step
	records map[[16]byte]*Record
	watched watch.Set
}

var (
	_ Store    = (*Memory)(nil)
	_ Admin    = (*Memory)(nil)
	_ Notifier = (*Memory)(nil)
	_ Batcher  = (*Memory)(nil)
	_ Watcher  = (*Memory)(nil)
	_ Capable  = (*Memory)(nil)
)

// NewMemory returns an empty store. Its time is the machine's, except that it
// never goes back and that every move has an instant of its own.
func NewMemory() *Memory {
	return &Memory{clock: tick.New(), turn: make(chan struct{}, 1), records: make(map[[16]byte]*Record)}
}

// Capabilities says that nothing outlives the process, and that no other
// process finds the same records.
func (m *Memory) Capabilities() Capabilities {
	return Capabilities{Durability: DurableNothing, Clock: ClockHost}
}

// Watch returns a channel that gets a value after every move that changed the
// operation. Renewed leases and taken notices are none.
func (m *Memory) Watch(name Name) (changed <-chan struct{}, stop func()) {
	return m.watched.Watch(name.Sum())
}

// Begin writes down an operation for a runner to do.
func (m *Memory) Begin(ctx context.Context, intent Intent) (begun Begun, err error) {
	err = m.step(ctx, func(tx *memoryTx) error {
		begun, err = tx.begin(intent)
		return err
	})
	return begun, err
}

// Claim asks to hold an operation.
func (m *Memory) Claim(ctx context.Context, claim Claim) (grant Grant, err error) {
	if m == nil || m.turn == nil {
		return Grant{}, ErrClosed
	}
	asked := m.clock.Now()
	err = m.step(ctx, func(tx *memoryTx) error {
		grant, err = tx.claim(claim, asked)
		return err
	})
	return grant, err
}

// Complete says how a claim ended.
func (m *Memory) Complete(ctx context.Context, token Token, completion Completion) (completed Completed, err error) {
	err = m.step(ctx, func(tx *memoryTx) error {
		completed, err = tx.complete(token, completion)
		return err
	})
	return completed, err
}

// Renew renews the leases that the tokens hold.
func (m *Memory) Renew(ctx context.Context, lease time.Duration, tokens []Token) ([]bool, error) {
	if err := CheckRenewal(lease, tokens); err != nil {
		return nil, err
	}
	held := make([]bool, len(tokens))
	err := m.step(ctx, func(tx *memoryTx) error {
		for i, token := range tokens {
			_, _ = tx.move(token.Name, func(r *Record, now time.Time) error {
				held[i] = r.Renew(token, lease, now)
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

// Get reads a record with its trail.
func (m *Memory) Get(ctx context.Context, name Name) (record Record, err error) {
	err = m.step(ctx, func(*memoryTx) error {
		r, ok := m.records[name.Sum()]
		if !ok {
			return ErrNotFound
		}
		record = r.clone()
		return nil
	})
	return record, err
}

// Batch makes all the moves of fn or none. Everybody else waits for fn, so it
// must not call the store itself.
func (m *Memory) Batch(ctx context.Context, fn func(Tx) error) error {
	return m.step(ctx, func(tx *memoryTx) error {
		defer tx.end()
		return fn(tx)
	})
}

// step makes one atomic step, unless ctx ends before its turn comes.
func (m *Memory) step(ctx context.Context, fn func(*memoryTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m == nil || m.turn == nil {
		return ErrClosed
	}
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.turn }()
	tx := &memoryTx{store: m}
	if err := fn(tx); err != nil {
		return err
	}
	tx.commit()
	return nil
}

// clone returns a copy that belongs to whoever receives it.
func (r *Record) clone() Record {
	c := *r
	c.Request, c.Result = bytes.Clone(r.Request), bytes.Clone(r.Result)
	c.Trail = nil
	for _, e := range r.Trail {
		e.Result = bytes.Clone(e.Result)
		c.Trail = append(c.Trail, e)
	}
	return c
}
