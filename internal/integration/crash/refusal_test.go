//go:build unix

package crash_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

// TestNotAppliedIsFinalWhereverTheProcessIsKilled kills a process at every
// point between a refusal and the return of the call that is told of it, and at
// those after. The provider of the second kind of refusal would accept the
// charge if it was sent again.
func TestNotAppliedIsFinalWhereverTheProcessIsKilled(t *testing.T) {
	for _, how := range []temper{declines, turnsAway} {
		for _, way := range []way{byDo, byBoth, byRunner} {
			t.Run(fmt.Sprintf("%s/%s", way, how), func(t *testing.T) {
				points := pointsOf(t, way, how)
				refused := max(slices.Index(points, "before answer"), 0)
				before, points := counted(points[:refused]), points[refused:]
				if len(points) < 8 {
					t.Fatalf("too few points after the refusal: %q", points)
				}
				seen := map[string]int{}
				for _, point := range points {
					seen[point]++
					nth := before[point] + seen[point]
					subtest(t, fmt.Sprintf("%s %d", point, nth), func(t *testing.T) {
						refusedThenKilled(t, way, how, point, nth)
					})
				}
			})
		}
	}
}

// pointsOf is every point that a process passes which nobody kills, in order.
func pointsOf(t *testing.T, how way, of temper) (points []string) {
	t.Helper()
	s := newScene(t, of, window)
	p := s.with(how)
	p.Aim.Trace = true
	c := s.start(p)
	c.finished()
	for _, e := range c.events {
		if e.Passed != "" {
			points = append(points, e.Passed)
		}
	}
	return points
}

func counted(points []string) map[string]int {
	n := map[string]int{}
	for _, point := range points {
		n[point]++
	}
	return n
}

func refusedThenKilled(t *testing.T, how way, of temper, point string, nth int) {
	s := newScene(t, of, window)
	s.dies(s.with(how), point, nth)
	r := s.recoverer()
	final := len(s.toldOf(order)) > 0 || r.record(order).State == store.StateFailed
	sent := s.provider.sent(http.MethodPost)
	r.passes()
	more, effects := s.provider.sent(http.MethodPost)-sent, r.effects(order)
	switch {
	case final && (more != 0 || effects != 0):
		t.Errorf("sent %d times after it was final that it was not applied, %d effects", more, effects)
	case !final && of == turnsAway && effects != 1, !final && of == declines && (more != 1 || effects != 0):
		t.Errorf("resumed with %d requests and %d effects", more, effects)
	}
	r.consistent(order)
	r.settled(order)
	if final && of == turnsAway {
		if what := r.again(order); what.outcome() != retrysafe.Applied {
			t.Errorf("asked for again: %+v", what)
		}
	}
}

// TestARefusalAfterACrashDoesNotDenyWhatTheDeadProcessHasDone: the refusal is
// of the second request alone, and the first one took effect.
func TestARefusalAfterACrashDoesNotDenyWhatTheDeadProcessHasDone(t *testing.T) {
	for _, askFirst := range []bool{true, false} {
		subtest(t, fmt.Sprint("asked again first ", askFirst), func(t *testing.T) {
			s := newScene(t, locksOut, window)
			s.dies(s.with(byDo), "after effect", 1)
			r := s.recoverer()
			if askFirst {
				if what := r.again(order); what.outcome() != retrysafe.Unknown {
					t.Errorf("told %+v, want unknown", what)
				}
			} else if report := r.pass(); report.Unknown != 1 {
				t.Errorf("%+v, want it unknown", report)
			}
			if rec := r.record(order); rec.State != store.StateUnknown {
				t.Errorf("recorded as %v", rec.State)
			}
			r.passes() // They ask the provider: sending it again would tell nothing.
			r.settled(order)
			r.consistent(order)
		})
	}
}
