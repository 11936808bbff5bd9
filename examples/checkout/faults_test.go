package main

import (
	"fmt"
	"math"
	"testing"
)

func TestWhatFailsDependsOnSeedKeyAndAttemptAlone(t *testing.T) {
	names := func(seed uint64, key string) string { return fmt.Sprint(scripts(quick(1, seed))(key)) }
	first := names(1, "a")
	if names(2, "a") == first || names(1, "b") == first {
		t.Error("another seed or key gives the same script")
	}
	if names(1, "a") != first {
		t.Error("the same seed and key give another script")
	}
}

func TestAboutThirtyPercentOfTheAttemptsFail(t *testing.T) {
	failed, all := map[string]int{}, 0
	script := scripts(quick(1, 1))
	for n := range 200 {
		for _, fault := range script(fmt.Sprint("key-", n)) {
			failed[fault.String()]++
			all++
		}
	}
	if share := 1 - float64(failed["Pass"])/float64(all); math.Abs(share-0.3) > 0.02 {
		t.Errorf("%.3f of the attempts fail, want 0.3", share)
	}
	for _, kind := range kinds(quick(1, 1)) {
		if failed[kind.String()] == 0 {
			t.Errorf("%v never happens", kind)
		}
	}
}

func TestAboutFivePercentOfTheCallsCrash(t *testing.T) {
	crashes := 0
	for n := range 10_000 {
		if _, yes := crash(quick(1, 1), order{id: fmt.Sprint(n)}, 1); yes {
			crashes++
		}
	}
	if crashes < 400 || crashes > 600 {
		t.Errorf("%d of 10000 calls crash", crashes)
	}
}
