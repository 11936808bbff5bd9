package sqlstore

import (
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/retrysafe/retrysafe/internal/watch"
	"github.com/retrysafe/retrysafe/store"
)

// Store keeps operations in an SQL database. It has all the optional interfaces
// of package store, and is safe for concurrent use.
type Store struct {
	db     *sql.DB
	engine *engine
	opts   Options
	clock  *clock

	opening chan struct{} // full while somebody looks at the database
	ready   atomic.Bool
	guard   func() error // set before ready
	readers *readers
	one     string // selectOne with the tables' prefix

	queue   queue
	session *session // of whoever leads the queue
	watched watch.Set
	grants  grants
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Admin    = (*Store)(nil)
	_ store.Notifier = (*Store)(nil)
	_ store.Batcher  = (*Store)(nil)
	_ store.Watcher  = (*Store)(nil)
	_ store.Capable  = (*Store)(nil)
)

// New returns a store over a pool, which stays the caller's and must outlive
// the store. It refuses what it can see without using the pool; Migrate, or the
// first move, refuses the rest. The error is ErrUnusable for a pool that cannot
// be relied on.
func New(db *sql.DB, dialect Dialect, opts *Options) (*Store, error) {
	engine := engineOf(dialect)
	if engine == nil {
		return nil, fmt.Errorf("sqlstore: unknown dialect %d", dialect)
	}
	chosen, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkPool(db); err != nil {
		return nil, err
	}
	s := &Store{db: db, engine: engine, opts: chosen}
	s.clock = newClock(chosen.Now)
	s.opening = make(chan struct{}, 1)
	s.readers, s.one = newReaders(db), s.named(selectOne)
	s.queue.init(chosen.Queue)
	return s, nil
}

// Capabilities says that moves outlive a loss of power, and that every process
// with the same database finds the same records. The time is the machine's.
func (s *Store) Capabilities() store.Capabilities {
	return store.Capabilities{Durability: store.DurablePowerLoss, Shared: true, Clock: store.ClockHost}
}

// Watch returns a channel that gets a value after every move that changed the
// operation through this store. Renewed leases and taken notices are none.
func (s *Store) Watch(name store.Name) (changed <-chan struct{}, stop func()) {
	return s.watched.Watch(name.Sum())
}

// Close ends the store: it waits for the moves under way, and closes the
// connections that it had for itself. The pool stays open. Every later call
// fails with store.ErrClosed.
func (s *Store) Close() error {
	if !s.queue.close() {
		return nil
	}
	return s.end()
}
