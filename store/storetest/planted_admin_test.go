package storetest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

type purgesUnknown struct {
	*store.Memory
	gone sync.Map
}

func (s *purgesUnknown) Purge(ctx context.Context, l store.PurgeLimits) (store.Purged, error) {
	unknown, err := s.List(ctx, store.Filter{State: store.StateUnknown, Limit: 1 << 20})
	for _, r := range unknown {
		s.gone.Store(r.Name, true)
	}
	purged, purgeErr := s.Memory.Purge(ctx, l)
	return purged, errors.Join(err, purgeErr)
}

func (s *purgesUnknown) Get(ctx context.Context, n store.Name) (store.Record, error) {
	if _, gone := s.gone.Load(n); gone {
		return store.Record{}, store.ErrNotFound
	}
	return s.Memory.Get(ctx, n)
}

type purgesAll struct{ *store.Memory }

func (s purgesAll) Purge(ctx context.Context, l store.PurgeLimits) (store.Purged, error) {
	if l.Limit > 0 {
		l.Limit = 1 << 20
	}
	return s.Memory.Purge(ctx, l)
}

type forgetsEarly struct{ *store.Memory }

func (s forgetsEarly) Purge(ctx context.Context, l store.PurgeLimits) (store.Purged, error) {
	if l.Forget > 0 {
		l.Forget = 1
	}
	return s.Memory.Purge(ctx, l)
}

type duesAll struct{ *store.Memory }

func (s duesAll) Due(ctx context.Context, f store.DueFilter) ([]store.DueItem, error) {
	items, err := s.Memory.Due(ctx, f)
	rest := f
	rest.Owner = "b"
	more, moreErr := s.Memory.Due(ctx, rest)
	return append(items, more...), errors.Join(err, moreErr)
}

type duesBackwards struct{ *store.Memory }

func (s duesBackwards) Due(ctx context.Context, f store.DueFilter) ([]store.DueItem, error) {
	items, err := s.Memory.Due(ctx, f)
	slices.Reverse(items)
	return items, err
}

type listsBytes struct{ *store.Memory }

func (s listsBytes) List(ctx context.Context, f store.Filter) ([]store.Record, error) {
	records, err := s.Memory.List(ctx, f)
	for i := range records {
		r, getErr := s.Get(ctx, records[i].Name)
		records[i], err = r, errors.Join(err, getErr)
	}
	return records, err
}

type skipsRecords struct{ *store.Memory }

func (s skipsRecords) List(ctx context.Context, f store.Filter) ([]store.Record, error) {
	records, err := s.Memory.List(ctx, f)
	if f.After != (store.Name{}) && len(records) > 0 {
		records = records[1:]
	}
	return records, err
}

type decidesBlindly struct{ *store.Memory }

func (s decidesBlindly) Resolve(ctx context.Context, d store.Resolution) (store.Resolved, error) {
	if r, err := s.Get(ctx, d.Name); err == nil {
		d.Fence = r.Fence
	}
	return s.Memory.Resolve(ctx, d)
}

type reopensAll struct{ *store.Memory }

func (s reopensAll) Reopen(ctx context.Context, o store.Reopening) (store.Resolved, error) {
	done, err := s.Memory.Reopen(ctx, o)
	if errors.Is(err, store.ErrIllegal) {
		return store.Resolved{Status: store.ResolveDone}, nil
	}
	return done, err
}

type noticesAll struct{ *store.Memory }

func (s noticesAll) Notice(ctx context.Context, n store.Notice) (bool, store.Record, error) {
	ok, r, err := s.Memory.Notice(ctx, n)
	return ok || !r.Notice.IsZero(), r, err
}

type batchesLoosely struct{ *store.Memory }

func (s batchesLoosely) Batch(ctx context.Context, fn func(store.Tx) error) error {
	return fn(s.Memory)
}

type batchesForEver struct{ *store.Memory }

func (s batchesForEver) Batch(ctx context.Context, fn func(store.Tx) error) error {
	return s.Memory.Batch(ctx, func(tx store.Tx) error { return fn(&outlives{tx, s.Memory}) })
}

// outlives goes to the store when its batch has ended.
type outlives struct {
	store.Tx
	after store.Tx
}

func (o *outlives) Begin(ctx context.Context, i store.Intent) (store.Begun, error) {
	b, err := o.Tx.Begin(ctx, i)
	if err != nil {
		return o.after.Begin(ctx, i)
	}
	return b, nil
}

type keepsCompletions struct{ *store.Memory }

func (s keepsCompletions) Batch(ctx context.Context, fn func(store.Tx) error) error {
	noted := &notes{}
	err := s.Memory.Batch(ctx, func(tx store.Tx) error {
		noted.Tx = tx
		return fn(noted)
	})
	if err != nil && ctx.Err() == nil && noted.made {
		_, doneErr := s.Complete(ctx, noted.token, noted.completion)
		err = errors.Join(err, doneErr)
	}
	return err
}

// notes remembers the last completion of a batch.
type notes struct {
	store.Tx
	made       bool
	token      store.Token
	completion store.Completion
}

func (n *notes) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	done, err := n.Tx.Complete(ctx, t, c)
	n.made, n.token, n.completion = err == nil, t, c
	return done, err
}

type tellsNobody struct{ *store.Memory }

func (tellsNobody) Watch(store.Name) (<-chan struct{}, func()) {
	return make(chan struct{}), func() {}
}

type ignoresContext struct{ *store.Memory }

func (s ignoresContext) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	done, err := s.Memory.Complete(context.WithoutCancel(ctx), t, c)
	return done, errors.Join(err, ctx.Err())
}

type zones struct{ *store.Memory }

func (s zones) Get(ctx context.Context, n store.Name) (store.Record, error) {
	r, err := s.Memory.Get(ctx, n)
	r.Created = r.Created.In(time.FixedZone("elsewhere", 3600))
	return r, err
}
