package main

import (
	"context"
	"errors"
	"fmt"
)

// measureRecords measures a claim in databases of several sizes.
func (b *bench) measureRecords(ctx context.Context) error {
	var fresh, answered []*series
	var many []*load
	for _, records := range b.records {
		d, err := b.database(ctx, records)
		if err != nil {
			return err
		}
		repeated, err := b.repeated(ctx, d.store, sampleID)
		if err != nil {
			return err
		}
		claim := func() error {
			_, err := b.claim(ctx, d.store, &d.sample)
			return err
		}
		fresh = append(fresh, &series{name: "claim, one caller", do: claim})
		answered = append(answered, &series{name: "answered claim, one caller", do: repeated})
		many = append(many, &load{name: fmt.Sprintf("claim, %d callers", b.many), callers: b.many, do: func(int) error { return claim() }})
	}
	err := errors.Join(inTurn(ctx, max(b.rounds/batch, 1), batch, fresh...), inTurn(ctx, b.rounds, 1, answered...),
		phasesInTurn(ctx, b.phases, b.phase, many...))
	if err != nil {
		return err
	}
	return b.reportRecords(fresh, answered, many)
}

func (b *bench) reportRecords(fresh, answered []*series, many []*load) error {
	t := table{name: "records", header: []string{"what", "records present", "p10 µs", "median µs", "mean µs", "p99 µs"}}
	c := chart{title: "A claim, by records present", x: "records present", y: "microseconds"}
	for _, kind := range [][]*series{fresh, answered} {
		l := line{name: kind[0].name}
		for i, s := range kind {
			t.add(s.name, fmt.Sprint(b.records[i]), µs(s.p10()), µs(s.median()), µs(s.mean()), µs(s.p99()))
			l.add(b.records[i], float64(s.median().Nanoseconds())/1000)
		}
		c.lines = append(c.lines, l)
	}
	shared := line{name: many[0].name + ", wall time for each"}
	for i, l := range many {
		each := 1e6 / l.perSecond()
		t.add(shared.name, fmt.Sprint(b.records[i]), fmt.Sprintf("%.1f", 1e6/quantile(l.rates, 0.9)), fmt.Sprintf("%.1f", each), "", "")
		shared.add(b.records[i], each)
	}
	c.lines = append(c.lines, shared)
	last := len(b.records) - 1
	for _, j := range []struct {
		what string
		got  float64
	}{
		{"one caller, median", float64(fresh[last].median()) / float64(fresh[0].median())},
		{"one caller, mean", float64(fresh[last].mean()) / float64(fresh[0].mean())},
		{fmt.Sprintf("%d callers, for each claim", b.many), many[0].perSecond() / many[last].perSecond()},
	} {
		b.judge(fmt.Sprintf("a claim with %d records, %s", b.records[last], j.what), fmt.Sprintf("1.50 x the cost with %d", b.records[0]), ratio(j.got)+" x", j.got <= 1.5)
	}
	return errors.Join(b.publish(t), b.plot("records", c))
}
