package store

import "time"

// Completion is what a holder has to say at the end of its claim.
type Completion struct {
	// State is StateSucceeded, StateFailed, StateUnknown, or StatePending to
	// release what cannot have run.
	State State
	// Reason of a failure: ReasonRefused or ReasonNotRun.
	Reason Reason
	// Result is the answer, in the holder's bytes. Partial: it is not all of it,
	// and the same holder may complete it later.
	Result  []byte
	Partial bool
	// Resend says of an unknown one that sending it again may still tell.
	Resend bool
	// Retry is how long a pending or unknown one is left alone, and for how long
	// the handler of a settled one is not told yet. Advised: by the server's
	// advice.
	Retry   time.Duration
	Advised bool
	// Abandoned: the caller left before the end, so that others who wait for an
	// unknown one may carry it on.
	Abandoned bool
	// Notice: it ends without its caller, who is to be told by a handler.
	Notice bool
	// Lazy: this completion need not outlive a power loss, because it could be
	// had again.
	Lazy bool
	// Evidence is kept in the trail by a claim to reconcile.
	Evidence string
}

func (c *Completion) check(t Token) error {
	switch {
	case c.State != StateSucceeded && c.State != StateFailed && c.State != StateUnknown && c.State != StatePending:
		return invalid("a completion as %s", c.State)
	case (c.State == StateFailed) != (c.Reason == ReasonRefused || c.Reason == ReasonNotRun), c.Reason > ReasonNotRun:
		return invalid("a completion as %s with reason %q", c.State, c.Reason)
	case len(c.Result) > MaxBytes:
		return invalid("a result longer than %d bytes", MaxBytes)
	case c.Retry < 0:
		return invalid("negative retry in a completion")
	case t.Nonce == Nonce{}:
		return invalid("a token without a nonce")
	}
	return t.Name.check()
}

// Completed is the answer to a Completion.
type Completed struct {
	Status CompleteStatus
	// Record is the operation after it, with the entries that it added to the
	// trail. Inside a caller's transaction it is empty.
	Record Record
}

// CompleteStatus is what became of a Completion.
type CompleteStatus uint8

// What became of a Completion.
const (
	// CompleteLost: others hold the operation, or have settled it, and what was
	// said is kept as evidence. Record says what holds.
	CompleteLost CompleteStatus = iota
	// CompleteDone: it is as was said now, also where an older holder's success
	// settled it.
	CompleteDone
	// CompleteRepeated: it was so already.
	CompleteRepeated
	// CompleteContradicted: it was settled otherwise, and stays so. The conflict
	// is recorded; a person must look at it.
	CompleteContradicted
	// CompleteAbsent: there is no such operation.
	CompleteAbsent
)

var completeWords = [...]string{"lost", "done", "repeated", "contradicted", "absent"}

// String returns the status in words.
func (s CompleteStatus) String() string { return word(completeWords[:], int(s)) }

// Apply completes a record at the store's time. It is the whole rule, for
// stores to call; whether r was changed is for them to see. The error is
// ErrIllegal if the holder may not say such a thing: nothing changes then.
func (c *Completion) Apply(r *Record, t Token, now time.Time) (CompleteStatus, error) {
	if err := c.check(t); err != nil {
		return 0, err
	}
	held := r.Nonce == t.Nonce && (t.Fence == 0 || t.Fence == r.Fence)
	switch {
	case r.State == StateAbsent:
		return CompleteAbsent, nil
	case r.State.settled():
		return c.onSettled(r, held, t, now), nil
	case held && r.State == StateInFlight:
		return c.onHeld(r, now)
	case held && r.State == StateUnknown:
		return c.onUnchallenged(r, now)
	case held && r.State == StatePending && c.State == StatePending:
		return CompleteRepeated, nil
	default:
		return c.onOthers(r, t, now), nil
	}
}

// onHeld is the completion by the holder. A lease that ran out does not matter
// while nobody took over.
func (c *Completion) onHeld(r *Record, now time.Time) (CompleteStatus, error) {
	if c.State == StatePending && (r.Told || !r.Runner) {
		return 0, illegal("a release, but somebody may have been told an outcome")
	}
	if err := c.find(r, now); err != nil {
		return 0, err
	}
	c.write(r, now)
	return CompleteDone, nil
}

// find notes what a claim to reconcile found.
func (c *Completion) find(r *Record, now time.Time) error {
	if r.Mode != ModeReconcile {
		return nil
	}
	if c.State == StateFailed && c.Reason != ReasonNotRun {
		return illegal("a claim to reconcile can prove that it did not run, not that it was refused")
	}
	r.note(now, Entry{Event: EventFinding, State: c.State, Reason: c.Reason, Evidence: c.Evidence})
	return nil
}

// onUnchallenged is the completion by a holder that lapsed, and after whom
// nobody came: time is no proof that its work stopped.
func (c *Completion) onUnchallenged(r *Record, now time.Time) (CompleteStatus, error) {
	switch c.State {
	case StatePending:
		return 0, illegal("a release of what is unknown")
	case StateUnknown:
		if len(r.Result) == 0 {
			r.Result, r.Partial = c.Result, c.Partial
		}
		return CompleteRepeated, nil
	}
	if err := c.find(r, now); err != nil {
		return 0, err
	}
	c.write(r, now)
	return CompleteDone, nil
}

// onSettled is a completion of what is settled, whoever settled it.
func (c *Completion) onSettled(r *Record, held bool, t Token, now time.Time) CompleteStatus {
	switch {
	case c.State == StateUnknown || c.State == StatePending:
		return CompleteLost
	case c.State != r.State && c.Reason == ReasonNotRun:
		// Its own deliveries did not run. Somebody else's did.
		c.keep(r, t, EventLate, now)
		return CompleteLost
	case c.State != r.State, c.State == StateSucceeded && r.isOlder(t):
		// Two successes under two keys are two effects.
		r.Conflicts++
		r.Updated = now
		c.keep(r, t, EventConflict, now)
		return CompleteContradicted
	case r.State == StateSucceeded && r.Partial && !c.Partial && !r.Purged && (held || 0 < t.Fence && t.Fence < r.Fence):
		r.Result, r.Partial, r.Updated = c.Result, false, now
		return CompleteDone
	}
	return CompleteRepeated
}

// onOthers is a completion by an older holder. Only its success is more than
// evidence: the effect is there, whoever made it.
func (c *Completion) onOthers(r *Record, t Token, now time.Time) CompleteStatus {
	if c.State != StateSucceeded || t.Fence != 0 && t.Fence < r.Created.UnixMicro() {
		// The second is of an operation of this name that was forgotten.
		c.keep(r, t, EventLate, now)
		return CompleteLost
	}
	if r.State == StatePending && (r.Generation > 0 || t.Nonce == r.Nonce) || r.isOlder(t) {
		// Somebody had proof that it did not run, or the holder itself said so.
		r.Conflicts++
		c.keep(r, t, EventConflict, now)
	} else {
		c.keep(r, t, EventLate, now)
	}
	late := *c
	late.Notice = late.Notice || r.Runner || r.State == StatePending
	late.write(r, now)
	return CompleteDone
}

// keep notes in the trail what an older holder said. What it said before is not
// noted again.
func (c *Completion) keep(r *Record, t Token, event Event, now time.Time) {
	r.note(now, Entry{Fence: t.Fence, Event: event, State: c.State, Reason: c.Reason, Evidence: c.Evidence, Result: c.Result})
}

// write makes the record what the completion says.
func (c *Completion) write(r *Record, now time.Time) {
	r.State, r.Reason, r.Updated = c.State, c.Reason, now
	r.Result, r.Partial = c.Result, c.Partial
	r.Lease, r.Next, r.Advised, r.Abandoned = time.Time{}, time.Time{}, false, false
	switch c.State {
	case StatePending:
		r.pend(now, now.Add(c.Retry), c.Advised)
		r.Passes++
	case StateUnknown:
		if r.Mode != ModeReconcile {
			r.LastHeld = now
		}
		r.Resend, r.Advised, r.Abandoned = c.Resend, c.Advised, c.Abandoned
		r.Next = now.Add(c.Retry)
		if r.Runner {
			r.Passes++
		}
	default:
		r.settle(now)
		if c.Notice {
			r.Notice = now.Add(c.Retry)
		}
		if c.State == StateFailed && c.Reason == ReasonNotRun {
			r.forgetSending()
		}
	}
}

func (r *Record) settle(now time.Time) {
	r.Settled, r.Passes, r.LastHeld = now, 0, now
	if r.Retain > 0 {
		r.PurgeAt = now.Add(r.Retain)
	}
}
