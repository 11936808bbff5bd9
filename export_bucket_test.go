package retrysafe

import "time"

// What the tests of the budget in package retrysafe_test see of the inside.

// Spend lets n deliveries to an origin fail.
func (b *Budget) Spend(origin string, n int) {
	for range n {
		b.line(origin).leave(permit{begun: time.Now()}, ailing, time.Time{})
	}
}

type (
	Bucket = bucket
	Permit = permit
	Health = health
)

const (
	NotTried, Ailing, Alive, Settled = notTried, ailing, alive, settled

	FirstProbe, LongestProbe, ProbeShare, Overdue = firstProbe, longestProbe, probeShare, overdue
)

func NewBucket(capacity, perAnswer int) *Bucket {
	return &bucket{capacity: capacity, perAnswer: perAnswer}
}

func (b *bucket) Admit(now time.Time) (Permit, bool) { return b.admit(now) }

func (b *bucket) Heard(p Permit, what Health, now time.Time, chance float64) {
	b.heard(p, what, now, chance)
}

func (b *bucket) Hold(until, now time.Time) { b.hold(until, now) }

func (b *bucket) Ease(now time.Time) { b.ease(now) }

func (b *bucket) Opens() time.Time { return b.opens() }

func (b *bucket) Tokens() int { return b.capacity - b.spent }

func (b *bucket) Paced() bool { return b.paced }

func (p permit) Begun() time.Time { return p.begun }

func (p permit) Probe() bool { return p.probe }

// Deliver lets one delivery to an origin go, and end well.
func (b *Budget) Deliver(origin string) {
	l := b.line(origin)
	p, _ := l.enter(time.Now())
	l.leave(p, settled, time.Time{})
}

func BegunAt(at time.Time) Permit { return permit{begun: at} }

// LeaveAtTheTurn puts two in the line of a host that fails, and has the first
// one leave just after its turn came. It tells whether the turn of the second
// came with that.
func (b *Budget) LeaveAtTheTurn(origin string, pass func(time.Duration)) bool {
	l := b.line(origin)
	_, first := l.enter(time.Now())
	_, second := l.enter(time.Now())
	pass(firstProbe)
	<-first.turn
	l.quit(first)
	pass(firstProbe)
	select {
	case <-second.turn:
		return true
	default:
		return false
	}
}
