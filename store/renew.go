package store

import "time"

// Renew renews a record's lease at the store's time, and reports whether the
// token still holds it. A lease never becomes shorter. It is the whole rule,
// for stores to call.
func (r *Record) Renew(t Token, lease time.Duration, now time.Time) bool {
	if r.State != StateInFlight || r.Nonce != t.Nonce || t.Fence != 0 && t.Fence != r.Fence {
		return false
	}
	if until := now.Add(lease); until.After(r.Lease) {
		r.Lease = until
	}
	return true
}

// CheckRenewal returns what is wrong with a renewal.
func CheckRenewal(lease time.Duration, tokens []Token) error {
	if lease <= 0 {
		return invalid("a renewal needs a lease")
	}
	for i := range tokens {
		if err := tokens[i].Name.check(); err != nil {
			return err
		}
	}
	return nil
}

// Notice is how a runner tells what was settled without its caller, at least
// once: it takes the notice for a while, calls the handler, and ends it.
type Notice struct {
	Name
	// Fence is that of the record which was due.
	Fence int64
	// Again is for how long other runners leave the notice alone. Zero: it was
	// told, and is over.
	Again time.Duration
}

// Check returns what is wrong with a notice.
func (n *Notice) Check() error {
	if n.Again < 0 {
		return invalid("negative wait in a notice")
	}
	return n.Name.check()
}

// Apply takes or ends a record's notice at the store's time. It reports false
// if the notice is over, not due, or another one's. It is the whole rule, for
// stores to call.
func (n *Notice) Apply(r *Record, now time.Time) bool {
	switch {
	case !r.State.settled() || r.Notice.IsZero() || r.Fence != n.Fence:
		return false
	case n.Again == 0:
		r.Notice, r.Passes = time.Time{}, 0
	case r.Notice.After(now):
		return false
	default:
		r.Notice = now.Add(n.Again)
		r.Passes++
	}
	return true
}

// Purge makes a record a tombstone at the store's time if it is past its time
// and no notice is due. A tombstone still says how the operation ended. It is
// the whole rule, for stores to call; one that has not read the trail also takes
// the results out of that.
func (r *Record) Purge(now time.Time) bool {
	if !r.State.settled() || r.Purged || r.PurgeAt.IsZero() || r.PurgeAt.After(now) || !r.Notice.IsZero() {
		return false
	}
	r.Purged, r.PurgeAt, r.Updated = true, time.Time{}, now
	r.Request, r.Result = nil, nil
	for i := range r.Trail {
		r.Trail[i].Result = nil
	}
	return true
}
