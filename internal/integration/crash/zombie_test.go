//go:build unix

package crash_test

import (
	"context"
	"net/http"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

const killSignal = syscall.SIGKILL

// zombie is a process that is stopped for longer than its lease, while another
// one takes its operation over and ends it, and that then goes on.
type zombie struct {
	name   string
	stop   string // at this point
	temper temper
	window time.Duration
	// asks: whoever takes over can ask the provider.
	asks bool
	// meanwhile is what the other process makes of it, finally what it is when
	// the zombie has had its say. Told is what the zombie tells its caller.
	meanwhile, finally store.State
	told               retrysafe.Outcome
	// sends is how often the zombie sends the request after its sleep, at most.
	sends int
	// kept is in the trail of what it said too late; empty: nothing.
	kept store.Event
}

var zombies = []zombie{
	{name: "before its request", stop: "before first byte", window: window,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied, sends: 1},
	{name: "before it sees the answer", stop: "before answer", window: window,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied},
	{name: "with a success in hand", stop: "before complete", window: window,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied},
	{name: "with a refusal in hand", stop: "before complete", temper: declines, window: window,
		meanwhile: failed, finally: failed, told: retrysafe.NotApplied},
	{name: "with a refusal in hand that was of its own request alone", stop: "before complete", temper: turnsAway, window: window,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied, kept: store.EventLate},
	{name: "with a refusal in hand that the provider should have stored", stop: "before complete", temper: forgets, window: window,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied, kept: store.EventConflict},
	{name: "between two attempts", stop: "after answer", temper: isBusy, window: window,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied},
	{name: "with a success in hand that nobody else can find out", stop: "before complete",
		meanwhile: unknown, finally: succeeded, told: retrysafe.Applied},
	{name: "with a success in hand that another one found out", stop: "before complete", asks: true,
		meanwhile: succeeded, finally: succeeded, told: retrysafe.Applied},
}

func TestAProcessThatSleptThroughItsLeaseChangesNothingButWhatItAloneKnows(t *testing.T) {
	for _, z := range zombies {
		subtest(t, z.name, z.wakes)
	}
}

func (z zombie) wakes(t *testing.T) {
	s := newScene(t, z.temper, z.window)
	s.plan.Lease, s.plan.AttemptTimeout = time.Second, 800*time.Millisecond
	p := s.with(byDo)
	p.Aim = aim{Point: z.stop, Nth: 1, Signal: syscall.SIGSTOP}
	c := s.start(p)
	if !c.await(reached(z.stop)) {
		t.Fatalf("never reached %q: %v %v", z.stop, c.err, c.failure())
	}
	time.Sleep(s.plan.Lease + 200*time.Millisecond)
	r := s.recoverer()
	r.takesOver(z)
	before, sent := r.record(order), s.provider.sent(http.MethodPost)
	if before.State != z.meanwhile || len(s.toldBy("do")) != 0 {
		t.Fatalf("%v, told %v, want it %v and nobody told: the process was not asleep", before.State, s.toldOf(order), z.meanwhile)
	}
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.finished()
	z.looks(r, &before, s.provider.sent(http.MethodPost)-sent)
}

// takesOver makes passes in real time.
func (r *recoverer) takesOver(z zombie) {
	r.scene.t.Helper()
	handler := r.handler()
	if !z.asks {
		handler = createCharge.Handle(retrysafe.Handlers[charge, charged]{})
	}
	if _, err := r.client.Resume(context.Background(), handler); err != nil {
		r.scene.t.Fatal(err)
	}
}

func (z zombie) looks(r *recoverer, before *store.Record, sends int) {
	t := r.scene.t
	t.Helper()
	after, what := r.record(order), r.scene.toldBy("do")
	if len(what) != 1 || what[0].outcome() != z.told {
		t.Errorf("the zombie's caller was told %+v, want %v", what, z.told)
	}
	if sends > z.sends {
		t.Errorf("the zombie sent %d requests, want at most %d", sends, z.sends)
	}
	if after.State != z.finally || (after.Conflicts > 0) != (z.kept == store.EventConflict) {
		t.Errorf("%v with %d conflicts, want %v", after.State, after.Conflicts, z.finally)
	}
	if last := len(after.Trail) - 1; z.kept != "" && (last < 0 || after.Trail[last].Event != z.kept) {
		t.Errorf("trail %+v, want what it said kept as %q", after.Trail, z.kept)
	}
	if z.meanwhile == z.finally && z.kept == "" && !reflect.DeepEqual(*before, after) {
		t.Errorf("the record has changed:\n%+v\n%+v", *before, after)
	}
	if effects := r.effects(order); (effects == 1) != (z.told == retrysafe.Applied) || effects > 1 {
		t.Errorf("%d effects, and %v was told", effects, z.told)
	}
}

func (s *scene) toldBy(whom string) (by []told) {
	for _, what := range s.toldOf(order) {
		if what.By == whom {
			by = append(by, what)
		}
	}
	return by
}

// TestAProcessThatLostItsOperationCannotEndIt wakes a process with a refusal in
// hand while the next holder is at work, who is then told that it was applied.
func TestAProcessThatLostItsOperationCannotEndIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, turnsAway, window)
	s.plan.Lease, s.plan.AttemptTimeout = time.Second, 800*time.Millisecond
	stops := func(how way, point string) *child {
		p := s.with(how)
		p.Aim = aim{Point: point, Nth: 1, Signal: syscall.SIGSTOP}
		c := s.start(p)
		if !c.await(reached(point)) {
			t.Fatalf("never reached %q: %v %v", point, c.err, c.failure())
		}
		return c
	}
	wakes := func(c *child) {
		if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		c.finished()
	}
	first := stops(byDo, "before complete")
	time.Sleep(s.plan.Lease + 200*time.Millisecond)
	second := stops(byResume, "after claim")
	r := s.recoverer()
	before := r.record(order)
	wakes(first)
	after := r.record(order)
	if after.State != inFlight || after.Token() != before.Token() {
		t.Errorf("%v with another token, want it to be the second holder's", after.State)
	}
	if what := s.toldBy("do"); len(what) != 1 || what[0].outcome() != retrysafe.Unknown {
		t.Errorf("the first holder's caller was told %+v, want unknown", what)
	}
	wakes(second)
	r.passes()
	r.settled(order)
	r.consistent(order)
	if n := r.effects(order); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
}
