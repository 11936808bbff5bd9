package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := command(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(args []string, w io.Writer) error {
	opts, profile, err := parse(args)
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(ctx, opts, w)
}

// options say what is measured, and how thoroughly.
type options struct {
	dir     string        // for the databases; empty: a temporary one, removed at the end
	out     string        // for CSV files and plots; empty: none
	only    []string      // the measurements; empty: all
	rounds  int           // of what is measured call by call
	phases  int           // of what is measured for a time
	phase   time.Duration // how long that is
	callers []int         // numbers of callers of the durable command
	many    int           // callers of the budget for many
	present int           // records present, for all but the first and last measurement
	records []int         // sizes at which a claim is measured
	pool    int           // idle connections that the pool keeps; 0: database/sql's default, 2
}

func parse(args []string) (o options, profile string, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "directory for the databases, which are kept and used again; empty: a temporary one")
	flags.StringVar(&o.out, "out", "", "directory for CSV files and plots; empty: none are written")
	only := flags.String("only", "", "measurements, separated by commas: calls, command, answers, lifecycles, callers, records; empty: all")
	flags.IntVar(&o.rounds, "rounds", 3000, "rounds of what is measured call by call; a third as many of calls, which are made in turns")
	flags.IntVar(&o.phases, "phases", 5, "phases of what is measured for a time")
	flags.DurationVar(&o.phase, "phase", time.Second, "length of a phase")
	callers := flags.String("callers", "1,8,64,256", "numbers of callers")
	flags.IntVar(&o.many, "many", 64, "callers of the measurement lifecycles")
	flags.IntVar(&o.present, "present", 1_000_000, "records present")
	records := flags.String("records", "10000,100000,1000000,10000000", "sizes at which a claim is measured")
	flags.IntVar(&o.pool, "idle", 0, "idle connections that the store's pool keeps; 0: the default of database/sql")
	flags.StringVar(&profile, "cpuprofile", "", "file for a CPU profile")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if o.callers, err = numbers(*callers); err != nil {
		return o, "", err
	}
	if o.records, err = numbers(*records); err != nil {
		return o, "", err
	}
	if o.rounds < 1 || o.phases < 1 || o.phase <= 0 || o.many < 1 || o.present < 0 || o.pool < 0 {
		return o, "", fmt.Errorf("a number is too small")
	}
	return o, profile, nil
}

func numbers(list string) ([]int, error) {
	var ns []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a list of positive numbers", list)
		}
		ns = append(ns, n)
	}
	return ns, nil
}
