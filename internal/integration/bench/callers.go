package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// measureCallers measures the durable command from few to many callers.
func (b *bench) measureCallers(ctx context.Context) (err error) {
	d, err := b.database(ctx, b.present)
	if err != nil {
		return err
	}
	p, err := b.plain(ctx, b.present, d.sample)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	durable, err := newClient(d.store, accepted, windowKnown)
	if err != nil {
		return err
	}
	memory, err := newClient(store.NewMemory(), accepted, windowKnown)
	if err != nil {
		return err
	}
	unstored, err := newClient(nil, accepted, windowKnown)
	if err != nil {
		return err
	}
	kinds := []struct {
		name string
		do   func(int) error
	}{
		{"command, SQLite", func(int) error { return b.call(ctx, durable, retrysafe.Applied) }},
		{"insert and update, one by one", func(int) error { return p.oneByOne(ctx, b.newID()) }},
		{"command, memory", func(int) error { return b.call(ctx, memory, retrysafe.Applied) }},
		{"command, no store", func(int) error { return b.call(ctx, unstored, retrysafe.Applied) }},
	}
	loads := make([][]*load, len(kinds)) // by kind, then by number of callers
	for _, callers := range b.callers {
		var all []*load
		for i, kind := range kinds {
			l := &load{name: kind.name, callers: callers, do: kind.do}
			loads[i], all = append(loads[i], l), append(all, l)
		}
		if err := phasesInTurn(ctx, b.phases, b.phase, all...); err != nil {
			return err
		}
	}
	return b.reportCallers(loads)
}

func (b *bench) reportCallers(loads [][]*load) error {
	t := table{name: "callers", header: []string{"what", "callers", "a second, median of phases", "p50 µs", "p99 µs"}}
	rates := chart{title: "Operations a second", x: "callers", y: "operations a second"}
	times := chart{title: "Time of an operation", x: "callers", y: "milliseconds"}
	for i, kind := range loads {
		var rate, p50s, p99s line
		for _, l := range kind {
			p50, p99 := l.latency()
			t.add(l.name, fmt.Sprint(l.callers), whole(l.perSecond()), µs(p50), µs(p99))
			rate.add(l.callers, l.perSecond())
			p50s.add(l.callers, p50.Seconds()*1000)
			p99s.add(l.callers, p99.Seconds()*1000)
		}
		rate.name, p50s.name, p99s.name = kind[0].name, kind[0].name+", p50", kind[0].name+", p99"
		rates.lines = append(rates.lines, rate)
		if i < 2 { // the others do not wait for the disk
			times.lines = append(times.lines, p50s, p99s)
		}
	}
	return errors.Join(b.publish(t), b.plot("callers-rate", rates), b.plot("callers-time", times))
}
