package soak_test

import (
	"flag"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

var operations = flag.Int("operations", usual, "operations to make")

// heapBound is how much more may be reachable after all operations than before:
// of 200,000 of them little more than a byte for each, of 20,000 thirteen, less
// than a pointer and what it points to. What it leaves room for is a few
// buffers, goroutines and maps, which were as large before, though not the same:
// that is 10 to 60 KiB, however many operations there are.
const heapBound = 256 << 10

// TestNothingIsLeftOfManyOperations makes a tenth of the operations twice, so
// that all pools are filled and all maps have their size, and then all of them.
func TestNothingIsLeftOfManyOperations(t *testing.T) {
	tenth := *operations / 10
	s := newSoak(t, 2*tenth+*operations)
	for range 2 {
		s.run(t, tenth)
	}
	running, open, reachable, begin := goleak.IgnoreCurrent(), sockets(t), heap(), time.Now()
	s.run(t, *operations)
	took, kept := time.Since(begin), heap()
	if err := goleak.Find(running); err != nil {
		t.Errorf("goroutines are left: %v", err)
	}
	if got := sockets(t); got != open {
		t.Errorf("%d sockets are open, %d were before", got, open)
	}
	if kept > reachable+heapBound {
		t.Errorf("the heap has %d bytes, %d had it before", kept, reachable)
	}
	t.Logf("%d operations in %v; heap %d bytes before, %d after", *operations, took.Round(time.Millisecond), reachable, kept)
	s.check(t)
}

// soak is a server, those who call it, and what they were told.
type soak struct {
	origin    *origin
	transport *http.Transport
	unstored  *caller
	endings   []ending
	made      int
}

func newSoak(t *testing.T, operations int) *soak {
	s := &soak{origin: newOrigin(t, operations), transport: &http.Transport{MaxIdleConnsPerHost: 64}, endings: make([]ending, operations)}
	var err error
	if s.unstored, err = newCaller(s.origin.URL, s.transport, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// run makes operations, half of them with a store. That store goes with its
// client, because records are kept for good; the other client stays.
func (s *soak) run(t *testing.T, operations int) {
	t.Helper()
	stored, err := newCaller(s.origin.URL, s.transport, store.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	storm([]*caller{s.unstored, stored}, s.made, s.endings[s.made:s.made+operations])
	s.made += operations
	eventually(t, "no delivery is being treated", func() bool { return s.origin.working.Load() == 0 })
	eventually(t, "no connection is at work", func() bool { _, busy := s.origin.connections(); return busy == 0 })
	s.transport.CloseIdleConnections()
	eventually(t, "no connection is open", func() bool { open, _ := s.origin.connections(); return open == 0 })
}

// check compares what callers were told with what the server did.
func (s *soak) check(t *testing.T) {
	told, calls, deliveries := map[retrysafe.Outcome]int{}, 0, 0
	for n, e := range s.endings {
		o := &s.origin.orders[n]
		told[e.outcome]++
		calls += e.calls
		deliveries += o.deliveries
		switch {
		case o.effects > 1:
			t.Errorf("operation %d has %d effects", n, o.effects)
		case e.outcome == retrysafe.Applied && o.effects == 0:
			t.Errorf("operation %d is said to be applied, and is not", n)
		case e.outcome == retrysafe.NotApplied && o.effects > 0:
			t.Errorf("operation %d is said not to be applied, and is", n)
		case e.wrong:
			t.Errorf("operation %d was given the answer of another", n)
		case e.calls == 0:
			t.Errorf("operation %d has not ended", n)
		}
	}
	if got := s.origin.followed.Load(); got > 0 {
		t.Errorf("%d redirects were followed", got)
	}
	for i := range faults {
		f, served := &faults[i], s.origin.served[i].Load()
		t.Logf("%6d x %s", served, f)
		if served == 0 && *operations >= usual {
			t.Errorf("%s never came", f)
		}
	}
	for _, outcome := range []retrysafe.Outcome{retrysafe.Applied, retrysafe.NotApplied, retrysafe.Unknown} {
		if told[outcome] == 0 {
			t.Errorf("no operation ended %v", outcome)
		}
	}
	t.Logf("%d operations in %d calls and %d deliveries: %v", len(s.endings), calls, deliveries, told)
}
