package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/retrysafe/retrysafe"
)

// order is what a customer wants to pay.
type order struct {
	id     string
	amount int64
	card   string
}

const (
	goodCard  = "tok_good"
	emptyCard = "tok_empty" // is declined
)

func orderOf(s settings, n int) order {
	o := order{id: fmt.Sprintf("order-%d", n+1), amount: 4200, card: goodCard}
	if draw(s.seed, "card", o.id).Float64() < declining {
		o.card = emptyCard
	}
	return o
}

// chargeRequest and chargeAnswer are what goes over the wire.
type chargeRequest struct {
	Order  string `json:"order"`
	Amount int64  `json:"amount"`
	Card   string `json:"card"`
}

type chargeAnswer struct {
	ID    string `json:"id"`
	Order string `json:"order"`
}

// told is what one call told the shop.
type told struct {
	outcome retrysafe.Outcome
	charge  string // the provider's ID
	again   bool   // worth another call
}

// process is a running program that charges orders. Nothing of it outlives it.
type process interface {
	// charge charges an order. Call numbers the calls for this order.
	charge(ctx context.Context, o order, call int) told
	stop()
}

type starter func(s settings, url string) (process, error)

// entry is what the books say of one order.
type entry struct {
	order order
	told
	took time.Duration
}

// shop sells: it keeps the books and starts its process again after a crash.
type shop struct {
	settings
	url   string
	start starter
}

// sell charges every order and returns the books.
func (s *shop) sell(ctx context.Context, p *progress) ([]entry, error) {
	running, err := s.start(s.settings, s.url)
	if err != nil {
		return nil, err
	}
	defer running.stop()
	books, failed, queue := make([]entry, s.orders), make([]error, s.orders), make(chan int)
	var workers sync.WaitGroup
	for range s.parallel {
		workers.Go(func() {
			for n := range queue {
				books[n], failed[n] = s.settle(ctx, running, orderOf(s.settings, n))
				p.step()
			}
		})
	}
	for n := 0; n < s.orders && ctx.Err() == nil; n++ {
		queue <- n
	}
	close(queue)
	workers.Wait()
	p.end()
	return books, errors.Join(append(failed, context.Cause(ctx))...)
}

// settle charges one order. A process that crashes has written nothing down:
// the one that is started after it knows the order, and no more.
func (s *shop) settle(ctx context.Context, running process, o order) (entry, error) {
	begin := time.Now()
	end, crashed := s.call(ctx, running, o, 1)
	for crashed > 0 {
		restarted, err := s.start(s.settings, s.url)
		if err != nil {
			return entry{}, err
		}
		end, crashed = s.call(ctx, restarted, o, crashed+1)
		restarted.stop()
	}
	return entry{order: o, told: end, took: time.Since(begin)}, nil
}

// call has an order charged, and calls again after an error. It returns the
// number of the call in which the process crashed, 0 if it did not.
func (s *shop) call(ctx context.Context, p process, o order, first int) (end told, crashed int) {
	for n := first; n < first+calls; n++ {
		if after, crashes := crash(s.settings, o, n); crashes && ctx.Err() == nil {
			dying, cancel := context.WithTimeout(ctx, after)
			p.charge(dying, o, n) // nobody is left who could read the answer
			cancel()
			return told{}, n
		}
		if end = p.charge(ctx, o, n); !end.again || !pause(ctx, backoff.Wait(n)) {
			break
		}
	}
	return end, 0
}

// pause reports whether it lasted as long as it should.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
