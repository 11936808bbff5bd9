package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// evidence is all that there is to know of one order in the end.
type evidence struct {
	charges []effect // in the provider's ledger
	told    []told   // in the diary
	books   word     // in the shop's table
	record  word     // in the store
}

// effect is a charge that was made.
type effect struct {
	id string
	at time.Time
}

// findings are how evidence of all orders compares.
type findings struct {
	orders, kills, attempts, effects int
	paid, declined, unknown          int

	duplicates int // effects beyond the first of an order
	lost       int // orders that were charged, and somebody was told that they failed
	forgotten  int // orders that nobody will settle, or was told of
	wrong      int // orders of which somebody was told what is not so

	took time.Duration
}

// harm counts what must never happen.
func (f findings) harm() int { return f.duplicates + f.lost + f.forgotten + f.wrong }

// check compares ledger, diary, books and store.
func check(ctx context.Context, s settings, shop *shop, provider *mock.Provider, c *crew) (findings, error) {
	f := findings{kills: c.kills, took: c.took, attempts: len(provider.Requests())}
	books, err := shop.books(ctx)
	if err != nil {
		return f, err
	}
	diary, err := readDiary(diaryOf(s.store))
	if err != nil {
		return f, err
	}
	charges := chargesByOrder(provider)
	for n := range s.orders {
		id := orderOf(s.seed, n).id
		record, err := lookup(ctx, shop.client, id)
		if err != nil {
			return f, err
		}
		f.add(evidence{charges[id], diary[id], books[id], record})
	}
	return f, nil
}

// chargesByOrder returns the charges that were made.
func chargesByOrder(provider *mock.Provider) map[string][]effect {
	charges := map[string][]effect{}
	for _, e := range provider.Ledger() {
		var c chargeAnswer
		if json.Unmarshal(e.Reply.Body, &c) == nil {
			charges[c.Order] = append(charges[c.Order], effect{c.ID, e.Time})
		}
	}
	return charges
}

// lookup is what the store says of an order.
func lookup(ctx context.Context, client *retrysafe.Client, id string) (word, error) {
	res, err := createCharge.Lookup(ctx, client, id)
	switch {
	case errors.Is(err, retrysafe.ErrStore):
		return word{}, err
	case errors.Is(err, retrysafe.ErrNotFound), errors.Is(err, retrysafe.ErrPending), errors.Is(err, retrysafe.ErrInFlight):
		return word{Outcome: stillOpen}, nil
	}
	return wordOf(res, err), nil
}

func (f *findings) add(e evidence) {
	f.orders++
	f.effects += len(e.charges)
	f.duplicates += max(0, len(e.charges)-1)
	switch e.record.Outcome {
	case applied:
		f.paid++
	case notApplied:
		f.declined++
	case unknown:
		f.unknown++
	}
	for _, found := range []struct {
		yes   bool
		count *int
	}{{e.lost(), &f.lost}, {e.forgotten(), &f.forgotten}, {e.wrong(), &f.wrong}} {
		if found.yes {
			*found.count++
		}
	}
}

// lost: charged, while somebody holds that it failed, or was told so after it was
// charged, even if it asked again.
func (e evidence) lost() bool {
	if len(e.charges) == 0 {
		return false
	}
	failed := func(t told) bool {
		return t.Outcome == notApplied && (t.Final || e.charges[0].at.Before(t.At))
	}
	last := len(e.told) > 0 && e.told[len(e.told)-1].Outcome == notApplied
	return last || slices.ContainsFunc(e.told, failed) || e.books.Outcome == notApplied || e.record.Outcome == notApplied
}

// forgotten: never told, or open in the store, or in the books although the store
// knows.
func (e evidence) forgotten() bool {
	inBooks := e.books.Outcome != "" && e.books.Outcome != stillOpen
	return len(e.told) == 0 || e.record.Outcome == stillOpen || !inBooks && e.record.Outcome != unknown
}

// wrong: said to be charged and was not, or as another charge; or one says that it
// was charged and the other that it was not.
func (e evidence) wrong() bool {
	says := map[string]bool{e.books.Outcome: true, e.record.Outcome: true}
	words := []word{e.books, e.record}
	for _, t := range e.told {
		words = append(words, t.word)
		says[t.Outcome] = says[t.Outcome] || t.Final || t.Outcome == applied
	}
	return says[applied] && says[notApplied] || slices.ContainsFunc(words, func(w word) bool {
		made := func(c effect) bool { return w.Charge == "" || w.Charge == c.id }
		return w.Outcome == applied && !slices.ContainsFunc(e.charges, made)
	})
}

// report prints the findings.
func (f findings) report(w io.Writer, s settings) {
	fmt.Fprintf(w, "%d orders, %d processes on one SQLite file, seed %d, killed every %v on average.\n", s.orders, s.workers, s.seed, s.kill)
	fmt.Fprintf(w, "%.0f %% of the requests fail, %.0f %% of the cards are declined.\n\n", 100*failing, 100*declining)
	for _, row := range []struct {
		name  string
		value any
	}{
		{"orders", f.orders},
		{"  charged, says the store", f.paid},
		{"  not charged, says the store", f.declined},
		{"  unknown", f.unknown},
		{"kills", f.kills},
		{"attempts", f.attempts},
		{"effects in the provider's ledger", f.effects},
		{},
		{"duplicates (charged again)", f.duplicates},
		{"lost (charged, and told failed)", f.lost},
		{"forgotten (not settled)", f.forgotten},
		{"told wrong", f.wrong},
		{},
		{"time", fmt.Sprintf("%.1f s", f.took.Seconds())},
	} {
		if row.name == "" {
			fmt.Fprintln(w)
			continue
		}
		fmt.Fprintf(w, "%-36s%8v\n", row.name, row.value)
	}
}
