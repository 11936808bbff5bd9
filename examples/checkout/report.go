package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// account is how the books and the provider's ledger compare.
type account struct {
	orders, paid, refused, unknown, effects int

	duplicates int // effects beyond the first of an order
	lost       int // effects that the books do not have
	wrong      int // orders of which the books say what is not so
	failed     int // of these, orders that failed in the books and were charged

	requests, faulty int
	p50, p99, took   time.Duration
}

// harm counts what must never happen.
func (a account) harm() int { return a.duplicates + a.lost + a.wrong + a.failed }

// audit compares the books with the ledger.
func audit(books []entry, provider *mock.Provider, took time.Duration) account {
	a := account{orders: len(books), took: took}
	effects := effectsByOrder(provider)
	for _, e := range books {
		a.add(e, effects[e.order.id])
	}
	for _, r := range provider.Requests() {
		a.requests++
		if r.Fault != "" {
			a.faulty++
		}
	}
	slices.SortFunc(books, func(x, y entry) int { return int(x.took - y.took) })
	a.p50, a.p99 = books[len(books)*50/100].took, books[len(books)*99/100].took
	return a
}

// effectsByOrder returns the IDs of the charges that were made.
func effectsByOrder(provider *mock.Provider) map[string][]string {
	effects := map[string][]string{}
	for _, e := range provider.Ledger() {
		var c chargeAnswer
		if json.Unmarshal(e.Reply.Body, &c) == nil {
			effects[c.Order] = append(effects[c.Order], c.ID)
		}
	}
	return effects
}

func (a *account) add(e entry, effects []string) {
	a.effects += len(effects)
	a.duplicates += max(0, len(effects)-1)
	switch e.outcome {
	case retrysafe.Applied:
		a.paid++
		a.addPaid(e.charge, effects)
	case retrysafe.NotApplied:
		a.refused++
		a.lost += len(effects)
		if len(effects) > 0 {
			a.wrong++
			a.failed++
		}
	case retrysafe.Unknown:
		a.unknown++ // the books say that there may be an effect
	}
}

// addPaid compares the charge of a paid order with the ledger. It has no ID if
// the shop learned that the card was charged, but not the answer.
func (a *account) addPaid(charge string, effects []string) {
	if slices.Contains(effects, charge) || charge == "" && len(effects) > 0 {
		a.lost += len(effects) - 1
		return
	}
	a.wrong++
	a.lost += len(effects)
}

// row is one line of the table. An empty name parts two groups.
type row struct {
	name  string
	value func(account) any
}

var table = []row{
	{"orders", func(a account) any { return a.orders }},
	{"  paid, say the books", func(a account) any { return a.paid }},
	{"  not charged, say the books", func(a account) any { return a.refused }},
	{"  unknown", func(a account) any { return a.unknown }},
	{"effects in the provider's ledger", func(a account) any { return a.effects }},
	{},
	{"duplicates (charged again)", func(a account) any { return a.duplicates }},
	{"lost (charged, and no order says so)", func(a account) any { return a.lost }},
	{"outcome wrong", func(a account) any { return a.wrong }},
	{"told failed though charged", func(a account) any { return a.failed }},
	{},
	{"requests that failed", func(a account) any { return fmt.Sprintf("%.1f %%", 100*float64(a.faulty)/float64(a.requests)) }},
	{"attempts per order", func(a account) any { return fmt.Sprintf("%.2f", float64(a.requests)/float64(a.orders)) }},
	{"p50 of an order", func(a account) any { return milliseconds(a.p50) }},
	{"p99 of an order", func(a account) any { return milliseconds(a.p99) }},
	{"time", func(a account) any { return fmt.Sprintf("%.1f s", a.took.Seconds()) }},
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

// report prints both accounts side by side.
func report(w io.Writer, s settings, plain, safe account) {
	fmt.Fprintf(w, "%d orders, %d at a time, seed %d.\n", s.orders, s.parallel, s.seed)
	fmt.Fprintf(w, "%.0f %% of the requests fail, %.0f %% of the calls crash, %.0f %% of the cards are declined.\n",
		100*s.failing, 100*crashing, 100*declining)
	fmt.Fprintf(w, "Both make %d attempts a call of up to %v each, with a backoff of %v to %v,\nand are called up to %d times more after an error.\n\n",
		attempts, s.timeout, backoff.Base, backoff.Cap, calls-1)
	fmt.Fprintf(w, "%-40s%18s%14s\n", "", "plain retry loop", "retrysafe")
	for _, r := range table {
		if r.name == "" {
			fmt.Fprintln(w)
			continue
		}
		fmt.Fprintf(w, "%-40s%18v%14v\n", r.name, r.value(plain), r.value(safe))
	}
}
