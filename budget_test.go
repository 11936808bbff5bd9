package retrysafe_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// takeTokens takes n tokens and returns how many it got.
func takeTokens(b *retrysafe.Budget, n int) (taken int) {
	for range n {
		if b.Take() {
			taken++
		}
	}
	return taken
}

func TestBudgetStartsFull(t *testing.T) {
	tests := []struct {
		name   string
		budget *retrysafe.Budget
		want   int
	}{
		{"default", &retrysafe.Budget{}, 100},
		{"set", &retrysafe.Budget{Capacity: 3}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.budget.Tokens(); got != tt.want {
				t.Errorf("starts with %d tokens, want %d", got, tt.want)
			}
			if got := takeTokens(tt.budget, 1000); got != tt.want {
				t.Errorf("%d retries allowed, want %d", got, tt.want)
			}
			if got := tt.budget.Tokens(); got != 0 {
				t.Errorf("%d tokens left, want none", got)
			}
		})
	}
}

func TestSuccessesRefillABudgetUpToItsCapacity(t *testing.T) {
	tests := []struct {
		name             string
		perSuccess       int
		taken, succeeded int
		want             int
	}{
		{"default", 0, 10, 1, 1},
		{"default, several", 0, 10, 4, 4},
		{"set", 3, 10, 2, 6},
		{"not above the capacity", 3, 10, 4, 10},
		{"not when it is full", 1, 0, 5, 10},
		{"nor is the excess remembered", 7, 1, 1, 10},
		{"what was refused costs nothing", 1, 50, 10, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &retrysafe.Budget{Capacity: 10, PerAnswer: tt.perSuccess}
			takeTokens(b, tt.taken)
			for range tt.succeeded {
				b.Succeeded()
			}
			if got := b.Tokens(); got != tt.want {
				t.Errorf("%d tokens, want %d", got, tt.want)
			}
			if got := takeTokens(b, 1000); got != tt.want {
				t.Errorf("%d retries allowed, want %d", got, tt.want)
			}
		})
	}
}

func TestGoroutinesTogetherTakeNoMoreThanTheBudgetHolds(t *testing.T) {
	b := &retrysafe.Budget{Capacity: 1000}
	var taken atomic.Int64
	together(8, func(int) { taken.Add(int64(takeTokens(b, 500))) })
	if taken.Load() != 1000 || b.Tokens() != 0 {
		t.Errorf("%d retries of 1000 allowed, %d tokens left", taken.Load(), b.Tokens())
	}
}

func TestNoTokenIsLostBetweenGoroutines(t *testing.T) {
	// Neither full nor empty at any time, whoever is faster.
	const workers, each, start = 8, 5000, 50_000
	b := &retrysafe.Budget{Capacity: 2 * start}
	takeTokens(b, start)
	together(workers, func(worker int) {
		for range each {
			if worker%2 == 0 {
				b.Take()
			} else {
				b.Succeeded()
			}
		}
		if tokens := b.Tokens(); tokens < start-workers*each || tokens > start+workers*each {
			t.Errorf("%d tokens", tokens)
		}
	})
	if got := b.Tokens(); got != start {
		t.Errorf("%d tokens after as many retries as successes, want %d", got, start)
	}
}

// together runs a function in n goroutines that start at once and returns when all have ended.
func together(n int, work func(worker int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for worker := range n {
		wg.Go(func() {
			<-start
			work(worker)
		})
	}
	close(start)
	wg.Wait()
}

// simulate runs operations of up to five attempts one after another against a server that fails with the given
// probability, and counts.
func simulate(b *retrysafe.Budget, random *rand.Rand, operations int, failing float64) (retries, refused, succeeded int) {
	for range operations {
		for attempt := 1; ; attempt++ {
			if random.Float64() >= failing {
				b.Succeeded()
				succeeded++
				break
			}
			if attempt == 5 {
				break
			}
			if !b.Take() {
				refused++
				break
			}
			retries++
		}
	}
	return retries, refused, succeeded
}

func TestABrownOutDoesNotStarveRetries(t *testing.T) {
	for seed := range uint64(20) {
		b := &retrysafe.Budget{}
		retries, refused, succeeded := simulate(b, rand.New(rand.NewPCG(seed, 30)), 20_000, 0.30)
		if refused != 0 {
			t.Errorf("seed %d: %d retries refused", seed, refused)
		}
		if ratio := float64(retries) / float64(succeeded); ratio < 0.40 || ratio > 0.46 {
			t.Errorf("seed %d: %.3f retries a success, want about 0.43: the documentation is wrong", seed, ratio)
		}
	}
}

func TestAnOutageLimitsRetriesToTheCapacity(t *testing.T) {
	b := &retrysafe.Budget{}
	random := rand.New(rand.NewPCG(1, 100))
	if retries, refused, _ := simulate(b, random, 20_000, 1); retries != 100 || refused != 20_000-25 {
		t.Errorf("%d retries made and %d refused, want 100 and %d", retries, refused, 20_000-25)
	}
	// The first attempts after it fill the bucket again.
	if simulate(b, random, 1000, 0); b.Tokens() != 100 {
		t.Errorf("%d tokens after the outage, want 100", b.Tokens())
	}
}

func TestBudgetIsValidated(t *testing.T) {
	tests := []struct {
		name   string
		budget *retrysafe.Budget
		valid  bool
	}{
		{"zero", &retrysafe.Budget{}, true},
		{"set", &retrysafe.Budget{Capacity: 1, PerAnswer: 1}, true},
		{"negative capacity", &retrysafe.Budget{Capacity: -1}, false},
		{"negative refill", &retrysafe.Budget{PerAnswer: -1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantValid(t, tt.budget.Validate(), tt.valid) })
	}
}

func TestBudgetWorksWithoutAllocating(t *testing.T) {
	b := &retrysafe.Budget{}
	if n := testing.AllocsPerRun(100, func() { b.Take(); b.Succeeded() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBudget(b *testing.B) {
	budget := &retrysafe.Budget{}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			budget.Take()
			budget.Succeeded()
		}
	})
}
