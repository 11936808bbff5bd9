package retrysafe_test

import (
	"sync"

	"github.com/retrysafe/retrysafe"
)

// plenty is a budget that a test does not empty.
func plenty() *retrysafe.Budget { return &retrysafe.Budget{Capacity: 10_000} }

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
