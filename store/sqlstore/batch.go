package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/retrysafe/retrysafe/store"
)

// Batch makes all the moves of fn or none, in one commit of their own. Every
// other writer of the database waits for fn, so it must not call the store
// itself.
func (s *Store) Batch(ctx context.Context, fn func(store.Tx) error) error {
	var said error
	err := s.do(ctx, &move{alone: true, slow: func(t *tx) error {
		b := &batchTx{tx: t}
		defer b.end()
		if said = fn(b); said != nil {
			return errUndone
		}
		return b.broken
	}})
	if said != nil {
		return said
	}
	return err
}

// errUndone rolls a batch back because fn says so.
var errUndone = errors.New("batch is not to be made")

// batchTx is what a Batch's fn gets.
type batchTx struct {
	mu     sync.Mutex // fn may hand it to others
	tx     *tx
	ended  bool
	broken error // of the database: some move may have been made in part
}

func (b *batchTx) Begin(ctx context.Context, intent store.Intent) (begun store.Begun, err error) {
	err = b.during(ctx, func(t *tx) error {
		begun, err = t.begin(intent)
		return err
	})
	return answer(begun, err)
}

func (b *batchTx) Claim(ctx context.Context, claim store.Claim) (grant store.Grant, err error) {
	err = b.during(ctx, func(t *tx) error {
		grant, err = t.claim(&claim)
		return err
	})
	return answer(grant, err)
}

func (b *batchTx) Complete(ctx context.Context, token store.Token, completion store.Completion) (completed store.Completed, err error) {
	err = b.during(ctx, func(t *tx) error {
		completed, err = t.finish(token, completion)
		return err
	})
	return answer(completed, err)
}

func (b *batchTx) during(ctx context.Context, move func(*tx) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
		return fmt.Errorf("%w: a move of a batch that has ended", store.ErrInvalid)
	case b.broken != nil:
		return b.broken
	case ctx.Err() != nil:
		return ctx.Err()
	}
	err := move(b.tx)
	if err != nil && !says(err) {
		b.broken = err
	}
	return err
}

func (b *batchTx) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}
