package main_test

import (
	"testing"
	"time"

	outage "github.com/retrysafe/retrysafe/internal/outage"
)

func TestACapacityServesItsUnitsLessWhatRefusalsCost(t *testing.T) {
	for name, c := range map[string]struct {
		refusal float64
		asked   int // evenly, in one second
		want    int
	}{
		"fewer than it can":                 {0, 150, 150},
		"more than it can":                  {0, 2000, 200},
		"refusals that cost":                {0.05, 2000, 105}, // s + 0.05 (2000 - s) = 200
		"refusals that cost all it has":     {0.05, 4000, 0},
		"no refusals, whatever they'd cost": {0.05, 150, 150},
	} {
		t.Run(name, func(t *testing.T) {
			capacity := outage.NewCapacity(200, c.refusal, 0)
			served := 0
			for i := range c.asked {
				// Between the ticks of both, so that rounding decides nothing.
				at := time.Duration(float64(i)+0.999) * time.Second / time.Duration(c.asked)
				if capacity.Serve(at) {
					served++
				}
			}
			if served < c.want-3 || served > c.want+3 {
				t.Errorf("%d served, want %d", served, c.want)
			}
		})
	}
}

func TestACapacityKeepsATenthOfASecond(t *testing.T) {
	capacity := outage.NewCapacity(200, 0, 0)
	for _, round := range []struct {
		at   time.Duration
		want int
	}{
		{0, 0},
		{time.Hour, 20},
		{time.Hour + 50*time.Millisecond + 1, 10},
		{time.Hour, 0}, // late to the lock: time does not go back
	} {
		served := 0
		for range 100 {
			if capacity.Serve(round.at) {
				served++
			}
		}
		if served != round.want {
			t.Errorf("at %v: %d served, want %d", round.at, served, round.want)
		}
	}
}

func TestACapacityFallsBehindByATenthOfASecond(t *testing.T) {
	capacity := outage.NewCapacity(200, 0.05, 0)
	for range 100_000 {
		capacity.Serve(0)
	}
	for at, want := range map[time.Duration]bool{104 * time.Millisecond: false} {
		if got := capacity.Serve(at); got != want {
			t.Errorf("at %v: served %v", at, got)
		}
	}
	if !capacity.Serve(106 * time.Millisecond) {
		t.Error("it has not caught up after a tenth of a second")
	}
}
