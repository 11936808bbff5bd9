package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func main() {
	opts, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "outage:", err)
		os.Exit(2)
	}
	// A bubble of virtual time is only had in a test, so the program is one.
	// What testing itself says is not part of the output.
	w := os.Stdout
	os.Stdout = os.Stderr
	testing.Init()
	flag.CommandLine.Parse(nil) // An error ends the program.
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: "outage", F: func(t *testing.T) {
		if err := opts.run(t, w); err != nil {
			t.Fatal(err)
		}
	}}}, nil, nil)
}

// options say what is played.
type options struct {
	story    string
	world    string
	clients  int
	every    time.Duration
	seed     uint64
	refusals []float64
	rates    []float64
	peers    []peer
	out      string // for CSV files and pictures; empty: none
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("outage", flag.ContinueOnError)
	flags.StringVar(&o.story, "story", "outage", "outage or brownout")
	flags.StringVar(&o.world, "world", "virtual", "virtual, in the time of testing/synctest, or sockets, in real time")
	flags.IntVar(&o.clients, "clients", 100, "clients; in a brown-out at most 1,000 operations a second in all")
	flags.DurationVar(&o.every, "every", 100*time.Millisecond, "a client begins an operation in an outage, which lasts two seconds")
	flags.Uint64Var(&o.seed, "seed", 1, "of what is drawn by lot")
	flags.StringVar(&o.out, "out", "", "directory for CSV files and pictures; empty: none are written")
	refusals := flags.String("refusal", "0,0.05", "what a refusal costs the server, in parts of a served request; a list")
	rates := flags.String("rates", "1,10,100", "operations a second of a client in a brown-out; a list")
	names := flags.String("peers", "", "peers, separated by commas; empty: all")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.refusals, err = numbers(*refusals, 0); err != nil {
		return o, err
	}
	if o.rates, err = numbers(*rates, 0.1); err != nil {
		return o, err
	}
	if o.peers, err = choose(*names); err != nil {
		return o, err
	}
	if o.clients < 1 || o.every < time.Millisecond || o.every > time.Second || worlds[o.world] == nil || o.story != "outage" && o.story != "brownout" {
		return o, fmt.Errorf("no such story, no such world, or too few or too many")
	}
	return o, nil
}

func numbers(list string, least float64) ([]float64, error) {
	var ns []float64
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil || !(n >= least) {
			return nil, fmt.Errorf("%q is not a list of numbers from %g on", list, least)
		}
		ns = append(ns, n)
	}
	return ns, nil
}

// worlds are where a story can be played.
var worlds = map[string]func(*testing.T, *story, peer) (*tape, error){"virtual": virtual, "sockets": sockets}

// run plays the story once for each peer, and each cost or rate.
func (o *options) run(t *testing.T, w io.Writer) error {
	if o.story == "brownout" {
		return o.brownOuts(t, w)
	}
	return o.outages(t, w)
}

func (o *options) outages(t *testing.T, w io.Writer) error {
	var all []*result
	for _, refusal := range o.refusals {
		results, err := o.play(t, outage(o.clients, o.every, refusal, o.seed))
		if err != nil {
			return err
		}
		picture := fmt.Sprintf("outage-%s-refusal-%g", o.world, refusal)
		title := fmt.Sprintf("%d clients, a refusal costs %s %% of a served request", o.clients, percent(refusal))
		if err := plot(o.out, picture, title, results); err != nil {
			return err
		}
		all = append(all, results...)
	}
	if err := ticksTable(all).write(o.out, "outage-"+o.world+"-ticks"); err != nil {
		return err
	}
	return publish(w, outageTable(all), o.out, "outage-"+o.world)
}

// mostASecond bounds the operations that a brown-out's clients begin together.
const mostASecond = 1000

func (o *options) brownOuts(t *testing.T, w io.Writer) error {
	var all []*result
	for _, rate := range o.rates {
		clients := max(min(o.clients, int(mostASecond/rate)), 1)
		results, err := o.play(t, brownOut(clients, rate, o.seed))
		if err != nil {
			return err
		}
		all = append(all, results...)
	}
	return publish(w, brownOutTable(all), o.out, "brownout-"+o.world)
}

// play plays one story for each peer in turn.
func (o *options) play(t *testing.T, s *story) ([]*result, error) {
	var results []*result
	for _, p := range o.peers {
		tape, err := worlds[o.world](t, s, p)
		if err != nil {
			return nil, err
		}
		r := newResult(p, tape)
		fmt.Fprintf(os.Stderr, "%s, %s: %.2f requests an operation, %d of %d applied\n", s.name, p.name, r.total, r.applied, s.operations())
		results = append(results, r)
	}
	return results, nil
}

func publish(w io.Writer, t *table, dir, name string) error {
	t.markdown(w)
	return t.write(dir, name)
}
