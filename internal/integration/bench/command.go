package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// batch is how often one thing is done before the next one's turn comes: what
// one leaves to the disk is then mostly its own.
const batch = 10

// measureCommand compares a command of one caller with and without a store, and
// what the store adds with one write that reaches the disk.
func (b *bench) measureCommand(ctx context.Context) (err error) {
	d, err := b.database(ctx, 0)
	if err != nil {
		return err
	}
	disk, err := newAppender(b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.close()) }()
	memory := store.NewMemory()
	scenes := []struct {
		name   string
		store  store.Store
		answer answering
		window time.Duration
		want   retrysafe.Outcome
	}{
		{"applied, no store", nil, accepted, windowKnown, retrysafe.Applied},
		{"applied, memory", memory, accepted, windowKnown, retrysafe.Applied},
		{"applied, SQLite", d.store, accepted, windowKnown, retrysafe.Applied},
		{"applied, SQLite, window not known", d.store, accepted, windowUnknown, retrysafe.Applied},
		{"refused, no store", nil, declined, windowKnown, retrysafe.NotApplied},
		{"refused, SQLite", d.store, declined, windowKnown, retrysafe.NotApplied},
	}
	all := []*series{{name: "write and sync of 4 KiB", do: disk.append}}
	for _, s := range scenes {
		client, err := newClient(s.store, s.answer, s.window)
		if err != nil {
			return err
		}
		all = append(all, &series{name: s.name, do: func() error { return b.call(ctx, client, s.want) }})
	}
	if err := inTurn(ctx, max(b.rounds/batch, 1), batch, all...); err != nil {
		return err
	}
	return b.reportCommand(all)
}

func (b *bench) reportCommand(all []*series) error {
	sync, applied, refused := all[0], all[1], all[5]
	t := table{name: "command", header: []string{"what", "calls", "p10 µs", "median µs", "mean µs", "p99 µs",
		"more than without a store, median µs", "of a write and sync, p10", "of a write and sync, median", "of a write and sync, mean"}}
	t.add(row(sync, "", "", "", "")...)
	for i, s := range all[1:] {
		base := applied
		if i >= 4 {
			base = refused
		}
		if s == base {
			t.add(row(s, "", "", "", "")...)
			continue
		}
		t.add(row(s, µs(s.median()-base.median()), ratio(over(s, base, sync, (*series).p10)), ratio(over(s, base, sync, (*series).median)), ratio(over(s, base, sync, (*series).mean)))...)
	}
	for _, j := range []struct {
		what    string
		s, base *series
		limit   float64
	}{
		{"a durable command that succeeds, one caller", all[3], applied, 1.5},
		{"a durable command that is refused, one caller", all[6], refused, 3},
	} {
		got := over(j.s, j.base, sync, (*series).median)
		b.judge(j.what, fmt.Sprintf("%.1f x write and sync of 4 KiB, on top of the call", j.limit), ratio(got)+" x", got <= j.limit)
	}
	return b.publish(t)
}

// over is by how much something takes longer than its base, in units of another.
func over(s, base, unit *series, of func(*series) time.Duration) float64 {
	return float64(of(s)-of(base)) / float64(of(unit))
}

func row(s *series, more ...string) []string {
	return append([]string{s.name, fmt.Sprint(len(s.took)), µs(s.p10()), µs(s.median()), µs(s.mean()), µs(s.p99())}, more...)
}
