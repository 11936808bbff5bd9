package watch_test

import (
	"sync"
	"testing"

	"github.com/retrysafe/retrysafe/internal/watch"
)

func told(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestEverybodyWhoWatchesIsTold(t *testing.T) {
	var set watch.Set
	a, stopA := set.Watch(watch.Sum{1})
	b, stopB := set.Watch(watch.Sum{1})
	other, stopOther := set.Watch(watch.Sum{2})
	defer stopOther()
	set.Tell(watch.Sum{1})
	if !told(a) || !told(b) || told(other) {
		t.Error("not those who watch were told")
	}
	stopA()
	stopA()
	set.Tell(watch.Sum{1})
	if told(a) || !told(b) {
		t.Error("not those who still watch were told")
	}
	stopB()
	if set.Len() != 1 {
		t.Errorf("%d sums are watched, want 1", set.Len())
	}
}

func TestWhatNobodyReceivedBecomesOne(t *testing.T) {
	var set watch.Set
	c, stop := set.Watch(watch.Sum{1})
	defer stop()
	for range 100 {
		set.Tell(watch.Sum{1})
	}
	if !told(c) || told(c) {
		t.Error("100 changes did not become one value")
	}
}

func TestWatchersComeAndGoWhileOthersTell(t *testing.T) {
	var set watch.Set
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				c, stop := set.Watch(watch.Sum{1})
				set.Tell(watch.Sum{1})
				if !told(c) {
					t.Error("a change that came after subscribing was lost")
				}
				stop()
			}
		})
	}
	group.Wait()
	if set.Len() != 0 {
		t.Errorf("%d sums are watched, want none", set.Len())
	}
}
