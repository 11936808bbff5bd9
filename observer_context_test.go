package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

type changeContext func(context.Context) context.Context

// changer is an observer that goes on with other contexts.
type changer struct{ operation, attempt changeContext }

func (c changer) OperationStart(ctx context.Context, _ retrysafe.OperationStart) context.Context {
	return c.operation(ctx)
}
func (changer) OperationEnd(context.Context, retrysafe.OperationEnd) {}
func (c changer) AttemptStart(ctx context.Context, _ retrysafe.AttemptStart) context.Context {
	return c.attempt(ctx)
}
func (changer) AttemptEnd(context.Context, retrysafe.AttemptEnd) {}

type spanKey struct{}

func unchanged(ctx context.Context) context.Context { return ctx }
func valued(ctx context.Context) context.Context {
	return context.WithValue(ctx, spanKey{}, "span")
}

// changers are what an observer may do to a context. All but the first and the
// last leave a value.
var changers = map[string]changer{
	"nothing":                {unchanged, unchanged},
	"value, operation":       {valued, unchanged},
	"value, attempt":         {unchanged, valued},
	"no cancel, operation":   {func(ctx context.Context) context.Context { return valued(context.WithoutCancel(ctx)) }, unchanged},
	"no cancel, attempt":     {unchanged, func(ctx context.Context) context.Context { return valued(context.WithoutCancel(ctx)) }},
	"another one, operation": {func(context.Context) context.Context { return valued(context.Background()) }, unchanged},
	"another one, attempt":   {unchanged, func(context.Context) context.Context { return valued(context.Background()) }},
	"another one, both":      {func(context.Context) context.Context { return context.Background() }, func(context.Context) context.Context { return valued(context.Background()) }},
	"nil":                    {func(context.Context) context.Context { return nil }, func(context.Context) context.Context { return nil }},
}

func TestAnObserversContextCutsOffNoLimit(t *testing.T) {
	shutdown := errors.New("shutting down")
	once := retrysafe.RetryPolicy{MaxAttempts: 1}
	for limit, c := range map[string]struct {
		wire   transportFunc
		cancel time.Duration // of the caller's context; 0: never
		takes  time.Duration
		want   error
	}{
		"the attempt's time": {stalling, 0, 30 * time.Second, retrysafe.ErrAttemptTimeout},
		"the caller's end":   {stalling, time.Second, time.Second, shutdown},
		"deliveries":         {delivering, 0, 0, retrysafe.ErrDeliveryLimit},
	} {
		for name, observer := range changers {
			t.Run(limit+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					if c.cancel > 0 {
						time.AfterFunc(c.cancel, func() { cancel(shutdown) })
					}
					start := time.Now()
					_, err := createCharge.Do(ctx, wireClient(t, c.wire, retrysafe.Options{Observer: observer, Retry: once}), "order-1", charge{})
					if !errors.Is(err, c.want) || time.Since(start) != c.takes {
						t.Errorf("after %v: %v; want %v after %v", time.Since(start), err, c.want, c.takes)
					}
				})
			})
		}
	}
}

// delivering is delivered over and over until the context ends.
var delivering = transportFunc(func(req *http.Request) (*http.Response, error) {
	for range 10 {
		deliver(req)
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
	}
	return trapAnswer(200, trapCharged), nil
})

func TestAnObserversContextEndsInAWait(t *testing.T) {
	shutdown := errors.New("shutting down")
	for name, observer := range changers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(shutdown) })
				start := time.Now()
				client := wireClient(t, always(503, `{}`, "Retry-After", "20"), retrysafe.Options{Observer: observer})
				_, err := createCharge.Do(ctx, client, "order-1", charge{})
				if !errors.Is(err, shutdown) || time.Since(start) != 5*time.Second {
					t.Errorf("after %v: %v, want %v after 5 s", time.Since(start), err, shutdown)
				}
			})
		})
	}
}

func TestAnObserversValuesGoOnAndTheOperationStaysKnown(t *testing.T) {
	for name, observer := range changers {
		t.Run(name, func(t *testing.T) {
			wants := name != "nothing" && name != "nil"
			check := func(where string, ctx context.Context) {
				op, ok := retrysafe.OperationFrom(ctx)
				if !ok || op.ID != "order-1" || (ctx.Value(spanKey{}) == "span") != wants {
					t.Errorf("%s: operation %v, value %v; want order-1 and a value: %t", where, op, ctx.Value(spanKey{}), wants)
				}
			}
			wire := transportFunc(func(req *http.Request) (*http.Response, error) {
				check("transport", req.Context())
				return trapAnswer(200, trapCharged), nil
			})
			_, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{
				Observer:  observer,
				Authorize: func(req *http.Request) error { check("Authorize", req.Context()); return nil },
			}), "order-1", charge{})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnObserversContextHidesNoDeadline(t *testing.T) {
	for name, observer := range changers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				busy := transportFunc(func(*http.Request) (*http.Response, error) {
					resp := response(503, "application/json", "{}")
					resp.Header.Set("Retry-After", "20")
					return resp, nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begin := time.Now()
				_, err := createCharge.Do(ctx, wireClient(t, busy, retrysafe.Options{Observer: observer}), "order-1", charge{})
				if !errors.Is(err, retrysafe.ErrNoTimeLeft) || time.Since(begin) != 0 {
					t.Errorf("%v after %v, want ErrNoTimeLeft at once", err, time.Since(begin))
				}
			})
		})
	}
}
