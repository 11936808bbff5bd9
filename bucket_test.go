package retrysafe_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// emptied returns a bucket from which the last of ten tokens was taken at noon.
func emptied() *retrysafe.Bucket {
	b := retrysafe.NewBucket(10, 1)
	for range 10 {
		p, _ := b.Admit(noon)
		b.Heard(p, retrysafe.Ailing, noon, 0.5)
	}
	return b
}

// probe lets the next delivery go as soon as it may, and ends it.
func probe(t *testing.T, b *retrysafe.Bucket, what retrysafe.Health) time.Time {
	t.Helper()
	at := b.Opens()
	p, ok := b.Admit(at)
	if !ok {
		t.Fatalf("nothing may be sent at the time at which the bucket opens")
	}
	b.Heard(p, what, at, 1)
	return at
}

func TestABucketWithTokensLetsEverythingGo(t *testing.T) {
	b := retrysafe.NewBucket(10, 1)
	for i := range 9 {
		p, ok := b.Admit(noon)
		if !ok || b.Paced() {
			t.Fatalf("delivery %d is held back with %d tokens", i, b.Tokens())
		}
		b.Heard(p, retrysafe.Ailing, noon, 0)
	}
	if b.Tokens() != 1 {
		t.Errorf("%d tokens after nine failures, want one", b.Tokens())
	}
}

func TestOnlyWhatWasHeardOfTheHostChangesTheTokens(t *testing.T) {
	for what, want := range map[retrysafe.Health]int{
		retrysafe.NotTried: 5, retrysafe.Ailing: 4, retrysafe.Alive: 5, retrysafe.Settled: 8,
	} {
		b := retrysafe.NewBucket(10, 3)
		for range 5 {
			b.Heard(retrysafe.Permit{}, retrysafe.Ailing, noon, 0)
		}
		p, _ := b.Admit(noon)
		b.Heard(p, what, noon, 0)
		if b.Tokens() != want {
			t.Errorf("%d tokens after health %d, want %d", b.Tokens(), what, want)
		}
	}
	full := retrysafe.NewBucket(10, 3)
	full.Heard(retrysafe.Permit{}, retrysafe.Settled, noon, 0)
	if full.Tokens() != 10 {
		t.Errorf("%d tokens, want no more than the capacity", full.Tokens())
	}
}

func TestAnEmptyBucketLetsOneProbeGoAtATime(t *testing.T) {
	b := emptied()
	if _, ok := b.Admit(noon); ok || !b.Paced() {
		t.Fatal("the first probe is sent without a pause")
	}
	at := noon.Add(retrysafe.FirstProbe)
	first, ok := b.Admit(at)
	if !ok {
		t.Fatal("no probe after the first pause")
	}
	second := at.Add(retrysafe.Overdue - 1)
	if _, ok := b.Admit(second); ok {
		t.Error("a second probe while the first is on its way")
	}
	b.Heard(first, retrysafe.NotTried, second, 0)
	if _, ok := b.Admit(second); !ok {
		t.Error("no probe in the place of one that was not made")
	}
}

func TestAProbeThatIsOverdueIsNotWaitedFor(t *testing.T) {
	b := emptied()
	at := noon.Add(retrysafe.FirstProbe)
	first, _ := b.Admit(at)
	second, ok := b.Admit(at.Add(retrysafe.Overdue))
	if !ok || !second.Probe() {
		t.Fatal("no second probe although the first is overdue")
	}
	b.Heard(first, retrysafe.Ailing, at.Add(retrysafe.Overdue+time.Second), 0)
	if _, ok := b.Admit(at.Add(2*retrysafe.Overdue - 1)); ok {
		t.Error("a third probe while the second is on its way")
	}
	if _, ok := b.Admit(at.Add(2 * retrysafe.Overdue)); !ok {
		t.Error("no third probe although the second is overdue")
	}
}

func TestProbesComeLessOftenTheLongerTheHostFails(t *testing.T) {
	b := emptied()
	last := noon
	var longest time.Duration
	for range 100 {
		at := probe(t, b, retrysafe.Ailing)
		pause := at.Sub(last)
		limit := max(at.Sub(noon)/retrysafe.ProbeShare, retrysafe.FirstProbe)
		if pause < retrysafe.FirstProbe || pause > min(limit, retrysafe.LongestProbe) {
			t.Fatalf("a pause of %v %v after the bucket was empty", pause, at.Sub(noon))
		}
		longest, last = max(longest, pause), at
	}
	if longest != retrysafe.LongestProbe {
		t.Errorf("the longest pause is %v, want %v after minutes of failing", longest, retrysafe.LongestProbe)
	}
}

func TestChanceShortensAPauseByNoMoreThanTwoFifths(t *testing.T) {
	for chance, want := range map[float64]time.Duration{0: 150 * time.Millisecond, 0.5: 200 * time.Millisecond, 1: 250 * time.Millisecond} {
		b := emptied()
		at := b.Opens()
		p, _ := b.Admit(at)
		b.Heard(p, retrysafe.Ailing, at.Add(time.Second), chance)
		if got := b.Opens().Sub(at.Add(time.Second)).Round(time.Millisecond); got != want {
			t.Errorf("a pause of %v at chance %v, want %v", got, chance, want)
		}
	}
}

func TestTheRateGrowsWithTheTimeOfSuccesses(t *testing.T) {
	b := emptied()
	begun := probe(t, b, retrysafe.Settled)
	last := probe(t, b, retrysafe.Settled)
	if got := last.Sub(begun); got != retrysafe.FirstProbe/2 {
		t.Errorf("a pause of %v after the first success, want half of a probe's", got)
	}
	for deliveries := 1; last.Sub(begun) < 2*time.Second; deliveries++ {
		if deliveries > 1_000_000 {
			t.Fatalf("%d deliveries in %v", deliveries, last.Sub(begun))
		}
		last = probe(t, b, retrysafe.Settled)
	}
	if pause := b.Opens().Sub(last); pause > time.Millisecond || pause < time.Microsecond {
		t.Errorf("a pause of %v after two seconds of successes", pause)
	}
}

// More than half of the tokens are there: single failures are no outage.
func TestAFailureAmongManySuccessesSlowsNothingDown(t *testing.T) {
	b := emptied()
	var last time.Time
	for range 12 {
		last = probe(t, b, retrysafe.Settled)
	}
	before := b.Opens().Sub(last)
	at := probe(t, b, retrysafe.Ailing)
	if pause := b.Opens().Sub(at); pause > before {
		t.Errorf("a pause of %v after one failure, %v before it", pause, before)
	}
}

func TestABusyClientGoesSlowerByAThirdWithAFailureAndDoesNotFallBack(t *testing.T) {
	b := emptied()
	var last time.Time
	for range 12 {
		last = probe(t, b, retrysafe.Settled)
	}
	for range 10 { // Answers that began earlier take the tokens, and nothing else.
		b.Heard(retrysafe.Permit{}, retrysafe.Ailing, last, 1)
	}
	before := b.Opens().Sub(last)
	at := probe(t, b, retrysafe.Ailing)
	if pause, want := b.Opens().Sub(at), time.Duration(float64(before)/0.7); pause < want-time.Microsecond || pause > want+time.Microsecond {
		t.Errorf("a pause of %v after a failure, %v before it; want %v", pause, before, want)
	}
}

func TestAFailureWithFewTokensFallsBackToProbing(t *testing.T) {
	b := emptied()
	for range 3 {
		probe(t, b, retrysafe.Settled)
	}
	at := probe(t, b, retrysafe.Ailing)
	if pause := b.Opens().Sub(at); pause != retrysafe.FirstProbe {
		t.Errorf("a pause of %v, want that of a probe", pause)
	}
}

// Answers of deliveries that began before the rate changed say nothing of the
// rate as it is now: else a hundred that were on their way together would make
// it 2^100 times as fast.
func TestDeliveriesOfOneMomentChangeTheRateOnce(t *testing.T) {
	b := emptied()
	probe(t, b, retrysafe.Settled)
	at := b.Opens()
	var together []retrysafe.Permit
	for range 20 {
		p, ok := b.Admit(at)
		if !ok {
			t.Fatal("held back")
		}
		together, at = append(together, p), b.Opens()
	}
	before := at.Sub(together[len(together)-1].Begun())
	for _, p := range together {
		b.Heard(p, retrysafe.Settled, at, 0)
	}
	next, _ := b.Admit(b.Opens())
	if pause := b.Opens().Sub(next.Begun()); pause != before/2 {
		t.Errorf("a pause of %v after twenty answers at once, want half of %v", pause, before)
	}
}

// So do answers of deliveries that began before the pacing did.
func TestWhatBeganBeforeThePacingDoesNotSpeedItUp(t *testing.T) {
	b := emptied()
	before := b.Opens()
	b.Heard(retrysafe.BegunAt(noon.Add(-time.Second)), retrysafe.Settled, noon.Add(100*time.Millisecond), 0)
	at := before
	p, ok := b.Admit(at)
	if !ok || !b.Opens().Equal(at.Add(retrysafe.FirstProbe)) {
		t.Errorf("the next delivery after %v, want %v", b.Opens().Sub(at), retrysafe.FirstProbe)
	}
	b.Heard(p, retrysafe.NotTried, at, 0)
}

func TestABusyHostIsPacedNearlyAsFastAsItAnswered(t *testing.T) {
	b := retrysafe.NewBucket(10, 1)
	for i := range 200 {
		b.Heard(retrysafe.Permit{}, retrysafe.Settled, noon.Add(time.Duration(i)*10*time.Millisecond), 0)
	}
	end := noon.Add(2 * time.Second)
	for range 10 {
		b.Heard(retrysafe.Permit{}, retrysafe.Ailing, end, 0)
	}
	if pause := b.Opens().Sub(end); pause < 13*time.Millisecond || pause > 16*time.Millisecond {
		t.Errorf("a pause of %v after a hundred answers a second, want that of seventy", pause)
	}
}

func TestPacingEndsOnceHalfOfTheTokensAreBack(t *testing.T) {
	b := emptied()
	for i := range 5 {
		if b.Ease(noon.Add(time.Hour)); !b.Paced() {
			t.Fatalf("not paced any more after %d answers", i)
		}
		probe(t, b, retrysafe.Settled)
	}
	if b.Ease(noon.Add(time.Hour)); b.Paced() {
		t.Error("still paced with half of the tokens")
	}
}

func TestNothingGoesBeforeTheServersTime(t *testing.T) {
	b := retrysafe.NewBucket(10, 1)
	until := noon.Add(time.Minute)
	b.Hold(until, noon)
	b.Hold(noon.Add(time.Second), noon) // An earlier one takes nothing back.
	b.Ease(noon)
	for _, at := range []time.Time{noon, noon.Add(time.Second), until.Add(-1)} {
		if _, ok := b.Admit(at); ok {
			t.Errorf("sent at %v", at)
		}
	}
	if _, ok := b.Admit(until); !ok || !b.Opens().After(until) {
		t.Error("want one to be sent at the time itself, and the next after a pause")
	}
}

func TestABucketKeepsItsBoundsWhateverHappens(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		capacity := 1 + random.IntN(12)
		b := retrysafe.NewBucket(capacity, 1+random.IntN(4))
		now := noon
		var under []retrysafe.Permit
		var held time.Time
		for step := range 2000 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(100*time.Millisecond)))
			switch n := random.IntN(100); {
			case n == 0:
				until := now.Add(time.Duration(random.Int64N(int64(20 * time.Second))))
				b.Hold(until, now)
				held = later(held, until)
			case n == 1:
				b.Ease(now)
			case n < 60 || len(under) == 0:
				empty := b.Tokens() == 0
				p, ok := b.Admit(now)
				if !ok {
					if !b.Paced() && !now.Before(held) {
						t.Fatalf("seed %d, step %d: held back without a reason", seed, step)
					}
					continue
				}
				if now.Before(held) || b.Paced() && empty && anyProbe(under, now.Add(-retrysafe.Overdue)) {
					t.Fatalf("seed %d, step %d: let go before its time", seed, step)
				}
				under = append(under, p)
			default:
				i := random.IntN(len(under))
				p := under[i]
				under = append(under[:i], under[i+1:]...)
				b.Heard(p, []retrysafe.Health{retrysafe.NotTried, retrysafe.Ailing, retrysafe.Ailing, retrysafe.Alive, retrysafe.Settled}[random.IntN(5)], now, random.Float64())
			}
			if tokens := b.Tokens(); tokens < 0 || tokens > capacity {
				t.Fatalf("seed %d, step %d: %d tokens of %d", seed, step, tokens, capacity)
			}
			if wait := b.Opens().Sub(later(now, held)); wait > retrysafe.LongestProbe {
				t.Fatalf("seed %d, step %d: a pause of %v", seed, step, wait)
			}
		}
	}
}

// anyProbe reports whether a probe is under way that began after a time.
func anyProbe(under []retrysafe.Permit, after time.Time) bool {
	return slices.ContainsFunc(under, func(p retrysafe.Permit) bool { return p.Probe() && p.Begun().After(after) })
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
