package mock

import (
	"fmt"
	"net/http"
	"time"
)

// Fault is what goes wrong with one request. Its side of the effect is what
// matters to a caller: a fault before the effect leaves nothing behind, a
// fault after it ([Fault.AfterEffect]) hides an effect that took place. The
// zero Fault is [Pass]. A Fault with impossible arguments is refused by
// [NewProvider].
type Fault struct {
	kind   faultKind
	name   string
	times  int // 0 is once
	wait   time.Duration
	bytes  int
	status int
	reply  Reply
	bad    string // why this fault is impossible
}

type faultKind int

const (
	pass faultKind = iota
	refuse
	resetBefore
	stallBefore
	deliverLate
	conflict
	busy
	answer
	loseAnswer
	resetAfter
	failAfter
	cutHead
	cutBody
	stallAfter
)

// Pass is no fault: the request is served. It holds a place in a script.
func Pass() Fault { return Fault{name: "Pass"} }

// Refuse is before the effect: the connection is refused, nothing is sent.
// Over [Provider.RoundTrip] that is a dial error. A listening server cannot
// refuse; the served form resets the connection before it reads the request,
// which proves less to a client.
func Refuse() Fault { return Fault{kind: refuse, name: "Refuse"} }

// ResetBeforeEffect is before the effect: the request is read, and the
// connection reset without the operation having been run.
func ResetBeforeEffect() Fault { return Fault{kind: resetBefore, name: "ResetBeforeEffect"} }

// StallBeforeEffect is before the effect: the request waits for d, and is then
// served. It is dropped, without effect, if its caller gives up meanwhile.
func StallBeforeEffect(d time.Duration) Fault {
	return waiting(stallBefore, "StallBeforeEffect", d)
}

// DeliverLate holds the request on its way for d, and serves it then even if
// its caller has given up: the late delivery that makes an effect after
// everybody thought that there was none. Until then the provider does not know
// of its key.
func DeliverLate(d time.Duration) Fault { return waiting(deliverLate, "DeliverLate", d) }

// KeyInFlight is before the effect: n requests are answered as if another one
// with their key were in flight, in the dialect's way.
func KeyInFlight(n int) Fault {
	return Fault{kind: conflict, name: "KeyInFlight"}.Times(n)
}

// TooManyRequests is before the effect: status 429, with the Retry-After as it
// is given; none if it is empty.
func TooManyRequests(retryAfter string) Fault {
	return turnedAway("TooManyRequests", http.StatusTooManyRequests, retryAfter)
}

// Unavailable is before the effect: status 503, with the Retry-After as it is
// given; none if it is empty.
func Unavailable(retryAfter string) Fault {
	return turnedAway("Unavailable", http.StatusServiceUnavailable, retryAfter)
}

// Answer is before the effect: this answer (status 200 to 599) instead of the
// operation's, as a proxy in front of the provider gives it. Header may be nil.
func Answer(status int, header http.Header, body string) Fault {
	f := Fault{kind: answer, name: fmt.Sprintf("Answer(%d)", status)}
	f.reply = Reply{Status: status, Header: header, Body: []byte(body)}.clone()
	return f.unless(f.reply.check())
}

// LoseAnswer is after the effect: the operation has run, and the connection is
// closed before the first byte of its answer. Clients see EOF.
//
// Over a real connection that was used before, net/http's Transport itself
// sends a request again that carries an Idempotency-Key; its second delivery
// then meets the next fault of the script.
func LoseAnswer() Fault { return Fault{kind: loseAnswer, name: "LoseAnswer"} }

// ResetAfterEffect is LoseAnswer with a reset connection.
func ResetAfterEffect() Fault { return Fault{kind: resetAfter, name: "ResetAfterEffect"} }

// FailAfterEffect is after the effect: the operation has run and its true
// answer is stored, but the caller is given an error of this status, 400 to
// 599, as a gateway does. The next request with the key gets the true answer.
// A provider that stores the error itself is a [Reply] with Took set.
func FailAfterEffect(status int) Fault {
	f := Fault{kind: failAfter, name: fmt.Sprintf("FailAfterEffect(%d)", status), status: status}
	if status < 400 || status > 599 {
		f.bad = "a failure has a status of 400 to 599"
	}
	return f
}

// CutHead is after the effect: the first n bytes of the answer arrive, counted
// from its status line, and the connection is closed before its head is
// complete. What clients see depends on where it ends: EOF at 0, unexpected EOF,
// or a malformed answer.
func CutHead(n int) Fault { return cutting(cutHead, "CutHead", n) }

// CutBody is after the effect: the answer arrives with its head and the first
// n bytes of its body, and at least one byte is missing. An answer without a
// body arrives whole.
func CutBody(n int) Fault { return cutting(cutBody, "CutBody", n) }

// StallAfterEffect is after the effect: the operation has run, and its answer
// comes d later. A d beyond the caller's timeout loses it.
func StallAfterEffect(d time.Duration) Fault {
	return waiting(stallAfter, "StallAfterEffect", d)
}

// Times returns the fault for n requests one after another, n being 1 or more.
func (f Fault) Times(n int) Fault {
	f.times = n
	if n < 1 {
		f.bad = "a fault happens once or more"
	}
	return f
}

// AfterEffect reports whether the effect has taken place by the time the fault
// strikes.
func (f Fault) AfterEffect() bool { return f.kind >= loseAnswer }

// String returns the fault as it is written in a script.
func (f Fault) String() string {
	name := f.name
	if name == "" {
		name = "Pass"
	}
	if f.times > 1 {
		name += fmt.Sprintf(" x%d", f.times)
	}
	return name
}

func waiting(kind faultKind, name string, d time.Duration) Fault {
	f := Fault{kind: kind, name: fmt.Sprintf("%s(%v)", name, d), wait: d}
	if d < 0 {
		f.bad = "a wait is not negative"
	}
	return f
}

func cutting(kind faultKind, name string, n int) Fault {
	f := Fault{kind: kind, name: fmt.Sprintf("%s(%d)", name, n), bytes: n}
	if n < 0 {
		f.bad = "there are no negative bytes"
	}
	return f
}

func turnedAway(name string, status int, retryAfter string) Fault {
	f := Fault{kind: busy, name: fmt.Sprintf("%s(%q)", name, retryAfter), status: status}
	if retryAfter != "" {
		f.reply.Header = http.Header{"Retry-After": {retryAfter}}
	}
	return f.unless(checkHeader(f.reply.Header))
}

func (f Fault) unless(err error) Fault {
	if err != nil {
		f.bad = err.Error()
	}
	return f
}
