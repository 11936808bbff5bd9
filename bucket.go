package retrysafe

import "time"

// The numbers of a bucket that is empty. They were found with the simulation in
// internal/outage; docs/performance.md has what they achieve.
const (
	firstProbe   = 250 * time.Millisecond // the pause between two probes, at first
	longestProbe = 5 * time.Second        // ... and at the longest
	probeShare   = 10                     // ... but no more than this part of the time since the bucket was empty

	overdue = 15 * time.Second // so long after a probe began another one may be sent

	lengthen, shorten = 2, 0.7                 // the pause, after a probe that failed, and after one that did not
	doubling          = 200 * time.Millisecond // deliveries this far apart double the rate with each success, closer ones less
	decline           = 0.7                    // the rate after a failure
	oneOfMany         = 16                     // ... below which deliveries a second it falls back to that of probes
	highestRate       = 1e6
)

// bucket says when something may be sent to one host. Its moves are given the
// time and the chance, and do nothing but change it.
type bucket struct {
	capacity, perAnswer int

	spent   int           // counted from full
	paced   bool          // deliveries are let go one after another
	probed  time.Time     // when the one under way began for which there was no token; zero: none is
	rate    float64       // deliveries a second, while paced
	next    time.Time     // nothing before, while paced
	held    time.Time     // nothing before: the server's advice
	turned  time.Time     // when the rate last changed; only what began later changes it again
	since   time.Time     // when pacing began
	pause   time.Duration // between two probes
	good    bool          // the last answer that changed the rate was
	settled meter         // answers that settled something
}

// permit is the permission for one delivery.
type permit struct {
	begun time.Time
	probe bool
}

// health is what a delivery says about the host.
type health int

const (
	notTried health = iota // it was not made, or its caller left
	ailing                 // it was not answered, or with "again"
	alive                  // it was answered with "in flight"
	settled                // it was answered
)

// empty reports whether there is no token left.
func (b *bucket) empty() bool { return b.spent >= b.capacity }

// blocked reports whether nothing may be sent before a probe has come back, or
// is overdue.
func (b *bucket) blocked(now time.Time) bool {
	return b.empty() && now.Before(b.probed.Add(overdue))
}

// wakes returns when to look again, if nothing is heard before.
func (b *bucket) wakes(now time.Time) time.Time {
	if b.blocked(now) {
		return latest(b.probed.Add(overdue), b.opens())
	}
	return b.opens()
}

// opens returns the time before which nothing may be sent.
func (b *bucket) opens() time.Time {
	if b.paced && b.next.After(b.held) {
		return b.next
	}
	return b.held
}

// admit lets a delivery go, if it may begin now.
func (b *bucket) admit(now time.Time) (permit, bool) {
	if now.Before(b.held) {
		return permit{}, false
	}
	if !b.paced {
		return permit{begun: now}, true
	}
	if b.blocked(now) || now.Before(b.next) {
		return permit{}, false
	}
	p := permit{begun: now, probe: b.empty()}
	if p.probe {
		b.probed = now
	}
	b.next = now.Add(b.spacing())
	return p, true
}

// heard takes in what came of a delivery. Chance is from 0 to 1, and spreads the
// probes of many clients.
func (b *bucket) heard(p permit, what health, now time.Time, chance float64) {
	if p.probe && p.begun.Equal(b.probed) {
		b.probed = time.Time{}
	}
	switch what {
	case ailing:
		b.fail(p, now, chance)
	case settled:
		b.spent = max(b.spent-b.perAnswer, 0)
		b.settled.add(now)
		b.succeed(p, now)
	case alive:
		b.succeed(p, now)
	}
}

func (b *bucket) succeed(p permit, now time.Time) {
	if !b.paced || p.begun.Before(b.turned) {
		return
	}
	if !b.good {
		b.pause = max(time.Duration(float64(b.pause)*shorten), firstProbe)
	}
	faster := min(1, float64(now.Sub(b.turned))/float64(doubling))
	b.rate = min(max(b.rate, perSecond(b.pause))*(1+faster), highestRate)
	b.good, b.turned = true, now
	if soon := now.Add(b.spacing()); soon.Before(b.next) {
		b.next = soon
	}
}

func (b *bucket) fail(p permit, now time.Time, chance float64) {
	b.spent = min(b.spent+1, b.capacity)
	switch {
	case !b.paced && b.empty():
		b.pace(now)
	case b.paced && !p.begun.Before(b.turned):
		b.slow(now)
		pause := time.Duration(float64(b.spacing()) * (0.6 + 0.4*chance))
		if later := now.Add(pause); later.After(b.next) {
			b.next = later
		}
	}
}

// slow takes in that a delivery failed at the present rate. While more than half
// of the tokens are there it is no reason to go slower.
func (b *bucket) slow(now time.Time) {
	if !b.good {
		longest := min(max(now.Sub(b.since)/probeShare, firstProbe), longestProbe)
		b.pause = min(b.pause*lengthen, longest)
	}
	b.good, b.turned = false, now
	if 2*b.spent <= b.capacity {
		return
	}
	if slower := b.rate * decline; slower >= oneOfMany {
		b.rate = slower
		return
	}
	// Among many, all who go on at their rate would fail for most of the time.
	b.rate = min(b.rate, perSecond(b.pause))
}

// pace begins to let deliveries go one after another: of a host that has answered
// until now a little slower than it did.
func (b *bucket) pace(now time.Time) {
	b.paced, b.good, b.turned, b.since = true, false, now, now
	b.pause, b.rate = firstProbe, perSecond(firstProbe)
	if slower := b.settled.perSecond(now) * decline; slower >= oneOfMany {
		b.rate = slower
	}
	b.next = now.Add(b.spacing())
}

// hold lets nothing go before a time.
func (b *bucket) hold(until, now time.Time) {
	if !b.paced {
		b.pace(now)
	}
	if until.After(b.held) {
		b.held = until
	}
}

// ease ends the pacing once nobody waits and enough was answered.
func (b *bucket) ease(now time.Time) {
	if b.paced && 2*b.spent <= b.capacity && !now.Before(b.held) {
		b.paced = false
	}
}

func perSecond(pause time.Duration) float64 { return 1 / pause.Seconds() }

// spacing is the time between two deliveries.
func (b *bucket) spacing() time.Duration {
	return time.Duration(float64(time.Second) / b.rate)
}

// meter counts events by the second.
type meter struct {
	begun         time.Time
	count, before int
}

func (m *meter) add(now time.Time) {
	m.roll(now)
	m.count++
}

// perSecond is how many there were in the last second that is over, or already
// in this one.
func (m *meter) perSecond(now time.Time) float64 {
	m.roll(now)
	return float64(max(m.before, m.count))
}

func (m *meter) roll(now time.Time) {
	age := now.Sub(m.begun)
	if age < time.Second {
		return
	}
	m.before = 0
	if age < 2*time.Second {
		m.before = m.count
	}
	m.begun, m.count = now, 0
}
