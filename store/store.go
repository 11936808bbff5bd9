package store

import (
	"context"
	"time"
)

// Store keeps records. Each method is one atomic step, or for Renew one for
// each token, and is durable as far as the store's Capabilities say before it
// returns. All are safe for concurrent use. An error leaves open whether the step
// was made, unless its own comment says that nothing changed. Slices in records belong to
// whoever received them.
type Store interface {
	Tx
	// Renew renews the leases that the tokens hold, and returns for each
	// whether it still holds. It need not outlive a power loss.
	Renew(ctx context.Context, lease time.Duration, tokens []Token) ([]bool, error)
	// Get reads a record with its trail. The error is ErrNotFound if there is
	// none.
	Get(ctx context.Context, name Name) (Record, error)
}

// Tx makes the moves of a caller: by themselves, or as part of a transaction of
// the caller's (in which case nothing is durable before the caller commits,
// and nothing has happened if it does not).
type Tx interface {
	// Begin writes down an operation for a runner to do (Intent.Apply).
	Begin(ctx context.Context, intent Intent) (Begun, error)
	// Claim asks to hold an operation (Claim.Apply).
	Claim(ctx context.Context, claim Claim) (Grant, error)
	// Complete says how a claim ended (Completion.Apply).
	Complete(ctx context.Context, token Token, completion Completion) (Completed, error)
}

// Admin is an optional interface of a Store: what runners and operators need.
type Admin interface {
	// Due returns what a runner has to do, the longest due first. It claims
	// nothing: between the answer and a claim others may have been faster.
	Due(ctx context.Context, filter DueFilter) ([]DueItem, error)
	// List returns records in the order of their lookup sums, without requests,
	// results and trails.
	List(ctx context.Context, filter Filter) ([]Record, error)
	// Resolve applies a Resolution.
	Resolve(ctx context.Context, resolution Resolution) (Resolved, error)
	// Reopen applies a Reopening.
	Reopen(ctx context.Context, reopening Reopening) (Resolved, error)
	// Purge makes tombstones of what is past its time (Record.Purge), and
	// removes tombstones that have become too old. It returns how many of each.
	Purge(ctx context.Context, limits PurgeLimits) (Purged, error)
}

// Notifier is an optional interface of a Store: handlers are told, at least
// once, of what was settled without its caller.
type Notifier interface {
	// Notice takes or ends a notice (Notice.Apply) and returns the record.
	Notice(ctx context.Context, notice Notice) (bool, Record, error)
}

// Batcher is an optional interface of a Store: several moves in one commit.
type Batcher interface {
	// Batch calls fn once, and makes all its moves or, if it returns an error,
	// none. The Tx is not valid after fn.
	Batch(ctx context.Context, fn func(Tx) error) error
}

// Watcher is an optional interface of a Store: waiting without asking again and
// again.
type Watcher interface {
	// Watch returns a channel that gets a value soon after the operation has
	// changed through this store in this process, until stop is called. Changes
	// by others may go unseen, so whoever waits also looks from time to time;
	// and first subscribes, then looks.
	Watch(name Name) (changed <-chan struct{}, stop func())
}

// Capable is an optional interface of a Store. One without it promises nothing.
type Capable interface{ Capabilities() Capabilities }

// Capabilities say what a store really offers.
type Capabilities struct {
	Durability Durability
	// Shared: whoever calls, in whatever process, finds the same records.
	Shared bool
	Clock  Clock
}

// CapabilitiesOf returns what s says of itself, nothing if it does not.
func CapabilitiesOf(s Store) Capabilities {
	if c, ok := s.(Capable); ok {
		return c.Capabilities()
	}
	return Capabilities{}
}

// Vouches reports whether the absence of a record proves that no other caller
// has sent anything: it would be there after a loss of power, and for
// everybody.
func (c Capabilities) Vouches() bool { return c.Shared && c.Durability >= DurablePowerLoss }

// Durability says what a completed move outlives. Each includes those before.
type Durability uint8

// What a completed move outlives.
const (
	DurableNothing    Durability = iota // not the process
	DurableCommit                       // the process; a loss of power or a failover may take back what was committed
	DurablePowerLoss                    // a loss of power
	DurableReplicated                   // the loss of a machine
)

var durabilityWords = [...]string{"nothing outlives the process", "commit", "power loss", "replicated"}

// String returns the durability in words.
func (d Durability) String() string { return word(durabilityWords[:], int(d)) }

// Clock says whose time a store's is.
type Clock uint8

// Whose time.
const (
	ClockHost  Clock = iota // of the process's machine
	ClockStore              // of one clock for all processes
)

var clockWords = [...]string{"host", "store"}

// String returns the clock in words.
func (c Clock) String() string { return word(clockWords[:], int(c)) }

// DueFilter says what a runner can do.
type DueFilter struct {
	Owner string
	// Kinds are those that it has handlers for; with Others those that it has
	// none for.
	Kinds  []string
	Others bool
	// Limit is required.
	Limit int
}

// Check returns what is wrong with a filter.
func (f *DueFilter) Check() error {
	if f.Limit <= 0 {
		return invalid("a due filter without a limit")
	}
	return nil
}

// DueItem is an operation with which a runner has something to do.
type DueItem struct {
	Name
	Fence  int64
	State  State
	Since  time.Time
	Passes int
}

// Filter chooses records.
type Filter struct {
	// Scope, Kind and State choose if they are not zero.
	Scope, Kind string
	State       State
	// Before chooses what was last changed before it, if it is not zero.
	Before time.Time
	// After continues behind the last record of the page before.
	After Name
	// Limit is required.
	Limit int
}

// Check returns what is wrong with a filter.
func (f *Filter) Check() error {
	if f.Limit <= 0 {
		return invalid("a filter without a limit")
	}
	return nil
}

// PurgeLimits limit a purge.
type PurgeLimits struct {
	// Limit is how many records it touches at most. Required.
	Limit int
	// Forget is the age, counted from the last change, at which tombstones are
	// removed. An operation of that name would then be a new one, so it must be longer than
	// the longest time after which anybody may ask for it again. Zero: never.
	Forget time.Duration
}

// Check returns what is wrong with the limits.
func (l *PurgeLimits) Check() error {
	if l.Limit <= 0 || l.Forget < 0 {
		return invalid("a purge without a limit, or with a negative age")
	}
	return nil
}

// Purged counts what a purge did.
type Purged struct{ Emptied, Forgotten int }
