// Checkout charges 1,000 orders at a provider on this machine that fails in
// 30 % of the requests, before the effect and after it, and then compares what
// the provider's ledger says with what the shop believes: once with the retry
// loop that most programs have, and once with retrysafe.
//
//	go run ./examples/checkout -orders 1000 -parallel 16 -seed 1
//
// It exits with 1 if retrysafe charged an order twice, lost a charge, or told
// the shop something that is not so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// settings are what both ways to charge have in common.
type settings struct {
	orders, parallel int
	seed             uint64
	timeout          time.Duration // of one attempt
	failing          float64       // share of the requests
}

const (
	attempts = 5 // of one call
	calls    = 3 // the shop calls twice more after an error
)

// Short, because nothing here is further away than the loopback interface.
var backoff = retrysafe.Backoff{Base: 5 * time.Millisecond, Cap: 40 * time.Millisecond}

func main() {
	var s settings
	flag.IntVar(&s.orders, "orders", 1000, "how many orders")
	flag.IntVar(&s.parallel, "parallel", 16, "how many at a time")
	flag.Uint64Var(&s.seed, "seed", 1, "which failures, crashes and declined cards")
	flag.DurationVar(&s.timeout, "timeout", 50*time.Millisecond, "how long an attempt may take")
	flag.Float64Var(&s.failing, "failing", 0.3, "the share of the requests that fail, 0 to 1")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, os.Stdout, terminal(os.Stderr)); err != nil {
		fmt.Fprintln(os.Stderr, "checkout:", err)
		os.Exit(1)
	}
}

var errHarm = errors.New("retrysafe has done harm")

// run charges the same orders both ways and prints what became of them. Nil
// progress shows none.
func run(ctx context.Context, s settings, stdout, progress io.Writer) error {
	if s.orders < 1 || s.parallel < 1 || s.timeout <= 0 {
		return errors.New("-orders, -parallel and -timeout must be positive")
	}
	if !(s.failing >= 0 && s.failing <= 1) {
		return errors.New("-failing must be from 0 to 1")
	}
	plain, err := charge(ctx, s, progress, "plain retry loop", startPlain)
	if err != nil {
		return err
	}
	safe, err := charge(ctx, s, progress, "retrysafe", startSafe)
	if err != nil {
		return err
	}
	report(stdout, s, plain, safe)
	if safe.harm() > 0 {
		return errHarm
	}
	return nil
}

// charge charges all orders one way, at a provider of its own.
func charge(ctx context.Context, s settings, progress io.Writer, name string, start starter) (account, error) {
	provider, err := mock.NewProvider(&mock.Options{
		Effect: take, PerKey: scripts(s), MaxRequests: 1000 * s.orders,
	})
	if err != nil {
		return account{}, err
	}
	if err := provider.Start(); err != nil {
		return account{}, err
	}
	defer provider.Close()

	begin := time.Now()
	shop := &shop{settings: s, url: provider.URL(), start: start}
	books, err := shop.sell(ctx, newProgress(progress, name, s.orders))
	if err != nil {
		return account{}, err
	}
	elapsed := time.Since(begin)
	// What is still on its way has to arrive before effects are counted.
	pause(ctx, lateness(s))
	return audit(books, provider, elapsed), nil
}
