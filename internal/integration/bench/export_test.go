package main

import (
	"context"
	"database/sql"
	"net/http"
	"testing"
	"time"
)

// What the tests use of a command, which exports nothing.
var (
	Command  = command
	Quantile = quantile[time.Duration]
	InTurn   = inTurn
	Serve    = serve
)

// Series is a series for tests.
type Series = series

// NewSeries returns a series.
func NewSeries(name string, do func() error) *Series { return &series{name: name, do: do} }

// Took is how often it was timed.
func (s *series) Took() int { return len(s.took) }

// Chart draws one line through points.
func Chart(xs []int, ys []float64) string {
	l := line{name: "a < b"}
	for i := range xs {
		l.add(xs[i], ys[i])
	}
	c := chart{title: "t", x: "x", y: "y", lines: []line{l}}
	return c.svg()
}

// Contents is what a database has.
type Contents struct{ Rows, Distinct, Settled int }

// Present counts what a database has.
func Present(t testing.TB, file string) (c Contents) {
	t.Helper()
	pool, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	err = pool.QueryRow("SELECT count(*), count(DISTINCT hex(sum)||hex(id)), count(settled) FROM retrysafe_operation").Scan(&c.Rows, &c.Distinct, &c.Settled)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// PeersAt returns the calls of all peers to a server.
func PeersAt(t testing.TB, base string) map[string]func(context.Context) error {
	t.Helper()
	all, err := peersOf(target{base, http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(context.Context) error{}
	for _, p := range all {
		calls[p.name] = p.call
	}
	return calls
}

// Bars draws values of two settings.
func Bars(values ...float64) string {
	b := bars{title: "a < b"}
	for _, setting := range []string{"one", "two"} {
		var all []bar
		for _, v := range values {
			all = append(all, bar{"of " + setting, v})
		}
		b.add(setting, all)
	}
	return b.svg()
}
