package main_test

import (
	"fmt"
	"testing"
	"time"

	outage "github.com/retrysafe/retrysafe/internal/outage"
)

// TestFewBusyClientsDrainAnOutageAsManyDo has the same 2,000 operations, begun
// by five clients, or by one: what waits in line must not be let go much slower
// than the server can serve.
func TestFewBusyClientsDrainAnOutageAsManyDo(t *testing.T) {
	ours, err := outage.Choose("retrysafe")
	if err != nil {
		t.Fatal(err)
	}
	for clients, every := range map[int]time.Duration{1: time.Millisecond, 5: 5 * time.Millisecond} {
		t.Run(fmt.Sprint(clients), func(t *testing.T) {
			story := outage.Outage(clients, every, 0, 1)
			got := outage.Play(t, outage.Virtual, story, ours[0]).Numbers()
			once(t, story, got)
			if got.Drain > 1.5 {
				t.Errorf("drained in %.2f x the best possible; without a budget about 1.25", got.Drain)
			}
		})
	}
}

// TestABusyClientDoesNotCollapseInABrownOut has one client, and a server that
// could serve twice what the client asks for. Whether the bucket runs empty is
// chance, so that it is played several times.
func TestABusyClientDoesNotCollapseInABrownOut(t *testing.T) {
	ours, err := outage.Choose("retrysafe")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			story := outage.BrownOut(1, 1000, seed)
			got := outage.Play(t, outage.Virtual, story, ours[0]).Numbers()
			once(t, story, got)
			if part := float64(got.InTime) / float64(story.Operations()); part < 0.95 {
				t.Errorf("%.0f %% applied within the minute, mean time %v; without a budget 99.7 %%", 100*part, got.Mean)
			}
		})
	}
}
