package store

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// memoryTx is the moves of one step: what they changed is not the store's
// before commit.
type memoryTx struct {
	store   *Memory
	mu      sync.Mutex // a Batch's fn may hand its Tx to others
	ended   bool
	changed map[[16]byte]*Record
	moved   map[[16]byte]bool // not only renewed: those who watch are told
}

// Begin writes down an operation for a runner to do.
func (tx *memoryTx) Begin(ctx context.Context, intent Intent) (begun Begun, err error) {
	err = tx.during(ctx, func() error {
		begun, err = tx.begin(intent)
		return err
	})
	return begun, err
}

// Claim asks to hold an operation.
func (tx *memoryTx) Claim(ctx context.Context, claim Claim) (grant Grant, err error) {
	err = tx.during(ctx, func() error {
		grant, err = tx.claim(claim, time.Time{})
		return err
	})
	return grant, err
}

// Complete says how a claim ended.
func (tx *memoryTx) Complete(ctx context.Context, token Token, completion Completion) (completed Completed, err error) {
	err = tx.during(ctx, func() error {
		completed, err = tx.complete(token, completion)
		return err
	})
	return completed, err
}

func (tx *memoryTx) during(ctx context.Context, move func() error) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.ended {
		return invalid("a move of a batch that has ended")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return move()
}

func (tx *memoryTx) end() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.ended = true
}

func (tx *memoryTx) begin(intent Intent) (begun Begun, err error) {
	intent.Request = bytes.Clone(intent.Request)
	begun.Record, err = tx.move(intent.Name, func(r *Record, now time.Time) (err error) {
		begun.Status, err = intent.Apply(r, now)
		return err
	})
	return begun, err
}

// claim adds to the claim's age the time since the store was asked, if that is
// known: it has waited for its turn.
func (tx *memoryTx) claim(claim Claim, asked time.Time) (grant Grant, err error) {
	claim.Request = bytes.Clone(claim.Request)
	record, err := tx.move(claim.Name, func(r *Record, now time.Time) (err error) {
		if !asked.IsZero() && claim.Age >= 0 {
			claim.Age += now.Sub(asked)
		}
		grant, err = claim.Apply(r, now)
		return err
	})
	grant.Record, grant.Record.Trail = record, nil
	return grant, err
}

func (tx *memoryTx) complete(token Token, completion Completion) (completed Completed, err error) {
	completion.Result = bytes.Clone(completion.Result)
	completed.Record, err = tx.move(token.Name, func(r *Record, now time.Time) (err error) {
		completed.Status, err = completion.Apply(r, token, now)
		return err
	})
	return completed, err
}

// move makes one move on a record without its trail, and returns the record
// with what the move added to it.
func (tx *memoryTx) move(name Name, apply func(r *Record, now time.Time) error) (Record, error) {
	sum := name.Sum()
	r, now := tx.copy(sum), tx.store.clock.Now()
	trail := r.Trail
	r.Trail = nil
	if err := apply(&r, now); err != nil {
		return Record{}, err
	}
	answer := r.clone()
	r.Trail = extend(trail, r.Trail)
	tx.keep(sum, r, now)
	return answer, nil
}

// copy returns a copy of a record as this step has left it.
func (tx *memoryTx) copy(sum [16]byte) Record {
	if r, ok := tx.changed[sum]; ok {
		return *r
	}
	if r, ok := tx.store.records[sum]; ok {
		return *r
	}
	return Record{}
}

func (tx *memoryTx) keep(sum [16]byte, r Record, now time.Time) {
	if r.State == StateAbsent {
		return
	}
	if tx.changed == nil {
		tx.changed, tx.moved = make(map[[16]byte]*Record), make(map[[16]byte]bool)
	}
	tx.changed[sum] = &r
	tx.moved[sum] = tx.moved[sum] || r.Updated.Equal(now)
}

func (tx *memoryTx) commit() {
	for sum, r := range tx.changed {
		tx.store.records[sum] = r
		if tx.moved[sum] {
			tx.store.watched.Tell(sum)
		}
	}
}

// extend appends to a trail what a move added, except what the protocol has
// noted before and what is beyond MaxTrail. The old trail stays as it is.
func extend(trail, added []Entry) []Entry {
	trail = trail[:len(trail):len(trail)]
	for _, e := range added {
		if e.Actor != "" || !noted(trail, e) {
			trail = append(trail, e)
		}
	}
	return trail
}

// noted reports whether an entry that the protocol adds is one of the trail's
// already, or one too many.
func noted(trail []Entry, e Entry) bool {
	count := 0
	for _, old := range trail {
		if old.Actor != "" {
			continue
		}
		if count++; count == MaxTrail {
			return true
		}
		if old.repeats(e) {
			return true
		}
	}
	return false
}

// repeats reports whether two entries tell the same.
func (e Entry) repeats(o Entry) bool {
	return e.Fence == o.Fence && e.Generation == o.Generation && e.Event == o.Event && e.State == o.State &&
		e.Reason == o.Reason && e.Evidence == o.Evidence && bytes.Equal(e.Result, o.Result)
}
