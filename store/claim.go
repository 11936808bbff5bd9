package store

import "time"

// Claim asks to hold an operation.
type Claim struct {
	// Intent is what the caller means. ModeCall writes it down; the other modes
	// need its Name alone.
	Intent
	Mode Mode
	// Lease is how long the holder is heard of before others may take over. It
	// must be positive.
	Lease time.Duration
	// Runner: a runner's pass, so nobody is waiting to be told an outcome.
	Runner bool
	// Force: although a pending operation is not due, unless the wait is the
	// server's advice.
	Force bool
	// Within is how long after first-sent a call of the application may carry
	// on where no window is known.
	Within time.Duration
	// Age is how long ago the call began, at the moment at which the store is
	// asked. What was decided since then is its answer too: it was waiting for
	// it. A store in which a claim may have to queue adds the time in the queue.
	Age time.Duration
	// Waited is the fence of the claim that this call found in flight and has
	// waited for: what became of that one is its answer too. Zero: of none.
	Waited int64
	// Nonce makes a repeated claim the same claim, when the first one's answer
	// was lost. Required; never use one twice.
	Nonce Nonce
}

func (c *Claim) check() error {
	switch {
	case c.Mode > ModeSweep:
		return invalid("unknown mode %d of a claim", c.Mode)
	case c.Mode == ModeSweep:
		return c.Name.check()
	case c.Lease <= 0:
		return invalid("a claim needs a lease")
	case c.Nonce == Nonce{}:
		return invalid("a claim needs a nonce")
	case c.Within < 0 || c.Age < 0 || c.Waited < 0:
		return invalid("negative duration in a claim")
	case c.Mode == ModeCall:
		return c.Intent.check()
	}
	return c.Name.check()
}

// Grant is the answer to a Claim.
type Grant struct {
	Status ClaimStatus
	// Record is the operation after the claim, without its trail. Inside a
	// caller's transaction it may hold no more than State, Reason and token.
	Record Record
	// From is the state, and Reason the reason of a failed one, that an acquired
	// operation was in before. From StateUnknown and StateInFlight an earlier
	// delivery may be in doubt.
	From   State
	Reason Reason
	// Doubt is when such a delivery can have begun at the latest.
	Doubt time.Time
	// Now is the store's time.
	Now time.Time
}

// ClaimStatus is what became of a Claim.
type ClaimStatus uint8

// What became of a Claim. All but Acquired leave the operation to others.
const (
	ClaimMismatched ClaimStatus = iota // the name is another intent's; wins over every other answer
	ClaimAcquired                      // it is the caller's
	ClaimHeld                          // in flight elsewhere until Record.Lease
	ClaimNotDue                        // pending or unknown, and not to be touched before Record.Next
	ClaimSettled                       // succeeded or failed: Record has the answer
	ClaimUnknown                       // nobody knows how it ended, and this claim may not carry it on
	ClaimAbsent                        // there is none, and the mode does not begin one
)

var claimWords = [...]string{"mismatched", "acquired", "held", "not due", "settled", "unknown", "absent"}

// String returns the status in words.
func (s ClaimStatus) String() string { return word(claimWords[:], int(s)) }

// Apply claims a record at the store's time. It is the whole rule, for stores
// to call. It changes r if the operation is acquired, and if its holder has
// lapsed and it must not be sent again: then it becomes unknown.
func (c *Claim) Apply(r *Record, now time.Time) (Grant, error) {
	if err := c.check(); err != nil {
		return Grant{}, err
	}
	g := Grant{From: r.State, Reason: r.Reason, Now: now}
	g.Status = c.decide(r, now, &g)
	if g.Status == ClaimAcquired && !c.repeats(r) {
		c.take(r, now)
	}
	g.Record = *r
	return g, nil
}

func (c *Claim) decide(r *Record, now time.Time, g *Grant) ClaimStatus {
	switch {
	case r.State == StateAbsent && c.Mode != ModeCall:
		return ClaimAbsent
	case r.State == StateAbsent:
		return ClaimAcquired
	case c.Mode == ModeCall && r.Fingerprint != c.Fingerprint:
		return ClaimMismatched
	case c.repeats(r):
		g.From, g.Doubt = r.claimedFrom()
		return ClaimAcquired
	}
	switch r.State {
	case StatePending:
		return c.onPending(r, now)
	case StateInFlight:
		return c.onInFlight(r, now, g)
	case StateUnknown:
		return c.onUnknown(r, now, g)
	default:
		return c.onSettled(r, now)
	}
}

// repeats reports whether this claim has been granted already.
func (c *Claim) repeats(r *Record) bool {
	return r.State == StateInFlight && c.Mode != ModeSweep && r.Nonce == c.Nonce
}

// claimedFrom is what a repeated claim is told: it is not known any more, so
// the more careful state of those that it can have been.
func (r *Record) claimedFrom() (State, time.Time) {
	if r.Claims == 1 {
		return StateAbsent, time.Time{}
	}
	return StateUnknown, r.LastHeld
}

func (c *Claim) onPending(r *Record, now time.Time) ClaimStatus {
	switch {
	case c.Mode == ModeReconcile || c.Mode == ModeSweep:
		return ClaimNotDue
	case r.Next.After(now) && (!c.Force || r.Advised):
		return ClaimNotDue
	}
	return ClaimAcquired
}

func (c *Claim) onInFlight(r *Record, now time.Time, g *Grant) ClaimStatus {
	if r.Lease.After(now) {
		return ClaimHeld
	}
	if c.mayCarryOn(r, now) {
		if c.Mode == ModeSweep {
			return ClaimHeld
		}
		g.Doubt = r.lastSending()
		return ClaimAcquired
	}
	r.lapse(now)
	if c.Mode == ModeReconcile {
		g.Doubt = r.LastHeld
		return ClaimAcquired
	}
	return ClaimUnknown
}

// mayCarryOn reports whether what was sent may be sent again, or, by a claim to
// reconcile, need not become unknown first.
func (c *Claim) mayCarryOn(r *Record, now time.Time) bool {
	switch {
	case r.OnLapse == LapseRerun:
		return true
	case r.OnLapse != LapseResume, r.Mode == ModeReconcile && !r.Resend:
		return false
	}
	return r.open(now, c.within())
}

func (c *Claim) within() time.Duration {
	if c.Runner {
		return 0
	}
	return c.Within
}

// lastSending is when a delivery of a record in flight can have begun at the
// latest. Who only asks how it ended sends nothing.
func (r *Record) lastSending() time.Time {
	if r.Mode == ModeReconcile {
		return r.LastHeld
	}
	return r.Lease
}

// lapse makes a record unknown. Fence and nonce stay, so that the holder, should
// it be alive, can still tell what it knows.
func (r *Record) lapse(now time.Time) {
	r.State, r.LastHeld, r.Updated, r.Next = StateUnknown, r.lastSending(), now, now
	r.Lease, r.Advised, r.Abandoned = time.Time{}, false, true
	r.note(now, Entry{Event: EventLapsed, State: StateUnknown})
}

func (c *Claim) onUnknown(r *Record, now time.Time, g *Grant) ClaimStatus {
	waiting := r.Next.After(now)
	switch {
	case c.Mode == ModeCall || c.Mode == ModeSweep:
		return ClaimUnknown
	case waiting && c.Runner:
		return ClaimNotDue
	case c.Mode == ModeReconcile:
	case !r.Resend || r.OnLapse == LapseUnknown, r.OnLapse == LapseResume && !r.open(now, c.within()):
		return ClaimUnknown
	case waiting && r.Advised && !c.Runner:
		return ClaimNotDue
	case !c.Runner && !r.Abandoned && c.waitedFor(r, r.Updated, now):
		return ClaimUnknown
	}
	g.Doubt = r.LastHeld
	return ClaimAcquired
}

func (c *Claim) onSettled(r *Record, now time.Time) ClaimStatus {
	again := r.mayBeAskedAgain() && c.Mode == ModeCall && !c.Runner
	if again && !c.waitedFor(r, r.Settled, now) {
		return ClaimAcquired
	}
	return ClaimSettled
}

// waitedFor reports whether the call was waiting when the record became what it
// is. A commit takes time, so the store's word for when that was is not enough
// for those who saw it in flight.
func (c *Claim) waitedFor(r *Record, at, now time.Time) bool {
	return c.Waited != 0 && c.Waited == r.Fence || at.After(now.Add(-c.Age))
}

// take makes the record the caller's.
func (c *Claim) take(r *Record, now time.Time) {
	fresh := r.State == StateAbsent || r.State == StateFailed
	if fresh {
		r.Name, r.Fingerprint = c.Name, c.Fingerprint
		r.Result, r.Partial, r.Passes, r.Told = nil, false, 0, false
	}
	if r.State == StateAbsent {
		r.Created = now
	}
	if fresh || c.Mode == ModeCall && !c.Runner && r.State == StatePending && r.Generation > 0 {
		c.write(r)
	}
	if r.State == StateInFlight {
		r.LastHeld = r.lastSending()
	}
	if c.Mode != ModeReconcile {
		r.Resend = true
		if r.FirstSent.IsZero() {
			r.FirstSent = now
		}
	}
	r.rise(now)
	r.State, r.Reason, r.Nonce, r.Mode, r.Runner = StateInFlight, ReasonNone, c.Nonce, c.Mode, c.Runner
	r.Told = r.Told || !c.Runner
	r.Claims++
	r.Lease, r.Next, r.Updated = now.Add(c.Lease), time.Time{}, now
	r.Advised, r.Abandoned, r.Purged = false, false, false
	r.Settled, r.PurgeAt, r.Notice = time.Time{}, time.Time{}, time.Time{}
}
