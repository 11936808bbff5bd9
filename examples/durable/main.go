// Durable charges 1,000 orders from processes that are killed all the time. Three
// workers share one SQLite file and call a provider on this machine that fails in
// 30 % of the requests, before the effect and after it. They get SIGKILL at
// random moments and are started again on the same file. In the end what the
// provider's ledger says is compared with what the workers were told, with the
// shop's own table, and with the store.
//
//	go run ./examples/durable -orders 1000 -workers 3 -kill 150ms -seed 1
//
// It exits with 1 if an order was charged twice, if one was charged that somebody
// was told had failed, if one was forgotten, or if somebody was told what is not so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

type settings struct {
	orders, workers int
	kill            time.Duration // between two kills, on average; 0: none
	seed            uint64
	store           string // the file of the database; empty: a temporary one
	limit           time.Duration
	forgetful       bool // a mistake to be found: every start of a worker has an account of its own
}

const accountName = "acme/loopback"

func main() {
	if a, ok := assigned(); ok {
		exit(employ(a))
	}
	var s settings
	flag.IntVar(&s.orders, "orders", 1000, "how many orders")
	flag.IntVar(&s.workers, "workers", 3, "how many processes")
	flag.DurationVar(&s.kill, "kill", 150*time.Millisecond, "the mean time between two kills; 0 kills nobody")
	flag.Uint64Var(&s.seed, "seed", 1, "which failures, kills and declined cards")
	flag.StringVar(&s.store, "store", "", "a file that is not there yet, for the database (default a temporary one)")
	flag.DurationVar(&s.limit, "limit", 2*time.Minute, "what is open after this time is forgotten")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, s, os.Stdout, terminal(os.Stderr)))
}

func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "durable:", err)
	os.Exit(1)
}

var errHarm = errors.New("retrysafe has done harm")

// run has all orders charged and prints what became of them. Nil progress shows
// none.
func run(ctx context.Context, s settings, stdout, progress io.Writer) error {
	found, err := charge(ctx, s, progress)
	if err != nil {
		return err
	}
	found.report(stdout, s)
	if found.harm() > 0 {
		return errHarm
	}
	return nil
}

// charge has all orders charged by workers, and compares what is known of them.
func charge(ctx context.Context, s settings, progress io.Writer) (findings, error) {
	if s.orders < 1 || s.workers < 1 || s.limit <= 0 || s.kill < 0 {
		return findings{}, errors.New("-orders, -workers and -limit must be positive, and -kill not negative")
	}
	remove, err := s.place()
	if err != nil {
		return findings{}, err
	}
	defer remove()
	provider, err := startProvider(s.seed)
	if err != nil {
		return findings{}, err
	}
	defer provider.Close()
	shop, err := open(ctx, s.store, provider.URL(), accountName)
	if err != nil {
		return findings{}, err
	}
	defer shop.close()

	crew := newCrew(s, provider.URL())
	defer crew.dismiss()
	if err := crew.work(ctx, shop, progress); err != nil {
		return findings{}, err
	}
	crew.dismiss()
	// What killed workers have sent last has to arrive before effects are counted.
	time.Sleep(2 * processing)
	return check(ctx, s, shop, provider, crew)
}

// place makes sure that the database is a new one: the provider's ledger is, too.
func (s *settings) place() (remove func(), err error) {
	if s.store != "" {
		if _, err := os.Stat(s.store); !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("-store: %s is there already", s.store)
		}
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "retrysafe-durable-")
	s.store = filepath.Join(dir, "shop.db")
	return func() { os.RemoveAll(dir) }, err
}

// terminal returns the file if somebody looks at it, else nil.
func terminal(f *os.File) io.Writer {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
