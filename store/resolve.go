package store

import "time"

// Resolution is what a person, or a program with evidence, decides of an
// operation: that an unknown one succeeded, failed, or is to be begun again
// under a new key; that a pending one is cancelled.
type Resolution struct {
	Name
	// Fence is that of the record which was looked at.
	Fence int64
	// State is StateSucceeded, StateFailed, or StatePending for the next
	// generation, which needs NotRun.
	State State
	// Reason of a failure: ReasonRefused, ReasonNotRun, or ReasonCancelled for
	// what is pending.
	Reason Reason
	// NotRun: the evidence proves that it has not run and cannot run any more.
	NotRun bool
	// Evidence and Actor say on what grounds, and who. Cancelling needs an actor
	// alone.
	Evidence, Actor string
	// Result is the answer of one that succeeded, in the holder's bytes.
	Result []byte
	// Notice: its handler is to be told.
	Notice bool
}

func (d *Resolution) check() error {
	switch {
	case d.Actor == "":
		return invalid("a decision needs an actor")
	case d.Evidence == "" && d.Reason != ReasonCancelled:
		return invalid("a decision needs evidence")
	case d.State != StateSucceeded && d.State != StateFailed && d.State != StatePending:
		return invalid("a decision for %s", d.State)
	case (d.State == StateFailed) != (d.Reason != ReasonNone), d.Reason > ReasonCancelled:
		return invalid("a decision for %s with reason %q", d.State, d.Reason)
	case d.State == StatePending && !d.NotRun, d.Reason == ReasonNotRun && !d.NotRun:
		return invalid("a decision that it did not run needs proof of it")
	}
	return d.Name.check()
}

// Resolved is the answer to a Resolution or a Reopening.
type Resolved struct {
	Status ResolveStatus
	// Record is the operation after it, with the entry that it added to the trail.
	Record Record
}

// ResolveStatus is what became of a decision.
type ResolveStatus uint8

// What became of a decision.
const (
	ResolveChanged ResolveStatus = iota // the record is not the one that was looked at: look again
	ResolveDone
	ResolveAbsent // there is no such operation
)

var resolveWords = [...]string{"changed", "done", "absent"}

// String returns the status in words.
func (s ResolveStatus) String() string { return word(resolveWords[:], int(s)) }

// Apply decides on a record at the store's time. It is the whole rule, for
// stores to call. The error is ErrIllegal if the record's state does not allow
// the decision: only what is unknown can be resolved, what is pending cancelled.
func (d *Resolution) Apply(r *Record, now time.Time) (ResolveStatus, error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	cancel := d.Reason == ReasonCancelled
	switch {
	case r.State == StateAbsent:
		return ResolveAbsent, nil
	case r.Fence != d.Fence:
		return ResolveChanged, nil
	case cancel && r.State != StatePending:
		return 0, illegal("only what is pending can be cancelled, and this is %s", r.State)
	case !cancel && r.State != StateUnknown:
		return 0, illegal("only what is unknown can be resolved, and this is %s", r.State)
	}
	event := EventResolved
	if cancel {
		event = EventCancelled
	}
	r.note(now, Entry{Event: event, State: d.State, Reason: d.Reason, Actor: d.Actor, Evidence: d.Evidence, Result: d.Result})
	d.write(r, now)
	return ResolveDone, nil
}

func (d *Resolution) write(r *Record, now time.Time) {
	r.rise(now)
	r.Nonce = Nonce{} // who held it is an older holder now
	if d.State == StatePending {
		r.regenerate(now)
		return
	}
	c := Completion{State: d.State, Reason: d.Reason, Result: d.Result, Notice: d.Notice}
	if d.Result == nil && d.State == StateSucceeded {
		c.Partial = true
	}
	c.write(r, now)
}

// regenerate makes a record pending under its next key.
func (r *Record) regenerate(now time.Time) {
	r.Generation++
	r.GenerationFence = r.Fence
	r.pend(now, now, false)
	r.Settled, r.PurgeAt, r.Notice = time.Time{}, time.Time{}, time.Time{}
	r.Result, r.Partial, r.Passes, r.Nonce = nil, false, 0, Nonce{}
	r.Told, r.Runner = false, false // of this generation nobody has been told anything
}

// Reopening is an operator's decision that a failed operation is to be done
// after all, under the key of the next generation.
type Reopening struct {
	Name
	// Fence is that of the record which was looked at.
	Fence int64
	// Evidence and Actor say on what grounds, and who.
	Evidence, Actor string
}

// Apply reopens a record at the store's time. It is the whole rule, for stores
// to call. The error is ErrIllegal unless the record is a failed one whose
// request is still there and of which nobody has heard that it was done.
func (o *Reopening) Apply(r *Record, now time.Time) (ResolveStatus, error) {
	if err := o.Name.check(); err != nil {
		return 0, err
	}
	switch {
	case o.Actor == "" || o.Evidence == "":
		return 0, invalid("reopening needs an actor and evidence")
	case r.State == StateAbsent:
		return ResolveAbsent, nil
	case r.Fence != o.Fence:
		return ResolveChanged, nil
	case r.State != StateFailed || r.Purged || r.Conflicts > 0:
		return 0, illegal("only what failed, uncontradicted and kept whole, can be reopened, and this is %s", r.State)
	}
	r.note(now, Entry{Event: EventReopened, State: StatePending, Actor: o.Actor, Evidence: o.Evidence})
	r.rise(now)
	r.regenerate(now)
	return ResolveDone, nil
}
