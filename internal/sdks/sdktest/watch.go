package sdktest

import (
	"context"
	"sync"

	"github.com/retrysafe/retrysafe"
)

// Watch is an Observer that remembers how calls ended: what is left to look at
// where an SDK takes no context, and so has no Report.
type Watch struct {
	mu         sync.Mutex
	ends       []retrysafe.OperationEnd
	deliveries int
}

// OperationStart is Observer's.
func (w *Watch) OperationStart(ctx context.Context, _ retrysafe.OperationStart) context.Context {
	return ctx
}

// OperationEnd is Observer's.
func (w *Watch) OperationEnd(_ context.Context, e retrysafe.OperationEnd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends = append(w.ends, e)
}

// AttemptStart is AttemptObserver's.
func (w *Watch) AttemptStart(ctx context.Context, _ retrysafe.AttemptStart) context.Context {
	return ctx
}

// AttemptEnd is AttemptObserver's.
func (w *Watch) AttemptEnd(_ context.Context, e retrysafe.AttemptEnd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deliveries += e.Attempt.Deliveries
}

// Ends lists how the calls ended, in that order.
func (w *Watch) Ends() []retrysafe.OperationEnd {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]retrysafe.OperationEnd(nil), w.ends...)
}

// Deliveries is how often net/http put a request on a connection, in all.
func (w *Watch) Deliveries() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deliveries
}
