package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// bench is one run: its databases, and what it found.
type bench struct {
	options
	w       io.Writer
	filled  map[int]*database // by records present
	ids     atomic.Int64      // names given so far
	budgets []budget
	start   time.Time
}

// measurements are made in this order.
var measurements = []struct {
	name    string
	measure func(*bench, context.Context) error
}{
	{"calls", (*bench).measureCalls},
	{"command", (*bench).measureCommand},
	{"answers", (*bench).measureAnswers},
	{"lifecycles", (*bench).measureLifecycles},
	{"callers", (*bench).measureCallers},
	{"records", (*bench).measureRecords},
}

func run(ctx context.Context, opts options, w io.Writer) (err error) {
	for _, name := range opts.only {
		if !known(name) {
			return fmt.Errorf("there is no measurement %q", name)
		}
	}
	if opts.dir == "" {
		dir, err := os.MkdirTemp("", "retrysafe-bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		opts.dir = dir
	}
	b := &bench{options: opts, w: w, filled: map[int]*database{}, start: time.Now()}
	defer func() { err = errors.Join(err, b.close()) }()
	fmt.Fprintf(w, "%s, %s/%s, %d processors, %s\n", b.start.Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for _, m := range measurements {
		if len(opts.only) > 0 && !slices.Contains(opts.only, m.name) {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", m.name)
		if err := m.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return b.summarize()
}

func known(name string) bool {
	for _, m := range measurements {
		if m.name == name {
			return true
		}
	}
	return false
}

func (b *bench) close() (err error) {
	for _, d := range b.filled {
		err = errors.Join(err, d.close())
	}
	return err
}

// newID names an operation that no database of any run has.
func (b *bench) newID() string {
	return fmt.Sprintf("order-%x-%d", b.start.UnixNano(), b.ids.Add(1))
}

// budget is one promise about cost, and what was measured.
type budget struct {
	what     string
	limit    string
	measured string
	met      bool
}

func (b *bench) judge(what, limit, measured string, met bool) {
	b.budgets = append(b.budgets, budget{what, limit, measured, met})
}

func (b *bench) summarize() error {
	t := table{name: "summary", header: []string{"what", "budget", "measured", "met"}}
	for _, j := range b.budgets {
		t.add(j.what, j.limit, j.measured, yes(j.met))
	}
	fmt.Fprintln(b.w)
	return b.publish(t)
}

func yes(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}
