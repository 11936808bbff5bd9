package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// table is what is printed and written of several results.
type table struct {
	header []string
	rows   [][]string
}

func outageTable(results []*result) *table {
	t := &table{header: []string{
		"client", "a refusal costs, %", "requests an operation during the outage", "in all", "peak a second, during", "after",
		"drained, x the best possible", "applied in the best possible time, %", "operations", "applied", "duplicates", "calls an operation",
	}}
	for _, r := range results {
		t.rows = append(t.rows, []string{
			r.peer, percent(r.story.refusal), two(r.during), two(r.total), whole(r.peakDuring), whole(r.peakAfter),
			ratio(r.drain), percent(r.part(r.inTime)), fmt.Sprint(r.story.operations()), fmt.Sprint(r.applied), fmt.Sprint(r.tape.duplicates), two(r.calls),
		})
	}
	return t
}

func brownOutTable(results []*result) *table {
	t := &table{header: []string{
		"client", "operations a second a client", "applied within the minute, %", "by 5 s after", "by the first call",
		"requests an operation", "calls an operation", "mean ms", "p99 ms", "operations", "applied", "duplicates",
	}}
	for _, r := range results {
		t.rows = append(t.rows, []string{
			r.peer, fmt.Sprintf("%g", 1/r.story.every.Seconds()), percent(r.part(r.inTime)), percent(r.part(r.soon)),
			percent(r.part(r.firstCall)), two(r.total), two(r.calls), ms(r.mean), ms(r.p99),
			fmt.Sprint(r.story.operations()), fmt.Sprint(r.applied), fmt.Sprint(r.tape.duplicates),
		})
	}
	return t
}

func two(v float64) string   { return fmt.Sprintf("%.2f", v) }
func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

func percent(v float64) string  { return fmt.Sprintf("%g", math.Round(v*1e4)/100) }
func ms(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

func ratio(v float64) string {
	if math.IsInf(v, 1) {
		return "never"
	}
	return two(v)
}

// markdown writes the table for docs/performance.md.
func (t *table) markdown(w io.Writer) {
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(t.header, " | "), strings.Repeat("---|", len(t.header)))
	for _, row := range t.rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}

// ticksTable is what the pictures are drawn from.
func ticksTable(results []*result) *table {
	t := &table{header: []string{"client", "refusal", "second", "served", "refused"}}
	for _, r := range results {
		for i, c := range r.tape.ticks {
			at := float64(i) * tick.Seconds()
			t.rows = append(t.rows, []string{r.peer, fmt.Sprint(r.story.refusal), fmt.Sprintf("%.1f", at), fmt.Sprint(c.served), fmt.Sprint(c.refused)})
		}
	}
	return t
}

// write writes the table as CSV. dir empty: not at all.
func (t *table) write(dir, name string) error {
	if dir == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, name+".csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if err := w.WriteAll(append([][]string{t.header}, t.rows...)); err != nil {
		return err
	}
	return f.Close()
}
