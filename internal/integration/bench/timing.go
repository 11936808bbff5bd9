package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// series is one thing that is done again and again.
type series struct {
	name string
	do   func() error
	took []time.Duration
}

// inTurn does each of several things batch times, then again, round by round,
// each time beginning with another, so that what else the machine does hits all
// alike. A first round, which is not counted, prepares whatever is prepared once.
func inTurn(ctx context.Context, rounds, batch int, all ...*series) error {
	for round := -1; round < rounds; round++ {
		for n := range all {
			s := all[(max(round, 0)+n)%len(all)]
			for range batch {
				if err := ctx.Err(); err != nil {
					return err
				}
				begin := time.Now()
				err := s.do()
				took := time.Since(begin)
				if err != nil {
					return err
				}
				if round >= 0 {
					s.took = append(s.took, took)
				}
			}
		}
	}
	return nil
}

func (s *series) median() time.Duration { return quantile(s.took, 0.5) }
func (s *series) p10() time.Duration    { return quantile(s.took, 0.1) }
func (s *series) p99() time.Duration    { return quantile(s.took, 0.99) }

func (s *series) mean() time.Duration {
	if len(s.took) == 0 {
		return 0
	}
	var sum time.Duration
	for _, t := range s.took {
		sum += t
	}
	return sum / time.Duration(len(s.took))
}

// quantile is the smallest value that at least this part of all does not exceed.
func quantile[T int | float64 | time.Duration](values []T, part float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

// load is callers who do one thing as often as they can, each by itself, for
// several phases.
type load struct {
	name    string
	callers int
	// do is told which caller calls.
	do    func(caller int) error
	each  int // operations that one do makes
	rates []float64
	took  []time.Duration
}

// phasesInTurn lets each of several loads run for a phase, then again.
func phasesInTurn(ctx context.Context, phases int, phase time.Duration, all ...*load) error {
	for n := range phases {
		for i := range all {
			if err := all[(n+i)%len(all)].run(ctx, phase); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *load) run(ctx context.Context, phase time.Duration) error {
	var wg sync.WaitGroup
	took := make([][]time.Duration, l.callers)
	errs := make([]error, l.callers)
	begin := time.Now()
	for caller := range l.callers {
		wg.Go(func() {
			for time.Since(begin) < phase && ctx.Err() == nil && errs[caller] == nil {
				called := time.Now()
				errs[caller] = l.do(caller)
				took[caller] = append(took[caller], time.Since(called))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	n := 0
	for caller := range l.callers {
		if errs[caller] != nil {
			return errs[caller]
		}
		n += len(took[caller])
		l.took = append(l.took, took[caller]...)
	}
	l.rates = append(l.rates, float64(n*max(l.each, 1))/elapsed.Seconds())
	return ctx.Err()
}

func (l *load) perSecond() float64 { return quantile(l.rates, 0.5) }
func (l *load) latency() (p50, p99 time.Duration) {
	return quantile(l.took, 0.5), quantile(l.took, 0.99)
}
