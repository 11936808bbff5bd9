//go:build unix

package crash_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// journey is a way through which an operation goes, with the points at which
// its process is killed.
type journey struct {
	name   string
	way    way
	temper temper
	// left: an earlier process was killed after the effect.
	left bool
	// late: the key's window is over by then.
	late   bool
	points []point
}

// point is where a process is killed, what its file then says, and how many
// effects there are: either leaves it to chance.
type point struct {
	name    string
	nth     int // 0: the first
	leaves  store.State
	effects int
}

const either = -1

const (
	absent    = store.StateAbsent
	pending   = store.StatePending
	inFlight  = store.StateInFlight
	succeeded = store.StateSucceeded
	failed    = store.StateFailed
	unknown   = store.StateUnknown
)

// journeys is every point of every way.
var journeys = []journey{
	{name: "enqueue", way: byEnqueue, points: []point{
		{"before begin", 0, absent, 0},
		{"before commit of begin", 0, absent, 0},
		{"after commit of begin", 0, pending, 0},
		{"after begin", 0, pending, 0},
	}},
	{name: "do", way: byDo, points: []point{
		{"before claim", 0, absent, 0},
		{"before commit of claim", 0, absent, 0},
		{"after commit of claim", 0, inFlight, 0},
		{"after claim", 0, inFlight, 0},
		{"before first byte", 0, inFlight, 0},
		{"after first byte", 0, inFlight, 0},
		{"after last byte", 0, inFlight, either},
		{"before effect", 0, inFlight, 0},
		{"during effect", 0, inFlight, 1},
		{"after effect", 0, inFlight, 1},
		{"before answer", 0, inFlight, 1},
		{"after answer", 0, inFlight, 1},
		{"before complete", 0, inFlight, 1},
		{"before commit of complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"after complete", 0, succeeded, 1},
		{"before told", 0, succeeded, 1},
		{"after told", 0, succeeded, 1},
	}},
	{name: "do, declined", way: byDo, temper: declines, points: []point{
		{"before answer", 0, inFlight, 0},
		{"after answer", 0, inFlight, 0},
		{"before commit of complete", 0, inFlight, 0},
		{"after commit of complete", 0, failed, 0},
		{"before told", 0, failed, 0},
		{"after told", 0, failed, 0},
	}},
	{name: "do, answer cut", way: byDo, temper: cutsAnswer, points: []point{
		{"after answer", 0, inFlight, 1},
		{"before complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"before first byte", 2, succeeded, 1},
		{"before answer", 2, succeeded, 1},
		{"before commit of complete", 2, succeeded, 1},
		{"after complete", 2, succeeded, 1},
	}},
	{name: "do, slowly", way: byDo, temper: isSlow, points: []point{
		{"before renew", 0, inFlight, either},
		{"before commit of renew", 0, inFlight, either},
		{"after commit of renew", 0, inFlight, either},
		{"after renew", 0, inFlight, either},
	}},
	{name: "runner", way: byRunner, points: []point{
		{"before claim", 0, pending, 0},
		{"before commit of claim", 0, pending, 0},
		{"after commit of claim", 0, inFlight, 0},
		{"before first byte", 0, inFlight, 0},
		{"before effect", 0, inFlight, 0},
		{"during effect", 0, inFlight, 1},
		{"after effect", 0, inFlight, 1},
		{"after answer", 0, inFlight, 1},
		{"before complete", 0, inFlight, 1},
		{"before commit of complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"before notice", 0, succeeded, 1},
		{"before commit of notice", 0, succeeded, 1},
		{"after commit of notice", 0, succeeded, 1},
		{"before handler", 0, succeeded, 1},
		{"after handler", 0, succeeded, 1},
		{"before notice end", 0, succeeded, 1},
		{"before commit of notice end", 0, succeeded, 1},
		{"after commit of notice end", 0, succeeded, 1},
		{"after notice end", 0, succeeded, 1},
	}},
	{name: "runner, declined", way: byRunner, temper: declines, points: []point{
		{"after answer", 0, inFlight, 0},
		{"before commit of complete", 0, inFlight, 0},
		{"after commit of complete", 0, failed, 0},
		{"before handler", 0, failed, 0},
		{"after handler", 0, failed, 0},
		{"after notice end", 0, failed, 0},
	}},
	{name: "both", way: byBoth, points: []point{
		{"after begin", 0, pending, 0},
		{"before commit of claim", 0, pending, 0},
		{"after claim", 0, inFlight, 0},
		{"after effect", 0, inFlight, 1},
		{"before commit of complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"after told", 0, succeeded, 1},
	}},
	{name: "do again", way: byDo, left: true, points: []point{
		{"before commit of claim", 0, inFlight, 1},
		{"after commit of claim", 0, inFlight, 1},
		{"after last byte", 0, inFlight, 1},
		{"before answer", 0, inFlight, 1},
		{"before commit of complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"after told", 0, succeeded, 1},
	}},
	{name: "resume", way: byResume, left: true, points: []point{
		{"before claim", 0, inFlight, 1},
		{"before commit of claim", 0, inFlight, 1},
		{"after commit of claim", 0, inFlight, 1},
		{"before first byte", 0, inFlight, 1},
		{"before answer", 0, inFlight, 1},
		{"before commit of complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"before handler", 0, succeeded, 1},
		{"after handler", 0, succeeded, 1},
		{"before commit of notice end", 0, succeeded, 1},
		{"after notice end", 0, succeeded, 1},
	}},
	{name: "reconcile", way: byResume, left: true, late: true, points: []point{
		{"before commit of claim", 0, inFlight, 1},
		{"after commit of claim", 0, unknown, 1},
		{"before claim", 2, unknown, 1},
		{"before commit of claim", 2, unknown, 1},
		{"after commit of claim", 2, inFlight, 1},
		{"before question", 0, inFlight, 1},
		{"after question", 0, inFlight, 1},
		{"before commit of complete", 0, inFlight, 1},
		{"after commit of complete", 0, succeeded, 1},
		{"before handler", 0, succeeded, 1},
		{"after notice end", 0, succeeded, 1},
	}},
}

const window = 24 * time.Hour

func TestWhereverAProcessIsKilledAnOperationTakesEffectOnceAndItsEndIsKnown(t *testing.T) {
	for _, j := range journeys {
		for _, p := range j.points {
			for _, first := range []string{"resumed", "asked again"} {
				if underRace && first == "asked again" {
					continue
				}
				subtest(t, fmt.Sprintf("%s/%s %d/%s", j.name, p.name, max(p.nth, 1), first), func(t *testing.T) {
					j.killed(t, p, first == "asked again")
				})
			}
		}
	}
}

func (j *journey) killed(t *testing.T, p point, askFirst bool) {
	s := newScene(t, j.temper, window)
	plan := s.with(j.way)
	if j.temper == isSlow {
		plan.Lease, plan.AttemptTimeout = 2*slowness, 3*slowness/2
	}
	if j.left {
		s.dies(s.with(byDo), "after effect", 1)
		s.later(time.Hour)
	}
	if j.late {
		s.later(window)
	}
	plan.Ahead = s.clock()
	s.dies(plan, p.name, max(p.nth, 1))
	r := s.recoverer()
	r.looks(p)
	j.recover(r, p, askFirst)
	r.consistent(order)
}

// looks fails the test unless the killed process left what it should.
func (r *recoverer) looks(p point) {
	t := r.scene.t
	t.Helper()
	if rec := r.record(order); rec.State != p.leaves {
		t.Errorf("left %v, want %v", rec.State, p.leaves)
	}
	if n := r.effects(order); n != p.effects && p.effects != either {
		t.Errorf("%d effects at the time of death, want %d", n, p.effects)
	}
}

func (j *journey) recover(r *recoverer, p point, askFirst bool) {
	t := r.scene.t
	t.Helper()
	told := len(r.scene.toldOf(order))
	if askFirst {
		r.again(order)
	}
	r.passes()
	if p.leaves == absent && !askFirst {
		if rec := r.record(order); rec.State != absent || len(r.provider().Requests()) != 0 || told != 0 {
			t.Errorf("%v, %d told, %d requests of what never began", rec.State, told, len(r.provider().Requests()))
		}
		r.again(order)
	}
	r.settled(order)
	if !askFirst && (j.way == byRunner || j.way == byResume) && !r.scene.handlerTold() {
		t.Error("the handler was never told")
	}
}

func (r *recoverer) provider() *provider { return r.scene.provider }

func (s *scene) handlerTold() bool {
	for _, what := range s.toldOf(order) {
		if what.By == "handler" {
			return true
		}
	}
	return false
}
