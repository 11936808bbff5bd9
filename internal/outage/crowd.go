package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe"
)

// place is where clients find the server of a run.
type place struct {
	url       string
	transport func() http.RoundTripper // one for each client
	start     time.Time
}

// play lets the clients of a story make their operations by means of a peer,
// and returns when all are applied, or at the story's horizon.
func (s *story) play(ctx context.Context, p peer, at place, t *tape) error {
	ctx, cancel := context.WithDeadline(ctx, at.start.Add(s.horizon))
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for c := range s.clients {
		do, err := p.client(at.url, at.transport())
		if err != nil {
			cancel()
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all.Go(func() { s.client(ctx, &all, c, do, at.start, t) })
	}
	return nil
}

// client begins a client's operations, each at its time.
func (s *story) client(ctx context.Context, all *sync.WaitGroup, c int, do call, start time.Time, t *tape) {
	for n := range s.perClient() {
		begin := start.Add(s.phase(c) + time.Duration(n)*s.every)
		if !sleep(ctx, time.Until(begin)) {
			return
		}
		op := c*s.perClient() + n
		all.Go(func() { s.application(ctx, op, do, begin, t) })
	}
}

// application calls one operation until it is applied.
func (s *story) application(ctx context.Context, op int, do call, begin time.Time, t *tape) {
	id := "order-" + strconv.Itoa(op)
	ctx = context.WithValue(ctx, opKey{}, op)
	for {
		t.calls[op]++
		if do(ctx, id, key(id)) == nil {
			t.ended[op] = time.Since(begin)
			return
		}
		if !sleep(ctx, s.pause(op, t.calls[op])) {
			return
		}
	}
}

type opKey struct{}

// operation returns the number of the operation that a request is made for.
func operation(req *http.Request) (int, error) {
	op, ok := req.Context().Value(opKey{}).(int)
	if !ok {
		return 0, fmt.Errorf("%s %s was sent for no operation", req.Method, req.URL)
	}
	return op, nil
}

func key(id string) string { return string(retrysafe.DeriveKey("", create.Name, id)) }

// sleep waits, and says whether the context lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
