package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe"
)

// assignment is what a worker's process is told when it starts. It is the same
// at every start.
type assignment struct {
	Number, Workers, Orders int
	Seed                    uint64
	Store, Provider         string
	Account                 string
}

const assignmentVariable = "RETRYSAFE_DURABLE_WORKER"

// assigned returns the assignment if this process is a worker's.
func assigned() (a assignment, ok bool) {
	text, ok := os.LookupEnv(assignmentVariable)
	return a, ok && json.Unmarshal([]byte(text), &a) == nil
}

func diaryOf(store string) string { return store + ".told" }

// employ is a worker's life, until its standard input ends, or it is killed.
func employ(a assignment) error {
	ctx, quit := context.WithCancelCause(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		quit(errEndOfWork)
	}()
	err := work(ctx, a)
	if context.Cause(ctx) == errEndOfWork {
		return nil
	}
	return fmt.Errorf("worker %d: %w", a.Number, err)
}

var errEndOfWork = errors.New("end of work")

// worker charges its share of the orders: one half by Do, the other by enqueueing
// it. What is enqueued, and what others have left behind, is carried on by its
// runner.
type worker struct {
	assignment
	shop  *shop
	diary diary
}

// work does the three jobs of a worker at the same time.
func work(ctx context.Context, a assignment) error {
	s, err := open(ctx, a.Store, a.Provider, a.Account)
	if err != nil {
		return err
	}
	defer s.close()
	d, err := openDiary(diaryOf(a.Store))
	if err != nil {
		return err
	}
	defer d.close()
	w := &worker{a, s, d}
	fmt.Println("at work") // the greeting that the crew waits for

	ctx, stop := context.WithCancelCause(ctx)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	defer stop(nil)
	for _, job := range []func(context.Context) error{w.chargeAll, w.enqueueAll, w.runner} {
		jobs.Go(func() {
			if err := job(ctx); err != nil {
				stop(err)
			}
		})
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// share returns the orders of this worker that the books do not have yet: all of
// them at first, fewer after a restart.
func (w *worker) share(ctx context.Context, enqueued bool) ([]order, error) {
	books, err := w.shop.books(ctx)
	var share []order
	for n := range w.Orders {
		o := orderOf(w.Seed, n)
		_, known := books[o.id]
		if n/2%w.Workers == w.Number && n%2 == 1 == enqueued && !known {
			share = append(share, o)
		}
	}
	return share, err
}

func (w *worker) enqueueAll(ctx context.Context) error {
	orders, err := w.share(ctx, true)
	for _, o := range orders {
		if err = w.shop.enqueue(ctx, o); err != nil {
			break
		}
	}
	return err
}

const hands = 4 // orders that a worker charges by Do at a time

func (w *worker) chargeAll(ctx context.Context) error {
	orders, err := w.share(ctx, false)
	queue, failed := make(chan order), make([]error, hands)
	var working sync.WaitGroup
	for hand := range hands {
		working.Go(func() {
			for o := range queue {
				failed[hand] = errors.Join(failed[hand], w.charge(ctx, o))
			}
		})
	}
	for _, o := range orders {
		queue <- o
	}
	close(queue)
	working.Wait()
	return errors.Join(append(failed, err)...)
}

// charge has one order charged, and asks again as long as that may help.
func (w *worker) charge(ctx context.Context, o order) error {
	for ctx.Err() == nil {
		res, err := createCharge.Do(ctx, w.shop.client, o.id, o.request())
		t := told{Order: o.id, word: wordOf(res, err), At: time.Now(), Final: !retrysafe.Retryable(err)}
		if err := w.diary.write(t); err != nil {
			return err
		}
		if t.Final || t.Outcome == applied {
			return w.shop.settle(ctx, o.id, t.word)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return context.Cause(ctx)
}

// runner sends what is enqueued, carries on what the dead have left, and is told
// how that ended.
func (w *worker) runner(ctx context.Context) error {
	return w.shop.client.Run(ctx, createCharge.Handle(retrysafe.Handlers[chargeRequest, chargeAnswer]{
		Settled: func(ctx context.Context, op retrysafe.Operation, res *retrysafe.Result[chargeAnswer], err error) error {
			t := told{Order: op.ID, word: wordOf(res, err), At: time.Now(), Final: !retrysafe.Retryable(err)}
			if err := w.diary.write(t); err != nil {
				return err
			}
			return w.shop.settle(ctx, op.ID, t.word)
		},
	}))
}
