package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"
)

// Due returns what a runner has to do, the longest due first.
func (m *Memory) Due(ctx context.Context, filter DueFilter) ([]DueItem, error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	var items []DueItem
	err := m.step(ctx, func(*memoryTx) error {
		now := m.clock.Now()
		for _, r := range m.records {
			due := r.Due()
			if due.IsZero() || due.After(now) || !filter.matches(r) {
				continue
			}
			items = append(items, DueItem{Name: r.Name, Fence: r.Fence, State: r.State, Since: due, Passes: r.Passes})
		}
		return nil
	})
	slices.SortFunc(items, func(a, b DueItem) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Fence, b.Fence))
	})
	return items[:min(len(items), filter.Limit)], err
}

func (f *DueFilter) matches(r *Record) bool {
	return r.Owner == f.Owner && slices.Contains(f.Kinds, r.Kind) != f.Others
}

// List returns records in the order of their lookup sums, without requests,
// results and trails.
func (m *Memory) List(ctx context.Context, filter Filter) ([]Record, error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	var sums [][16]byte
	var found []Record
	err := m.step(ctx, func(*memoryTx) error {
		after := filter.After.Sum()
		for sum, r := range m.records {
			behind := filter.After == Name{} || bytes.Compare(sum[:], after[:]) > 0
			if behind && filter.matches(r) {
				sums = append(sums, sum)
			}
		}
		slices.SortFunc(sums, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
		for _, sum := range sums[:min(len(sums), filter.Limit)] {
			r := *m.records[sum]
			r.Request, r.Result, r.Trail = nil, nil, nil
			found = append(found, r)
		}
		return nil
	})
	return found, err
}

func (f *Filter) matches(r *Record) bool {
	return (f.Scope == "" || f.Scope == r.Scope) && (f.Kind == "" || f.Kind == r.Kind) &&
		(f.State == StateAbsent || f.State == r.State) && (f.Before.IsZero() || r.Updated.Before(f.Before))
}

// Resolve applies a Resolution.
func (m *Memory) Resolve(ctx context.Context, resolution Resolution) (Resolved, error) {
	resolution.Result = bytes.Clone(resolution.Result)
	return m.decide(ctx, resolution.Name, resolution.Apply)
}

// Reopen applies a Reopening.
func (m *Memory) Reopen(ctx context.Context, reopening Reopening) (Resolved, error) {
	return m.decide(ctx, reopening.Name, reopening.Apply)
}

func (m *Memory) decide(ctx context.Context, name Name, apply func(*Record, time.Time) (ResolveStatus, error)) (resolved Resolved, err error) {
	err = m.step(ctx, func(tx *memoryTx) error {
		resolved.Record, err = tx.move(name, func(r *Record, now time.Time) (err error) {
			resolved.Status, err = apply(r, now)
			return err
		})
		return err
	})
	return resolved, err
}

// Notice takes or ends a notice.
func (m *Memory) Notice(ctx context.Context, notice Notice) (taken bool, record Record, err error) {
	if err := notice.Check(); err != nil {
		return false, Record{}, err
	}
	err = m.step(ctx, func(tx *memoryTx) error {
		record, err = tx.move(notice.Name, func(r *Record, now time.Time) error {
			taken = notice.Apply(r, now)
			return nil
		})
		return err
	})
	return taken, record, err
}

// Purge makes tombstones of what is past its time, and removes old ones.
func (m *Memory) Purge(ctx context.Context, limits PurgeLimits) (purged Purged, err error) {
	if err := limits.Check(); err != nil {
		return Purged{}, err
	}
	err = m.step(ctx, func(tx *memoryTx) error {
		now := m.clock.Now()
		for sum := range m.records {
			r := tx.copy(sum)
			switch {
			case purged.Emptied+purged.Forgotten == limits.Limit:
				return nil
			case r.Purge(now):
				tx.keep(sum, r, now)
				purged.Emptied++
			case limits.Forget > 0 && r.Purged && !r.Updated.Add(limits.Forget).After(now):
				delete(m.records, sum)
				purged.Forgotten++
			}
		}
		return nil
	})
	return purged, err
}
