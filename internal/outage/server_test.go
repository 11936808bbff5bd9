package main_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	outage "github.com/retrysafe/retrysafe/internal/outage"
)

func TestAServerFailsInItsOutageAndThenServesWhatItCan(t *testing.T) {
	server := outage.NewServer(outage.Outage(100, often, 0, 1))
	for _, step := range []struct {
		at   time.Duration
		op   int
		want int
	}{
		{0, 0, http.StatusServiceUnavailable},
		{1999 * time.Millisecond, 0, http.StatusServiceUnavailable},
		{2 * time.Second, 0, http.StatusServiceUnavailable},
		{2006 * time.Millisecond, 0, http.StatusOK},
		{2006 * time.Millisecond, 1, http.StatusServiceUnavailable},
		{2012 * time.Millisecond, 1, http.StatusOK},
	} {
		if got := server.Answer(step.at, step.op, "k"); got != step.want {
			t.Errorf("at %v: %d, want %d", step.at, got, step.want)
		}
	}
}

func TestAServerTellsAReplayFromASecondEffect(t *testing.T) {
	server := outage.NewServer(outage.Outage(100, often, 0, 1))
	for i, key := range []string{"a", "a", "b"} {
		if got := server.Answer(time.Duration(3+i)*time.Second, 7, key); got != http.StatusOK {
			t.Fatalf("%s: %d", key, got)
		}
	}
	got := server.Result().Numbers()
	if got.Applied != 1 || got.Replays != 1 || got.Duplicates != 1 {
		t.Errorf("%+v", got)
	}
}

func TestABrownOutFailsThreeOfTenTheSameForEveryPeer(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		story := outage.BrownOut(100, 10, seed)
		one, other := outage.NewServer(story), outage.NewServer(story)
		n, failed := 60_000, 0
		for op := range n {
			at := time.Duration(op) * time.Millisecond
			got := one.Answer(at, op, "k")
			if again := other.Answer(at, op, "k"); got != again {
				t.Fatalf("operation %d: %d, and for another peer %d", op, got, again)
			}
			if got != http.StatusOK {
				failed++
			}
		}
		if part := float64(failed) / float64(n); math.Abs(part-0.3) > 0.01 {
			t.Errorf("seed %d: %.3f failed, want 0.3", seed, part)
		}
	}
}

func TestAResultCountsWhatHappenedInItsTime(t *testing.T) {
	story := outage.Outage(1, often, 0, 1) // 20 operations, 2 a second
	server := outage.NewServer(story)
	for op := range story.Operations() {
		server.Answer(time.Second, op, "k") // refused, all in one tick
	}
	for op := range story.Operations() {
		// The last at 22.1 s; a perfect crowd's would be at 12.
		server.Answer(3*time.Second+time.Duration(op)*1005263158*time.Nanosecond, op, "k")
	}
	got := server.Result().Numbers()
	want := outage.Numbers{
		Applied: 20, InTime: 9, Soon: 14, During: 1, Total: 2, PeakDuring: 200, PeakAfter: 10, Drain: 2.01,
	}
	got.Drain = math.Round(got.Drain*100) / 100
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
