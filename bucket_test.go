package retrysafe_test

import (
	"math/rand/v2"
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

func TestWithEverySuccessDeliveriesGoTwiceAsFast(t *testing.T) {
	b := emptied()
	last := probe(t, b, retrysafe.Settled)
	want := retrysafe.FirstProbe / 2
	for range 6 {
		at := probe(t, b, retrysafe.Settled)
		if got := at.Sub(last); got != want {
			t.Errorf("a pause of %v after a success, want %v", got, want)
		}
		last, want = at, want/2
	}
	probe(t, b, retrysafe.Ailing)
	if b.Opens().Sub(last) < 10*want {
		// More than half of the tokens are there.
		probe(t, b, retrysafe.Settled)
	} else {
		t.Errorf("one failure among successes slows down to %v", b.Opens().Sub(last))
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
		now, probes := noon, 0
		var under []retrysafe.Permit
		var held, probed time.Time
		for step := range 2000 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(100*time.Millisecond)))
			switch n := random.IntN(100); {
			case n == 0:
				until := now.Add(rand.N(20 * time.Second))
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
				if now.Before(held) || b.Paced() && empty && probes > 0 && now.Sub(probed) < retrysafe.Overdue {
					t.Fatalf("seed %d, step %d: let go before its time", seed, step)
				}
				if p.Probe() {
					probes++
					probed = now
				}
				under = append(under, p)
			default:
				i := random.IntN(len(under))
				p := under[i]
				under = append(under[:i], under[i+1:]...)
				if p.Probe() {
					probes--
				}
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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
