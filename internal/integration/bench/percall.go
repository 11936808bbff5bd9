package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// measureCalls compares one call with what others make of it: all in turn, in
// memory and over loopback.
func (b *bench) measureCalls(ctx context.Context) error {
	all, end, err := settings()
	if err != nil {
		return err
	}
	defer end()
	t := table{name: "calls", header: []string{"setting", "what", "median µs", "of net/http's time, median of rounds", "p10", "p90",
		"more than a hand-written loop, ns", "allocations", "bytes"}}
	picture := bars{title: "A call, as part of the time of net/http"}
	for _, s := range all {
		compared, err := b.compare(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		compared.tabulate(&t)
		picture.add(s.name, compared.ratios())
		b.judgeCalls(compared)
	}
	fmt.Fprint(b.w, leftOut, "\n")
	return errors.Join(b.publish(t), b.draw("calls", picture.svg()))
}

// comparison is what one setting showed.
type comparison struct {
	setting setting
	peers   []measured
}

type measured struct {
	name               string
	turns              []time.Duration // by round, of one call
	allocations, bytes float64         // 0: not measured
}

// compare gives every peer a turn in every round. Who comes after whom is drawn
// anew in each, so that nobody always sweeps up what the same one left.
func (b *bench) compare(ctx context.Context, s setting) (*comparison, error) {
	peers, err := peersOf(s.target)
	if err != nil {
		return nil, err
	}
	c := &comparison{setting: s, peers: make([]measured, len(peers))}
	order := rand.New(rand.NewPCG(1, 2))
	for round := -1; round < max(b.rounds/3, 1); round++ {
		for _, i := range order.Perm(len(peers)) {
			took, err := s.turn(ctx, peers[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", peers[i].name, err)
			}
			if round >= 0 {
				c.peers[i].turns = append(c.peers[i].turns, took)
			}
		}
	}
	for i, p := range peers {
		c.peers[i].name = p.name
		if s.callers > 1 {
			continue
		}
		if c.peers[i].allocations, c.peers[i].bytes, err = allocated(func() error { return p.call(ctx) }); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// turn is how long one call of a peer takes, on average of one turn.
func (s setting) turn(ctx context.Context, p peer) (time.Duration, error) {
	var wg sync.WaitGroup
	errs := make([]error, s.callers)
	begin := time.Now()
	for caller := range s.callers {
		wg.Go(func() {
			for n := 0; n < s.calls && errs[caller] == nil; n++ {
				errs[caller] = p.call(ctx)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin) / time.Duration(s.callers*s.calls)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return took, ctx.Err()
}

func (c *comparison) of(name string) *measured {
	for i := range c.peers {
		if c.peers[i].name == name {
			return &c.peers[i]
		}
	}
	return nil
}

// over is m's time in units of another's, round by round.
func (m *measured) over(other *measured) []float64 {
	ratios := make([]float64, len(m.turns))
	for round := range ratios {
		ratios[round] = float64(m.turns[round]) / float64(other.turns[round])
	}
	return ratios
}

// above is by how much m takes longer than another, round by round.
func (m *measured) above(other *measured) []time.Duration {
	more := make([]time.Duration, len(m.turns))
	for round := range more {
		more[round] = m.turns[round] - other.turns[round]
	}
	return more
}

func (c *comparison) tabulate(t *table) {
	plain, hand := c.of(plainName), c.of(handWrittenName)
	for i := range c.peers {
		m := &c.peers[i]
		ratios, memory := m.over(plain), []string{"", ""}
		if c.setting.callers == 1 {
			memory = []string{whole(m.allocations), whole(m.bytes)}
		}
		t.add(append([]string{c.setting.name, m.name, µs(quantile(m.turns, 0.5)), thousandths(quantile(ratios, 0.5)),
			thousandths(quantile(ratios, 0.1)), thousandths(quantile(ratios, 0.9)),
			fmt.Sprint(quantile(m.above(hand), 0.5).Nanoseconds())}, memory...)...)
	}
}

// thousandths has what would be lost in a ratio of two per cent.
func thousandths(f float64) string { return fmt.Sprintf("%.3f", f) }

func (c *comparison) ratios() (values []bar) {
	plain := c.of(plainName)
	for i := range c.peers {
		values = append(values, bar{c.peers[i].name, quantile(c.peers[i].over(plain), 0.5)})
	}
	return values
}

func (b *bench) judgeCalls(c *comparison) {
	us, where := c.of(ourName), ", "+c.setting.name
	got := quantile(us.over(c.of(retryableName)), 0.5)
	b.judge("a command"+where, "no slower than go-retryablehttp", thousandths(got)+" x", got <= 1)
	if c.setting.name == "in memory" {
		b.judge("allocations of a command"+where, "60", whole(us.allocations), us.allocations <= 60)
	}
	price := quantile(us.above(c.of(handWrittenName)), 0.5)
	fmt.Fprintf(b.w, "%s: the price of knowing the outcome is %d ns a call\n", c.setting.name, price.Nanoseconds())
}
