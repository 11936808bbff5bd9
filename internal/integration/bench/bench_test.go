package main_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bench "github.com/retrysafe/retrysafe/internal/integration/bench"
)

// small measures everything, as little as can be.
func small(dir string, more ...string) []string {
	return append([]string{
		"-dir", dir, "-out", filepath.Join(dir, "out"), "-rounds", "5", "-phases", "2", "-phase", "10ms",
		"-present", "50", "-records", "10,100", "-callers", "1,3", "-many", "3",
	}, more...)
}

// TestARunMeasuresEverythingAndWritesItDown also runs a second time, on the
// databases that the first one left.
func TestARunMeasuresEverythingAndWritesItDown(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		var said bytes.Buffer
		if err := bench.Command(small(dir), &said); err != nil {
			t.Fatalf("%v, after:\n%s", err, said.String())
		}
	}
	for file, want := range map[string]struct{ rows, from int }{ // from: the first column of numbers
		"command.csv": {7, 1}, "answers.csv": {5, 1}, "lifecycles.csv": {2 * 3, 1}, "callers.csv": {2 * 4, 1}, "records.csv": {2 * 3, 1},
	} {
		rows := read(t, filepath.Join(dir, "out", file))
		if len(rows) != want.rows {
			t.Errorf("%s has %d rows, want %d", file, len(rows), want.rows)
		}
		for _, row := range rows {
			if n, err := strconv.ParseFloat(row[want.from+1], 64); err != nil || n <= 0 {
				t.Errorf("%s: %v: %q is no measured number", file, row, row[want.from+1])
			}
		}
	}
	for _, plot := range []string{"callers-rate.svg", "callers-time.svg", "records.svg"} {
		drawing, err := os.ReadFile(filepath.Join(dir, "out", plot))
		if err != nil {
			t.Error(err)
		}
		wellFormed(t, string(drawing))
	}
}

func TestAnAnswerFromTheStoreWritesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := bench.Command(small(dir, "-only", "answers"), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	for _, row := range read(t, filepath.Join(dir, "out", "summary.csv")) {
		if strings.HasPrefix(row[0], "an answer writes nothing") {
			if row[2] != "unchanged" || row[3] != "met" {
				t.Errorf("the summary says %q", row)
			}
			return
		}
	}
	t.Error("the summary does not say whether an answer writes")
}

func TestADatabaseIsFilledAsFarAsItWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	if err := bench.Command(small(dir, "-only", "records", "-records", "10,300"), &said); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"filled in 9 records", "filled in 299 records"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it did not say %q but:\n%s", want, said.String())
		}
	}
	if got := bench.Present(t, filepath.Join(dir, "operations-300.db")); got.Rows < 300 || got.Distinct != got.Rows || got.Settled < 300 {
		t.Errorf("the database has %+v", got)
	}
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-only", "nothing"}, {"-records", "0"}, {"-callers", "many"}, {"-rounds", "0"}, {"-phase", "0s"},
	} {
		if err := bench.Command(append(args, "-dir", t.TempDir()), &bytes.Buffer{}); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestThingsAreDoneInTurnAndTheFirstRoundIsNotCounted(t *testing.T) {
	var order strings.Builder
	does := func(name string) *bench.Series {
		return bench.NewSeries(name, func() error { order.WriteString(name); return nil })
	}
	a, b := does("a"), does("b")
	if err := bench.InTurn(context.Background(), 2, 2, a, b); err != nil {
		t.Fatal(err)
	}
	if got, want := order.String(), "aabb"+"aabb"+"bbaa"; got != want || a.Took() != 4 || b.Took() != 4 {
		t.Errorf("order %s with %d and %d counted, want %s with 4 each", got, a.Took(), b.Took(), want)
	}
}

func read(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %d rows, %v", file, len(rows), err)
	}
	return rows[1:]
}
