//go:build unix

package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

const (
	stormVariable = "RETRYSAFE_STORM" // how long the storm lasts
	stormLasts    = 10 * time.Second
	stormWorkers  = 3
	stormCallers  = 3   // of each worker
	stormOrders   = 100 // of each second
	shortestLife  = 50 * time.Millisecond
	longestLife   = 300 * time.Millisecond
)

func orderOf(second, n int) string { return fmt.Sprintf("order-%d-%02d", second, n) }

// storm works on the orders of each second, and on what others left behind,
// until somebody kills it.
func (w *worker) storm(ctx context.Context, p *plan) error {
	failed := make(chan error)
	for range stormCallers {
		go func() {
			for {
				if err := w.anything(ctx, orderOf(int(time.Since(p.Start)/time.Second), rand.N(stormOrders))); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func (w *worker) anything(ctx context.Context, id string) error {
	switch rand.N(8) {
	case 0:
		_, err := w.client.Resume(ctx, w.handler())
		return err
	case 1, 2:
		if err := w.enqueue(ctx, id); err != nil {
			return err
		}
		w.report(event{Begun: id})
	default:
		w.do(ctx, id)
	}
	return nil
}

func TestAStormOfKillsDuplicatesLosesForgetsAndMistellsNothing(t *testing.T) {
	t.Parallel()
	lasts := stormLasts
	if underRace {
		lasts /= 2
	}
	if text := os.Getenv(stormVariable); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newScene(t, isMixed, window)
	s.plan.Lease, s.plan.AttemptTimeout = 400*time.Millisecond, 300*time.Millisecond
	begin := time.Now()
	kills := s.rages(begin, lasts)
	r := s.recoverer()
	r.passes()
	seconds := int(time.Since(begin)/time.Second) + 1
	var count tally
	for second := range seconds {
		for n := range stormOrders {
			r.judge(orderOf(second, n), &count)
		}
	}
	t.Logf("%d processes killed in %v\n%s", kills, lasts, &count)
	if count.duplicates+count.lost+count.forgotten+count.toldWrong != 0 {
		t.Errorf("%s", strings.Join(count.wrong, "\n"))
	}
	if effects := s.provider.EffectCount(); effects != count.applied || count.applied == 0 || count.notApplied == 0 || count.told == 0 || kills == 0 {
		t.Errorf("%d effects for %d applied operations", effects, count.applied)
	}
}

// rages kills processes and starts others in their place.
func (s *scene) rages(begin time.Time, lasts time.Duration) (kills int) {
	s.t.Helper()
	p := s.with(byStorm)
	p.Start = begin
	var lives [stormWorkers]struct {
		*child
		until time.Time
	}
	for time.Since(begin) < lasts {
		for i := range lives {
			l := &lives[i]
			switch {
			case l.child == nil:
				l.child, l.until = s.start(p), time.Time{}
			case l.over():
				s.t.Fatalf("a process ended by itself: %v %s %s", l.err, l.failure(), l.stderr.String())
			case l.until.IsZero() && l.isReady():
				l.until = time.Now().Add(shortestLife + rand.N(longestLife-shortestLife))
			case !l.until.IsZero() && time.Now().After(l.until):
				l.kill()
				l.child = nil
				kills++
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	for i := range lives {
		if lives[i].child != nil {
			lives[i].kill()
		}
	}
	return kills
}

func (c *child) isReady() bool { return closed(c.ready) }
func (c *child) over() bool    { return closed(c.ended) }

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// tally is the table at the end of a storm.
type tally struct {
	applied, notApplied, told, untouched   int
	duplicates, lost, forgotten, toldWrong int
	wrong                                  []string
}

func (c *tally) String() string {
	return fmt.Sprintf("%6d applied\n%6d not applied\n%6d never begun\n%6d times somebody was told\n%6d duplicates\n%6d lost\n%6d forgotten\n%6d told wrong",
		c.applied, c.notApplied, c.untouched, c.told, c.duplicates, c.lost, c.forgotten, c.toldWrong)
}

// judge counts how one order ended.
func (r *recoverer) judge(id string, count *tally) {
	rec, what := r.record(id), r.scene.toldOf(id)
	count.told += len(what)
	switch rec.State {
	case store.StateSucceeded:
		count.applied++
	case store.StateFailed:
		count.notApplied++
	case store.StateAbsent:
		count.untouched++
	}
	wrong := r.contradictions(id)
	count.wrong = append(count.wrong, wrong...)
	for _, w := range wrong {
		switch {
		case strings.Contains(w, "duplicate"):
			count.duplicates++
		case strings.Contains(w, "lost"):
			count.lost++
		default:
			count.toldWrong++
		}
	}
	began := len(what) > 0 || r.scene.hasBegun(id) || r.effects(id) > 0
	if began && rec.Outcome() == retrysafe.Unknown || rec.State != store.StateAbsent && rec.Outcome() == retrysafe.Unknown {
		count.forgotten++
		count.wrong = append(count.wrong, id+": forgotten as "+rec.State.String())
	}
}

func (s *scene) hasBegun(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.begun, id)
}
