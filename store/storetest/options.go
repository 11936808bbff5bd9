package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

func notices() []one {
	return []one{
		{"a notice is taken by one runner at a time, until it is acknowledged", noticeTaken},
		{"of many runners at once one takes a notice", noticeOfMany},
	}
}

// notice takes or ends a notice, and fails the test unless ok comes back.
func (s *scene) notice(r store.Record, again time.Duration, want bool) store.Record {
	s.Helper()
	ok, record, err := s.Store.(store.Notifier).Notice(s.ctx, store.Notice{Name: r.Name, Fence: r.Fence, Again: again})
	s.must(err)
	same(s, "a notice", ok, want)
	return record
}

func (s *scene) noticed() (store.Record, bool) {
	if _, ok := s.Store.(store.Notifier); !ok {
		s.Log("not tested: the store is no Notifier")
		return store.Record{}, false
	}
	i := s.intent()
	c := success
	c.Notice = true
	s.complete(s.take(s.call(i)), c)
	return s.get(i.Name), true
}

func noticeTaken(s *scene) {
	r, ok := s.noticed()
	if !ok {
		return
	}
	same(s, "the result", string(s.notice(r, s.units(short), true).Result), "answer")
	s.notice(r, s.units(short), false)
	s.lapse()
	taken := s.notice(r, s.units(long), true)
	same(s, "passes", taken.Passes, 2)
	s.notice(r, s.Unit, false)
	stale := r
	stale.Fence--
	s.notice(stale, 0, false)
	s.notice(r, 0, true)
	s.notice(r, 0, false)
	s.notice(r, s.Unit, false)
	same(s, "the notice", s.get(r.Name).Notice.IsZero(), true)
	s.notice(store.Record{Name: s.intent().Name}, 0, false)
}

func noticeOfMany(s *scene) {
	r, ok := s.noticed()
	if !ok {
		return
	}
	var group sync.WaitGroup
	var taken, failed atomic.Int64
	for range 50 {
		group.Go(func() {
			ok, _, err := s.Store.(store.Notifier).Notice(s.ctx, store.Notice{Name: r.Name, Fence: r.Fence, Again: s.units(long)})
			if err != nil {
				failed.Add(1)
			}
			if ok {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	same(s, "runners that failed", failed.Load(), 0)
	same(s, "runners that took the notice", taken.Load(), 1)
}

func batches() []one {
	return []one{
		{"a batch makes all its moves", batchMakesAll},
		{"a batch that fails or panics makes none", batchMakesNone},
		{"a Tx ends with its batch", txEnds},
	}
}

func (s *scene) batcher() (store.Batcher, bool) {
	b, ok := s.Store.(store.Batcher)
	if !ok {
		s.Log("not tested: the store is no Batcher")
	}
	return b, ok
}

// some makes several moves: it begins, claims, and completes what it claimed
// and what token holds.
func (s *scene) some(tx store.Tx, begun, claimed store.Intent, token store.Token) error {
	_, err := tx.Begin(s.ctx, begun)
	g, claimErr := tx.Claim(s.ctx, s.call(claimed))
	same(s, "a claim in a batch", g.Status, store.ClaimAcquired)
	_, ownErr := tx.Complete(s.ctx, g.Record.Token(), success)
	_, oldErr := tx.Complete(s.ctx, token, success)
	return errors.Join(err, claimErr, ownErr, oldErr)
}

func batchMakesAll(s *scene) {
	batcher, ok := s.batcher()
	if !ok {
		return
	}
	begun, claimed, held := s.intent(), s.intent(), s.intent()
	token := s.take(s.call(held))
	calls := 0
	s.must(batcher.Batch(s.ctx, func(tx store.Tx) error {
		calls++
		return s.some(tx, begun, claimed, token)
	}))
	same(s, "calls of fn", calls, 1)
	same(s, "what was begun", s.get(begun.Name).State, store.StatePending)
	same(s, "what was claimed and completed", s.get(claimed.Name).State, store.StateSucceeded)
	same(s, "what was completed", s.get(held.Name).State, store.StateSucceeded)

	refused := s.intent()
	s.must(batcher.Batch(s.ctx, func(tx store.Tx) error {
		_, err := tx.Claim(s.ctx, store.Claim{Intent: refused})
		s.refused("a claim without a lease", err, store.ErrInvalid)
		_, err = tx.Begin(s.ctx, refused)
		return err
	}))
	same(s, "what was begun after a refused move", s.get(refused.Name).State, store.StatePending)
}

func batchMakesNone(s *scene) {
	batcher, ok := s.batcher()
	if !ok {
		return
	}
	failure := errors.New("the application's error")
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	for what, batch := range map[string]func(fn func(store.Tx)) error{
		"an error": func(fn func(store.Tx)) error {
			return batcher.Batch(s.ctx, func(tx store.Tx) error { fn(tx); return failure })
		},
		"a panic": func(fn func(store.Tx)) (err error) {
			defer func() { err = recover().(error) }()
			return batcher.Batch(s.ctx, func(tx store.Tx) error { fn(tx); panic(failure) })
		},
		"a context that has ended": func(fn func(store.Tx)) error {
			if err := batcher.Batch(ended, func(tx store.Tx) error { fn(tx); return nil }); err != nil {
				return failure
			}
			return nil
		},
	} {
		m := newModel(s)
		begun, claimed, held := s.intent(), s.intent(), s.intent()
		token := s.take(s.call(held))
		m.records[begun.Name], m.records[claimed.Name], m.records[held.Name] = store.Record{}, store.Record{}, m.read(held.Name)
		if err := batch(func(tx store.Tx) { s.must(s.some(tx, begun, claimed, token)) }); !errors.Is(err, failure) {
			s.Errorf("a batch with %s returned %v", what, err)
		}
		m.untouched()
		m.do(claimStep(s.call(claimed)))
	}
}

func txEnds(s *scene) {
	batcher, ok := s.batcher()
	if !ok {
		return
	}
	i := s.intent()
	for _, result := range []error{nil, errors.New("rolled back")} {
		var kept store.Tx
		_ = batcher.Batch(s.ctx, func(tx store.Tx) error {
			kept = tx
			return result
		})
		if _, err := kept.Begin(s.ctx, i); err == nil {
			s.Error("a begin after its batch was answered")
		}
		if _, err := kept.Claim(s.ctx, s.call(i)); err == nil {
			s.Error("a claim after its batch was answered")
		}
		if _, err := kept.Complete(s.ctx, store.Token{Name: i.Name, Nonce: nonce()}, success); err == nil {
			s.Error("a completion after its batch was answered")
		}
		_, err := s.Store.Get(s.ctx, i.Name)
		s.refused("reading it", err, store.ErrNotFound)
	}
}

func watches() []one {
	return []one{
		{"who watches is told of every change", watchTells},
		{"who subscribes, looks and waits misses nothing", watchLosesNothing},
		{"who watches and does not look holds nobody up", watchNeverBlocks},
	}
}

func (s *scene) watcher() (store.Watcher, bool) {
	w, ok := s.Store.(store.Watcher)
	if !ok {
		s.Log("not tested: the store is no Watcher")
	}
	return w, ok
}

// told waits a while for a change.
func (s *scene) told(changed <-chan struct{}) bool {
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
		return false
	}
}

func watchTells(s *scene) {
	watcher, ok := s.watcher()
	if !ok {
		return
	}
	i, other := s.intent(), s.intent()
	changed, stop := watcher.Watch(i.Name)
	again, stopAgain := watcher.Watch(i.Name)
	elsewhere, stopElsewhere := watcher.Watch(other.Name)
	defer stop()
	defer stopElsewhere()
	s.begin(i)
	same(s, "told of a begin", s.told(changed) && s.told(again), true)
	stopAgain()
	stopAgain()
	token := s.take(s.mode(i, store.ModeResume))
	same(s, "told of a claim", s.told(changed), true)
	s.complete(token, success)
	same(s, "told of a completion", s.told(changed), true)
	select {
	case <-elsewhere:
		s.Error("told of another operation")
	default:
	}
	if batcher, ok := s.Store.(store.Batcher); ok {
		s.must(batcher.Batch(s.ctx, func(tx store.Tx) error {
			_, err := tx.Begin(s.ctx, other)
			return err
		}))
		same(s, "told of a batch", s.told(elsewhere), true)
	}
}

func watchLosesNothing(s *scene) {
	watcher, ok := s.watcher()
	if !ok {
		return
	}
	for range 50 {
		i := s.intent()
		token := s.take(s.call(i))
		done := make(chan error, 1)
		go func() {
			_, err := s.Store.Complete(s.ctx, token, success)
			done <- err
		}()
		changed, stop := watcher.Watch(i.Name)
		for s.get(i.Name).State != store.StateSucceeded {
			if !s.told(changed) {
				s.Error("a wake-up was lost")
				break
			}
		}
		stop()
		s.must(<-done)
	}
}

func watchNeverBlocks(s *scene) {
	watcher, ok := s.watcher()
	if !ok {
		return
	}
	i := s.intent()
	changed, stop := watcher.Watch(i.Name)
	defer stop()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	for range 20 {
		g, err := s.Store.Claim(ctx, s.call(i))
		s.must(err)
		_, err = s.Store.Complete(ctx, g.Record.Token(), notRun)
		s.must(err)
	}
	same(s, "told at last", s.told(changed), true)
}
