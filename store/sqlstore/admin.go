package sqlstore

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Due returns what a runner has to do, the longest due first, by a scan of the
// due ones of its owner.
func (s *Store) Due(ctx context.Context, filter store.DueFilter) ([]store.DueItem, error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	if len(filter.Kinds) == 0 && !filter.Others {
		return nil, nil
	}
	query, args := s.dueQuery(&filter)
	var items []store.DueItem
	err := s.scan(ctx, query, args, func(scan func(...any) error) error {
		var item store.DueItem
		var scope, kind, id []byte
		var state, since int64
		err := scan(&scope, &kind, &id, &item.Fence, &state, &since, &item.Passes)
		item.Name = store.Name{Scope: string(scope), Kind: string(kind), ID: string(id)}
		item.State, item.Since = store.State(state), time.UnixMicro(since).UTC()
		items = append(items, item)
		return err
	})
	return answer(items, err)
}

func (s *Store) dueQuery(filter *store.DueFilter) (string, []any) {
	query := "SELECT scope,kind,id,fence,state,due,passes FROM {prefix}operation WHERE owner=? AND due<=?"
	args := []any{[]byte(filter.Owner), s.clock.Now().UnixMicro()}
	if len(filter.Kinds) > 0 {
		not := ""
		if filter.Others {
			not = "NOT "
		}
		query += " AND kind " + not + "IN (" + list(len(filter.Kinds)) + ")"
		for _, kind := range filter.Kinds {
			args = append(args, []byte(kind))
		}
	}
	return query + " ORDER BY due,fence LIMIT ?", append(args, filter.Limit)
}

// List returns records in the order of their lookup sums, without requests,
// results and trails. It reads as many as it must to find those that the filter
// chooses.
func (s *Store) List(ctx context.Context, filter store.Filter) ([]store.Record, error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	query, args := listQuery(&filter)
	var records []store.Record
	err := s.scan(ctx, query, args, func(scan func(...any) error) error {
		var w row
		if err := scan(w.head()...); err != nil {
			return err
		}
		w.small &^= bitRequest | bitResult
		records = append(records, *w.decode())
		return nil
	})
	return answer(records, err)
}

func listQuery(filter *store.Filter) (string, []any) {
	after := filter.After.Sum()
	if filter.After == (store.Name{}) {
		after = [16]byte{}
	}
	where, args := []string{"sum>?"}, []any{after[:]}
	choose := func(condition string, value any) {
		where, args = append(where, condition), append(args, value)
	}
	if filter.Scope != "" {
		choose("scope=?", []byte(filter.Scope))
	}
	if filter.Kind != "" {
		choose("kind=?", []byte(filter.Kind))
	}
	if filter.State != store.StateAbsent {
		choose("state=?", int64(filter.State))
	}
	if !filter.Before.IsZero() {
		choose("updated<?", ceiling(filter.Before))
	}
	return "SELECT " + headColumns + " FROM {prefix}operation WHERE " + strings.Join(where, " AND ") + " ORDER BY sum LIMIT ?", append(args, filter.Limit)
}

// ceiling is the first whole microsecond that is not before t.
func ceiling(t time.Time) int64 {
	n := t.UnixMicro()
	if time.UnixMicro(n).Before(t) {
		n++
	}
	return n
}

// Resolve applies a Resolution.
func (s *Store) Resolve(ctx context.Context, resolution store.Resolution) (store.Resolved, error) {
	resolution.Result = bytes.Clone(resolution.Result)
	return s.decide(ctx, resolution.Name, len(resolution.Result), resolution.Apply)
}

// Reopen applies a Reopening.
func (s *Store) Reopen(ctx context.Context, reopening store.Reopening) (store.Resolved, error) {
	return s.decide(ctx, reopening.Name, 0, reopening.Apply)
}

func (s *Store) decide(ctx context.Context, name store.Name, size int, apply func(*store.Record, time.Time) (store.ResolveStatus, error)) (resolved store.Resolved, err error) {
	err = s.do(ctx, &move{size: size, slow: func(t *tx) (err error) {
		resolved.Record, err = t.move(name, func(r *store.Record, now time.Time) (err error) {
			resolved.Status, err = apply(r, now)
			return err
		})
		return err
	}})
	return answer(resolved, err)
}

// Notice takes or ends a notice.
func (s *Store) Notice(ctx context.Context, notice store.Notice) (taken bool, record store.Record, err error) {
	if err := notice.Check(); err != nil {
		return false, store.Record{}, err
	}
	err = s.do(ctx, &move{slow: func(t *tx) (err error) {
		record, err = t.move(notice.Name, func(r *store.Record, now time.Time) error {
			taken = notice.Apply(r, now)
			return nil
		})
		return err
	}})
	if err != nil {
		return false, store.Record{}, err
	}
	return taken, record, nil
}
