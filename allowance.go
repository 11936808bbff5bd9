package retrysafe

import (
	"context"
	"net/http"
	"time"
)

// allowance is the context of an SDK's request, ending a little earlier: a
// timeout of the SDK's http.Client ends all at once, and what the loop has to
// say would be lost.
type allowance struct {
	context.Context
	until time.Time
}

func (a *allowance) Deadline() (time.Time, bool) { return a.until, true }

func (a *allowance) Err() error {
	err := a.Context.Err()
	if err != nil && context.Cause(a.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

const (
	shortestReport = 2 * time.Millisecond
	longestReport  = 500 * time.Millisecond
)

// within returns the context for a request, and what ends it: at the latest when
// the body that was handed on is closed.
func within(req *http.Request) (ctx context.Context, stop func() bool, end context.CancelCauseFunc) {
	ended, end := context.WithCancelCause(req.Context())
	//lint:ignore SA1019 old SDKs still set it
	if given := req.Cancel; given != nil {
		go func() {
			select {
			case <-given:
				end(context.Canceled)
			case <-ended.Done():
			}
		}()
	}
	deadline, ok := req.Context().Deadline()
	if !ok {
		return ended, func() bool { return true }, end
	}
	left := time.Until(deadline)
	left -= min(max(left/20, shortestReport), longestReport)
	timer := time.AfterFunc(left, func() { end(context.DeadlineExceeded) })
	return &allowance{ended, time.Now().Add(left)}, timer.Stop, end
}
