package faultstore

import (
	"context"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// forward returns inner with a fault, and with the optional interfaces that it
// has: whoever asks for one must not find what inner cannot do.
func forward(inner store.Store, f *Fault) store.Store {
	s := base{moves{inner, f}, inner}
	inAdmin, hasAdmin := inner.(store.Admin)
	inNotifier, hasNotifier := inner.(store.Notifier)
	inBatcher, hasBatcher := inner.(store.Batcher)
	w, hasWatcher := inner.(store.Watcher)
	a, n, b := admin{inAdmin, f}, notifier{inNotifier, f}, batcher{inBatcher, f}

	switch [4]bool{hasAdmin, hasNotifier, hasBatcher, hasWatcher} {
	case [4]bool{true, true, true, true}:
		return struct {
			base
			admin
			notifier
			batcher
			store.Watcher
		}{s, a, n, b, w}
	case [4]bool{true, true, true, false}:
		return struct {
			base
			admin
			notifier
			batcher
		}{s, a, n, b}
	case [4]bool{true, true, false, true}:
		return struct {
			base
			admin
			notifier
			store.Watcher
		}{s, a, n, w}
	case [4]bool{true, true, false, false}:
		return struct {
			base
			admin
			notifier
		}{s, a, n}
	case [4]bool{true, false, true, true}:
		return struct {
			base
			admin
			batcher
			store.Watcher
		}{s, a, b, w}
	case [4]bool{true, false, true, false}:
		return struct {
			base
			admin
			batcher
		}{s, a, b}
	case [4]bool{true, false, false, true}:
		return struct {
			base
			admin
			store.Watcher
		}{s, a, w}
	case [4]bool{true, false, false, false}:
		return struct {
			base
			admin
		}{s, a}
	case [4]bool{false, true, true, true}:
		return struct {
			base
			notifier
			batcher
			store.Watcher
		}{s, n, b, w}
	case [4]bool{false, true, true, false}:
		return struct {
			base
			notifier
			batcher
		}{s, n, b}
	case [4]bool{false, true, false, true}:
		return struct {
			base
			notifier
			store.Watcher
		}{s, n, w}
	case [4]bool{false, true, false, false}:
		return struct {
			base
			notifier
		}{s, n}
	case [4]bool{false, false, true, true}:
		return struct {
			base
			batcher
			store.Watcher
		}{s, b, w}
	case [4]bool{false, false, true, false}:
		return struct {
			base
			batcher
		}{s, b}
	case [4]bool{false, false, false, true}:
		return struct {
			base
			store.Watcher
		}{s, w}
	}
	return s
}

// moves are a store's or a batch's.
type moves struct {
	tx    store.Tx
	fault *Fault
}

func (m moves) Begin(ctx context.Context, i store.Intent) (store.Begun, error) {
	return call(ctx, m.fault, Begin, func() (store.Begun, error) { return m.tx.Begin(ctx, i) })
}

func (m moves) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	return call(ctx, m.fault, Claim, func() (store.Grant, error) { return m.tx.Claim(ctx, c) })
}

func (m moves) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	return call(ctx, m.fault, Complete, func() (store.Completed, error) { return m.tx.Complete(ctx, t, c) })
}

type base struct {
	moves
	inner store.Store
}

func (s base) Renew(ctx context.Context, lease time.Duration, tokens []store.Token) ([]bool, error) {
	return call(ctx, s.fault, Renew, func() ([]bool, error) { return s.inner.Renew(ctx, lease, tokens) })
}

func (s base) Get(ctx context.Context, n store.Name) (store.Record, error) {
	return call(ctx, s.fault, Get, func() (store.Record, error) { return s.inner.Get(ctx, n) })
}

func (s base) Capabilities() store.Capabilities { return store.CapabilitiesOf(s.inner) }

type admin struct {
	admin store.Admin
	fault *Fault
}

func (a admin) Due(ctx context.Context, f store.DueFilter) ([]store.DueItem, error) {
	return call(ctx, a.fault, Due, func() ([]store.DueItem, error) { return a.admin.Due(ctx, f) })
}

func (a admin) List(ctx context.Context, f store.Filter) ([]store.Record, error) {
	return call(ctx, a.fault, List, func() ([]store.Record, error) { return a.admin.List(ctx, f) })
}

func (a admin) Resolve(ctx context.Context, r store.Resolution) (store.Resolved, error) {
	return call(ctx, a.fault, Resolve, func() (store.Resolved, error) { return a.admin.Resolve(ctx, r) })
}

func (a admin) Reopen(ctx context.Context, r store.Reopening) (store.Resolved, error) {
	return call(ctx, a.fault, Reopen, func() (store.Resolved, error) { return a.admin.Reopen(ctx, r) })
}

func (a admin) Purge(ctx context.Context, l store.PurgeLimits) (store.Purged, error) {
	return call(ctx, a.fault, Purge, func() (store.Purged, error) { return a.admin.Purge(ctx, l) })
}

type notifier struct {
	notifier store.Notifier
	fault    *Fault
}

func (n notifier) Notice(ctx context.Context, notice store.Notice) (bool, store.Record, error) {
	type noticed struct {
		ok     bool
		record store.Record
	}
	v, err := call(ctx, n.fault, Notice, func() (noticed, error) {
		ok, record, err := n.notifier.Notice(ctx, notice)
		return noticed{ok, record}, err
	})
	return v.ok, v.record, err
}

type batcher struct {
	batcher store.Batcher
	fault   *Fault
}

func (b batcher) Batch(ctx context.Context, fn func(store.Tx) error) error {
	_, err := call(ctx, b.fault, Batch, func() (struct{}, error) {
		return struct{}{}, b.batcher.Batch(ctx, func(tx store.Tx) error { return fn(moves{tx, b.fault}) })
	})
	return err
}
