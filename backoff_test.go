package retrysafe_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

const longestWait = retrysafe.LongestWait

func TestBackoffCeilingDoublesUpToItsCap(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	tests := []struct {
		name    string
		backoff retrysafe.Backoff
		want    map[int]time.Duration
	}{
		{"defaults", retrysafe.Backoff{}, map[int]time.Duration{
			1: 500 * ms, 2: s, 3: 2 * s, 4: 4 * s, 5: 8 * s, 6: 16 * s, 7: 20 * s, 8: 20 * s, 64: 20 * s, 65: 20 * s, math.MaxInt: 20 * s}},
		{"an attempt below 1 counts as 1", retrysafe.Backoff{}, map[int]time.Duration{
			0: 500 * ms, -1: 500 * ms, math.MinInt: 500 * ms}},
		{"the cap is met exactly", retrysafe.Backoff{Base: s, Cap: 4 * s}, map[int]time.Duration{
			1: s, 2: 2 * s, 3: 4 * s, 4: 4 * s}},
		{"the cap is no power of two", retrysafe.Backoff{Base: 3, Cap: 13}, map[int]time.Duration{
			1: 3, 2: 6, 3: 12, 4: 13, 5: 13}},
		{"the base is the cap", retrysafe.Backoff{Base: s, Cap: s}, map[int]time.Duration{
			1: s, 2: s}},
		{"the longest cap", retrysafe.Backoff{Base: 1, Cap: longestWait}, map[int]time.Duration{
			1: 1, 62: 1 << 61, 63: 1 << 62, 64: longestWait, 65: longestWait, math.MaxInt: longestWait}},
		{"the longest base", retrysafe.Backoff{Base: longestWait, Cap: longestWait}, map[int]time.Duration{
			1: longestWait, 2: longestWait, math.MaxInt: longestWait}},
		{"a base above the default cap raises it", retrysafe.Backoff{Base: 30 * s}, map[int]time.Duration{
			1: 30 * s, 2: 30 * s}},
		{"a cap below the default base lowers it", retrysafe.Backoff{Cap: 100 * ms}, map[int]time.Duration{
			1: 100 * ms, 2: 100 * ms}},
		{"a base above the cap, unvalidated", retrysafe.Backoff{Base: 30 * s, Cap: 20 * s}, map[int]time.Duration{
			1: 20 * s, 2: 20 * s}},
		{"negative, unvalidated", retrysafe.Backoff{Base: -1, Cap: -1}, map[int]time.Duration{
			1: 500 * ms, 9: 20 * s}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for attempt, want := range tt.want {
				if got := tt.backoff.Ceiling(attempt); got != want {
					t.Errorf("ceiling(%d) = %v, want %v", attempt, got, want)
				}
				still := tt.backoff
				still.Jitter = retrysafe.NoJitter
				if got := still.Wait(attempt); got != want {
					t.Errorf("Wait(%d) without jitter = %v, want %v", attempt, got, want)
				}
			}
		})
	}
}

func TestBackoffStaysBetweenZeroAndItsCeilingForAnyBaseAndCap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		// Every magnitude is as likely as every other, up to the longest wait.
		limit := time.Duration(max(random.Int64()>>random.IntN(63), 1))
		b := retrysafe.Backoff{Base: 1 + time.Duration(random.Int64N(int64(limit)))>>random.IntN(63), Cap: limit}
		if b.Base > b.Cap {
			b.Base = b.Cap
		}
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		last := b.Base
		for attempt := 1; attempt <= 200; attempt++ {
			ceiling, wait := b.Ceiling(attempt), b.Wait(attempt)
			if wait < 0 || wait > ceiling || ceiling > b.Cap || ceiling < last {
				t.Fatalf("%+v: attempt %d waits %d below a ceiling of %d, the last having been %d", b, attempt, wait, ceiling, last)
			}
			last = ceiling
		}
		if last != b.Cap {
			t.Fatalf("%+v: the ceiling ends at %d", b, last)
		}
	}
}

func TestFullJitterDrawsEveryWaitUpToTheCeilingEquallyOften(t *testing.T) {
	b := retrysafe.Backoff{Base: 4, Cap: 4}
	const draws = 50_000
	var count [5]int
	for range draws {
		count[b.Wait(1)]++
	}
	// Ten times the standard deviation of each count, 89: no run of this test will ever see that by chance.
	const want, tolerance = draws / 5, 900
	for wait, n := range count {
		if n < want-tolerance || n > want+tolerance {
			t.Errorf("a wait of %d was drawn %d times, want about %d", wait, n, want)
		}
	}
}

func TestBackoffIsValidated(t *testing.T) {
	tests := []struct {
		name    string
		backoff retrysafe.Backoff
		valid   bool
	}{
		{"zero", retrysafe.Backoff{}, true},
		{"all set", retrysafe.Backoff{Base: time.Second, Cap: time.Minute, Jitter: retrysafe.NoJitter}, true},
		{"base equals cap", retrysafe.Backoff{Base: time.Second, Cap: time.Second}, true},
		{"base equals the default cap", retrysafe.Backoff{Base: 20 * time.Second}, true},
		{"cap equals the default base", retrysafe.Backoff{Cap: 500 * time.Millisecond}, true},
		{"negative base", retrysafe.Backoff{Base: -1}, false},
		{"negative cap", retrysafe.Backoff{Cap: -1}, false},
		{"base above cap", retrysafe.Backoff{Base: 2, Cap: 1}, false},
		{"base above the default cap", retrysafe.Backoff{Base: 20*time.Second + 1}, true},
		{"cap below the default base", retrysafe.Backoff{Cap: 500*time.Millisecond - 1}, true},
		{"jitter below", retrysafe.Backoff{Jitter: -1}, false},
		{"jitter above", retrysafe.Backoff{Jitter: retrysafe.NoJitter + 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantValid(t, tt.backoff.Validate(), tt.valid) })
	}
}

func TestBackoffWaitsWithoutAllocating(t *testing.T) {
	var b retrysafe.Backoff
	var sink time.Duration
	if n := testing.AllocsPerRun(100, func() { sink += b.Wait(3) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBackoffWait(b *testing.B) {
	var backoff retrysafe.Backoff
	b.ReportAllocs()
	for b.Loop() {
		backoff.Wait(3)
	}
}

// wantValid checks the error of a validation.
func wantValid(t *testing.T, err error, valid bool) {
	t.Helper()
	if valid && err != nil {
		t.Errorf("refused: %v", err)
	}
	if !valid && !errors.Is(err, retrysafe.ErrInvalid) {
		t.Errorf("error is %v, want ErrInvalid", err)
	}
}
