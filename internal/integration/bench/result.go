package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// table is a result: a CSV file, and the same on the terminal.
type table struct {
	name   string
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// publish prints a table as Markdown and writes it as CSV.
func (b *bench) publish(t table) error {
	line := func(cells []string) { fmt.Fprintf(b.w, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.header)
	line(slicesOf("---", len(t.header)))
	for _, row := range t.rows {
		line(row)
	}
	if b.out == "" {
		return nil
	}
	f, err := b.create(t.name + ".csv")
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	return errors.Join(w.Write(t.header), w.WriteAll(t.rows), f.Close())
}

func slicesOf(word string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = word
	}
	return all
}

// plot writes a chart, unless nothing is to be written.
func (b *bench) plot(name string, c chart) error { return b.draw(name, c.svg()) }

// draw writes a drawing, unless nothing is to be written.
func (b *bench) draw(name, svg string) error {
	if b.out == "" {
		return nil
	}
	f, err := b.create(name + ".svg")
	if err != nil {
		return err
	}
	_, err = f.WriteString(svg)
	return errors.Join(err, f.Close())
}

func (b *bench) create(name string) (*os.File, error) {
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(b.out, name))
}

// µs is a time in microseconds.
func µs(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Microsecond)) }

func whole(f float64) string { return fmt.Sprintf("%.0f", f) }

func ratio(f float64) string { return fmt.Sprintf("%.2f", f) }
