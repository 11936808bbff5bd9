package retrysafe_test

import (
	"testing"

	"github.com/retrysafe/retrysafe"
)

func TestABudgetStartsFull(t *testing.T) {
	for _, c := range []struct {
		budget *retrysafe.Budget
		want   int
	}{{&retrysafe.Budget{}, 10}, {&retrysafe.Budget{Capacity: 3}, 3}} {
		if got := c.budget.Tokens(); got != c.want || c.budget.Waiting() != 0 {
			t.Errorf("starts with %d tokens and %d waiting, want %d and none", got, c.budget.Waiting(), c.want)
		}
	}
}

func TestEveryHostHasTokensOfItsOwn(t *testing.T) {
	b := &retrysafe.Budget{}
	b.Spend("https://a.example.com", 7)
	b.Spend("https://b.example.com", 4)
	if got := b.Tokens(); got != 3 {
		t.Errorf("%d tokens, want the 3 of the host that has the fewest", got)
	}
	b.Spend("https://a.example.com", 100)
	if got := b.Tokens(); got != 0 {
		t.Errorf("%d tokens, want none and not less", got)
	}
}

func TestGoroutinesTogetherTakeWhatTheyTake(t *testing.T) {
	b := &retrysafe.Budget{Capacity: 1000}
	together(8, func(int) { b.Spend("https://a.example.com", 100) })
	if got := b.Tokens(); got != 200 {
		t.Errorf("%d tokens after 800 failures, want 200", got)
	}
}

func TestBudgetIsValidated(t *testing.T) {
	for name, c := range map[string]struct {
		budget *retrysafe.Budget
		valid  bool
	}{
		"zero":              {&retrysafe.Budget{}, true},
		"set":               {&retrysafe.Budget{Capacity: 1, PerAnswer: 1}, true},
		"negative capacity": {&retrysafe.Budget{Capacity: -1}, false},
		"negative refill":   {&retrysafe.Budget{PerAnswer: -1}, false},
	} {
		t.Run(name, func(t *testing.T) { wantValid(t, c.budget.Validate(), c.valid) })
	}
}

func TestAHealthyHostCostsNoAllocation(t *testing.T) {
	b := &retrysafe.Budget{}
	if n := testing.AllocsPerRun(100, func() { b.Deliver("https://a.example.com") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBudget(b *testing.B) {
	budget := &retrysafe.Budget{}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			budget.Deliver("https://a.example.com")
		}
	})
}
