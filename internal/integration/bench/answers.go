package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// measureAnswers measures a command whose answer is recorded, and shows that
// giving it writes nothing.
func (b *bench) measureAnswers(ctx context.Context) (err error) {
	d, err := b.database(ctx, b.present)
	if err != nil {
		return err
	}
	p, err := b.plain(ctx, b.present, d.sample)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	memory := store.NewMemory()
	recorded := b.newID()
	if err := p.oneByOne(ctx, recorded); err != nil {
		return err
	}
	all := []*series{{name: "plain SELECT by the same index", do: func() error { return p.read(ctx, recorded) }}}
	for _, s := range []struct {
		name  string
		store store.Store
	}{{"SQLite", d.store}, {"memory", memory}} {
		client, err := newClient(s.store, accepted, windowKnown)
		if err != nil {
			return err
		}
		if err := callNamed(ctx, client, recorded, retrysafe.Applied); err != nil {
			return err
		}
		claim, err := b.repeated(ctx, s.store, recorded)
		if err != nil {
			return err
		}
		all = append(all,
			&series{name: "Do, " + s.name, do: func() error { return callNamed(ctx, client, recorded, retrysafe.Applied) }},
			&series{name: "Claim, " + s.name, do: claim})
	}
	before, err := d.wal()
	if err != nil {
		return err
	}
	if err := inTurn(ctx, b.rounds, 1, all...); err != nil {
		return err
	}
	after, err := d.wal()
	if err != nil {
		return err
	}
	return b.reportAnswers(all, bytes.Equal(before, after))
}

// repeated is a claim of an operation that has ended.
func (b *bench) repeated(ctx context.Context, s store.Store, id string) (func() error, error) {
	record, err := s.Get(ctx, store.Name{Scope: account, Kind: createCharge.Name, ID: id})
	if err != nil {
		return nil, err
	}
	claim := claimOf(record)
	return func() error {
		grant, err := s.Claim(ctx, claim)
		if err == nil && grant.Status != store.ClaimSettled {
			err = fmt.Errorf("the claim is %v", grant.Status)
		}
		return err
	}, nil
}

// claimOf is a claim to do what a record has done.
func claimOf(r store.Record) store.Claim {
	claim := store.Claim{Intent: store.Intent{
		Name: r.Name, Owner: r.Owner, Fingerprint: r.Fingerprint, OnLapse: r.OnLapse, Window: r.Window, Request: r.Request,
	}, Lease: time.Minute}
	rand.Read(claim.Nonce[:])
	return claim
}

func (b *bench) reportAnswers(all []*series, unwritten bool) error {
	t := table{name: "answers", header: []string{"what", "calls", "p10 µs", "median µs", "mean µs", "p99 µs", "allocations", "bytes"}}
	for _, s := range all {
		allocations, bytes, err := allocated(s.do)
		if err != nil {
			return err
		}
		t.add(row(s, whole(allocations), whole(bytes))...)
	}
	got := all[1].median()
	b.judge("an answer from the store, SQLite", "40 µs", µs(got)+" µs", got <= 40*time.Microsecond)
	b.judge("an answer writes nothing, SQLite", "write-ahead log unchanged", map[bool]string{true: "unchanged", false: "changed"}[unwritten], unwritten)
	return b.publish(t)
}

// allocated is what one call allocates, on average.
func allocated(do func() error) (allocations, bytes float64, err error) {
	const calls = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		if err := do(); err != nil {
			return 0, 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / calls, float64(after.TotalAlloc-before.TotalAlloc) / calls, nil
}
