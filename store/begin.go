package store

import "time"

// Intent is an operation as its caller means it.
type Intent struct {
	Name
	// Owner is the account whose runners carry the operation on.
	Owner       string
	Fingerprint Fingerprint
	OnLapse     OnLapse
	// Window is how long after the first sending the key may be sent; 0: not known.
	Window time.Duration
	// Retain is how long after its end request and result are kept; 0: until
	// somebody decides.
	Retain time.Duration
	// Request is what will be sent.
	Request []byte
	// Delay puts off the start of what is begun for a runner.
	Delay time.Duration
}

func (i *Intent) check() error {
	switch {
	case i.Window < 0 || i.Retain < 0 || i.Delay < 0:
		return invalid("negative window, retention or delay")
	case i.OnLapse > LapseRerun:
		return invalid("unknown rule %d on lapse", i.OnLapse)
	case len(i.Request) > MaxBytes:
		return invalid("a request longer than %d bytes", MaxBytes)
	case len(i.Owner) > MaxNameLength:
		return invalid("an owner longer than %d bytes", MaxNameLength)
	}
	return i.Name.check()
}

// Begun is what became of a Begin.
type Begun struct {
	Status BeginStatus
	Record Record
}

// BeginStatus is what became of a Begin.
type BeginStatus uint8

// What became of a Begin.
const (
	BeginMismatched BeginStatus = iota // the name is another intent's
	BeginCreated                       // it is pending now
	BeginExists                        // it was there already: Record says how it stands
)

var beginWords = [...]string{"mismatched", "created", "exists"}

// String returns the status in words.
func (b BeginStatus) String() string { return word(beginWords[:], int(b)) }

// Apply begins the intent on its record at the store's time: absent, or failed
// without having run, becomes pending. It is the whole rule, for stores to
// call. It changes r only if the status is BeginCreated.
func (i *Intent) Apply(r *Record, now time.Time) (BeginStatus, error) {
	if err := i.check(); err != nil {
		return 0, err
	}
	switch {
	case r.State == StateAbsent:
		r.Name, r.Created, r.Fingerprint = i.Name, now, i.Fingerprint
	case r.Fingerprint != i.Fingerprint:
		return BeginMismatched, nil
	case !r.mayBeAskedAgain():
		return BeginExists, nil
	}
	i.write(r)
	r.rise(now)
	r.pend(now, now.Add(i.Delay), false)
	r.Nonce, r.Passes, r.Told, r.Runner = Nonce{}, 0, false, false
	r.Settled, r.PurgeAt, r.Purged, r.Notice = time.Time{}, time.Time{}, false, time.Time{}
	r.Result, r.Partial = nil, false
	return BeginCreated, nil
}

// mayBeAskedAgain reports whether nothing has run, so that the application may
// ask for the operation again under the same key.
func (r *Record) mayBeAskedAgain() bool {
	return r.State == StateFailed && r.Reason == ReasonNotRun && r.Conflicts == 0
}

// write takes over what a caller says of an operation.
func (i *Intent) write(r *Record) {
	r.Owner, r.OnLapse, r.Window, r.Retain, r.Request = i.Owner, i.OnLapse, i.Window, i.Retain, i.Request
}

// pend makes a record pending, of which nothing can have run.
func (r *Record) pend(now, next time.Time, advised bool) {
	r.State, r.Reason, r.Next, r.Advised, r.Updated = StatePending, ReasonNone, next, advised, now
	r.Lease, r.LastHeld, r.Abandoned = time.Time{}, time.Time{}, false
	r.forgetSending()
}
