//go:build unix

package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// plan is what a child process does.
type plan struct {
	File, URL string
	Way       way
	IDs       []string
	Aim       aim
	// Ahead is how far the store's clock is ahead of the machine's.
	Ahead time.Duration
	// Window is the profile's. Zero: not known.
	Window time.Duration
	// Lease is Options.Lease, AttemptTimeout and Backoff are the policy's.
	Lease, AttemptTimeout, Backoff time.Duration
	// Start is when it begins; zero: at once.
	Start time.Time
}

// way is how a process gets operations done.
type way string

const (
	byDo      way = "do"      // the application calls
	byEnqueue way = "enqueue" // it writes them down, no more
	byRunner  way = "runner"  // it writes them down, and a runner does them
	byBoth    way = "both"    // it writes them down, calls, and a runner looks after them
	byResume  way = "resume"  // a runner carries on what others left
	byStorm   way = "storm"   // everything at random, until it is killed
)

// event is a line that a child writes. The first one is empty: it is ready.
type event struct {
	Passed  string `json:",omitempty"`
	Reached string `json:",omitempty"`
	Told    *told  `json:",omitempty"`
	Asked   *asked `json:",omitempty"`
	Begun   string `json:",omitempty"` // this one was enqueued
	Failed  string `json:",omitempty"`
	Done    bool   `json:",omitempty"`
}

// asked is an application's wish for an operation.
type asked struct {
	ID string
	At time.Time
}

// told is what somebody was told of an operation.
type told struct {
	ID      string
	By      string // do or handler
	Outcome int    // a retrysafe.Outcome, as a number
	Value   string // of the answer
	Err     string
	Pending bool
	From    time.Time // when the call began
	Again   bool      // the application may ask for it again
}

// same reports whether two callers were told the same.
func (t *told) same(other *told) bool {
	a, b := *t, *other
	a.From, b.From = time.Time{}, time.Time{}
	return a == b
}

const planVariable = "RETRYSAFE_CRASH_PLAN"

// TestMain makes the test binary the child process too.
func TestMain(m *testing.M) {
	text, isChild := os.LookupEnv(planVariable)
	if !isChild {
		os.Exit(m.Run())
	}
	var lines sync.Mutex
	encoder := json.NewEncoder(os.Stdout)
	report := func(e event) {
		lines.Lock()
		defer lines.Unlock()
		if encoder.Encode(e) != nil {
			os.Exit(3) // The parent is gone.
		}
	}
	var p plan
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		err = p.run(report)
	}
	if err != nil {
		report(event{Failed: err.Error()})
		os.Exit(2)
	}
	report(event{Done: true})
	os.Exit(0)
}

// worker is a process at work: a client with a store, and the points.
type worker struct {
	client *retrysafe.Client
	store  *trappedStore
	trap   *trap
	report func(event)
}

func (p *plan) worker(report func(event), ahead func() time.Duration) (*worker, error) {
	t := &trap{aim: p.Aim, report: report}
	s, err := opened(p.File, t, ahead)
	if err != nil {
		return nil, err
	}
	client, err := retrysafe.NewClient(p.URL, &retrysafe.Options{
		Account: "acme/test", Store: s, Lease: p.Lease, Profile: profile(p.Window),
		HTTPClient: &http.Client{Transport: trappedTransport(t)}, Observer: judged{t},
		Retry: retrysafe.RetryPolicy{
			AttemptTimeout: p.AttemptTimeout, Budget: &retrysafe.Budget{Capacity: 1000},
			Backoff: retrysafe.Backoff{Base: p.Backoff, Cap: p.Backoff, Jitter: retrysafe.NoJitter},
		},
		Resume: retrysafe.ResumePolicy{PerSecond: 1000, Parallel: 1},
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return &worker{client, s, t, report}, nil
}

func (p *plan) run(report func(event)) error {
	ctx := context.Background()
	w, err := p.worker(report, func() time.Duration { return p.Ahead })
	if err != nil {
		return err
	}
	if p.Way == byStorm { // Processes may be killed while they look after the tables, too.
		if err := w.store.Migrate(ctx); err != nil {
			return err
		}
	}
	report(event{})
	w.trap.arm()
	time.Sleep(time.Until(p.Start))
	if p.Way == byStorm {
		return w.storm(ctx, p)
	}
	var ended sync.WaitGroup
	errs := make([]error, len(p.IDs))
	for i, id := range p.IDs {
		ended.Go(func() { errs[i] = w.perform(ctx, p.Way, id) })
	}
	ended.Wait()
	if p.Way == byRunner || p.Way == byBoth || p.Way == byResume {
		_, err = w.client.Resume(ctx, w.handler())
	}
	return errors.Join(append(errs, err)...)
}

// perform does with one operation what comes before a runner's pass.
func (w *worker) perform(ctx context.Context, how way, id string) error {
	if how == byEnqueue || how == byRunner || how == byBoth {
		if err := w.enqueue(ctx, id); err != nil {
			return err
		}
	}
	if how == byDo || how == byBoth {
		w.do(ctx, id)
	}
	return nil
}

func (w *worker) enqueue(ctx context.Context, id string) error {
	w.report(event{Asked: &asked{id, time.Now()}})
	_, err := createCharge.Enqueue(ctx, w.client, nil, id, chargeOf(id))
	if retrysafe.OutcomeOf(err) == retrysafe.NotApplied {
		return nil // It was refused before, and stays so.
	}
	return err
}

func (w *worker) do(ctx context.Context, id string) told {
	from := time.Now()
	w.report(event{Asked: &asked{id, from}})
	res, err := createCharge.Do(ctx, w.client, id, chargeOf(id))
	w.trap.pass("before told")
	what := tell("do", id, res, err)
	what.From = from
	w.report(event{Told: &what})
	w.trap.pass("after told")
	return what
}

// outcome is how the operation ended, as it was told.
func (t told) outcome() retrysafe.Outcome { return retrysafe.Outcome(t.Outcome) }

func tell(by, id string, res *retrysafe.Result[charged], err error) told {
	what := told{ID: id, By: by, Outcome: int(retrysafe.OutcomeOf(err)), Pending: errors.Is(err, retrysafe.ErrPending), Again: retrysafe.Retryable(err)}
	if res != nil {
		what.Value = res.Value.ID
	}
	if err != nil {
		what.Err = err.Error()
	}
	return what
}

// handler tells how things ended, and asks the provider where sending again
// cannot tell.
func (w *worker) handler() retrysafe.Handler {
	return createCharge.Handle(retrysafe.Handlers[charge, charged]{
		Settled: func(_ context.Context, op retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
			defer w.trap.around("handler")()
			what := tell("handler", op.ID, res, err)
			w.report(event{Told: &what})
			return nil
		},
		Reconcile: func(ctx context.Context, client *retrysafe.Client, op retrysafe.Operation, _ charge) (retrysafe.Finding[charged], error) {
			defer w.trap.around("question")()
			key, err := createCharge.Key(client, op.ID)
			if err != nil {
				return retrysafe.CannotTell[charged](), err
			}
			return find(ctx, client, string(key))
		},
	})
}

func find(ctx context.Context, client *retrysafe.Client, key string) (retrysafe.Finding[charged], error) {
	res, err := findCharge.Do(ctx, client, question{Key: key})
	var e *retrysafe.Error
	switch {
	case err == nil:
		return retrysafe.Found(res.Value), nil
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return retrysafe.NotFound[charged](), nil
	}
	return retrysafe.CannotTell[charged](), fmt.Errorf("asking: %w", err)
}
