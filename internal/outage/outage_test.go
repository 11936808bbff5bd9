package main_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	outage "github.com/retrysafe/retrysafe/internal/outage"
)

// often is how often a client begins an operation in an outage.
const often = 100 * time.Millisecond

// TestAnOutageIsSurvivedWithinItsBudget holds the row of the design. Where a
// refusal costs the server 5 %, the 1.9 refusals an operation that the budget
// allows after the outage take up to a tenth of what it can serve, so that the
// time to drain may be longer by that; a crowd that collapses needs twice as
// long and more. It needs the waiting rule of the root package.
func TestAnOutageIsSurvivedWithinItsBudget(t *testing.T) {
	ours, err := outage.Choose("retrysafe")
	if err != nil {
		t.Fatal(err)
	}
	for _, refusal := range []float64{0, 0.05} {
		var drains []float64
		for seed := range uint64(7) {
			t.Run(fmt.Sprintf("refusal %g seed %d", refusal, seed), func(t *testing.T) {
				story := outage.Outage(100, often, refusal, seed)
				got := outage.Play(t, outage.Virtual, story, ours[0]).Numbers()
				t.Logf("%+v", got)
				once(t, story, got)
				if got.During > 1.1 || got.Total > 3 {
					t.Errorf("%.2f requests an operation during the outage and %.2f in all, want at most 1.1 and 3", got.During, got.Total)
				}
				drains = append(drains, got.Drain)
			})
		}
		slices.Sort(drains)
		if got, most := drains[len(drains)/2], 1.15*(1+1.9*refusal); got > most {
			t.Errorf("refusal %g: drained in %.2f x the best possible in the median of %.2f, want at most %.2f", refusal, got, drains, most)
		}
	}
}

// TestABrownOutIsNotStarvedByTheBudget compares with retrying alone: the same
// client with a budget that never ends.
func TestABrownOutIsNotStarvedByTheBudget(t *testing.T) {
	ours, err := outage.Choose("retrysafe,retrysafe-no budget")
	if err != nil {
		t.Fatal(err)
	}
	for _, load := range []struct {
		clients int
		rate    float64
	}{{100, 1}, {20, 10}, {10, 100}} {
		t.Run(fmt.Sprint(load.rate), func(t *testing.T) {
			story := outage.BrownOut(load.clients, load.rate, 1)
			with := outage.Play(t, outage.Virtual, story, ours[0]).Numbers()
			alone := outage.Play(t, outage.Virtual, story, ours[1]).Numbers()
			t.Logf("with the budget %+v", with)
			t.Logf("without         %+v", alone)
			once(t, story, with)
			for what, n := range map[string][2]int{
				"applied within the minute": {with.InTime, alone.InTime},
				"applied shortly after":     {with.Soon, alone.Soon},
				"applied by the first call": {with.FirstCall, alone.FirstCall},
			} {
				if float64(n[0]) < 0.95*float64(n[1]) {
					t.Errorf("%s: %d, without a budget %d", what, n[0], n[1])
				}
			}
		})
	}
}

func TestEveryPeersOperationsAreAppliedOnce(t *testing.T) {
	for _, p := range outage.Peers {
		for name, story := range map[string]*outage.Story{"outage": outage.Outage(5, often, 0.05, 1), "brown-out": outage.BrownOut(1, 10, 1)} {
			t.Run(p.Name()+" "+name, func(t *testing.T) {
				once(t, story, outage.Play(t, outage.Virtual, story, p).Numbers())
			})
		}
	}
}

func TestOperationsAreAppliedOnceOverSockets(t *testing.T) {
	for _, p := range outage.Peers {
		if p.Name() == "go-retryablehttp" {
			continue // It waits for seconds, in real time, and is like net/http on the wire.
		}
		t.Run(p.Name(), func(t *testing.T) {
			t.Parallel()
			story := outage.Outage(3, often, 0, 1).Shorten(200 * time.Millisecond)
			once(t, story, outage.Play(t, outage.Sockets, story, p).Numbers())
		})
	}
}

// once fails a test unless every operation was applied once, and nothing was
// asked for again that had been applied.
func once(t *testing.T, s *outage.Story, got outage.Numbers) {
	t.Helper()
	if got.Applied != s.Operations() || got.Duplicates != 0 || got.Replays != 0 {
		t.Errorf("%d of %d applied, %d twice, %d replayed", got.Applied, s.Operations(), got.Duplicates, got.Replays)
	}
	if got.Total < 1 || got.Calls < 1 || got.Mean <= 0 {
		t.Errorf("%.2f requests and %.2f calls an operation, %v each", got.Total, got.Calls, got.Mean)
	}
}

func TestARunWritesTablesAndPictures(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	for _, story := range []string{"outage", "brownout"} {
		opts, err := outage.Parse([]string{"-story", story, "-clients", "2", "-rates", "1,2", "-peers", "net/http,retrysafe", "-out", dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := opts.Run(t, &said); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(said.String(), "\n| retrysafe | "); got != 4 {
		t.Errorf("%d rows of ours, want 4:\n%s", got, said.String())
	}
	for _, name := range []string{"outage-virtual.csv", "brownout-virtual.csv"} {
		if rows := read(t, filepath.Join(dir, name)); len(rows) != 5 {
			t.Errorf("%s has %d rows, want a header and 4", name, len(rows))
		}
	}
	if rows := read(t, filepath.Join(dir, "outage-virtual-ticks.csv")); len(rows) < 4*20 {
		t.Errorf("%d ticks, want two seconds' and more for each", len(rows))
	}
	for _, name := range []string{"outage-virtual-refusal-0.svg", "outage-virtual-refusal-0.05.svg"} {
		drawing, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, string(drawing))
	}
}

func TestAPictureHasAPanelForEachResult(t *testing.T) {
	server := outage.NewServer(outage.Outage(1, often, 0, 1))
	empty := outage.NewServer(outage.Outage(1, often, 0, 1)).Result()
	server.Answer(time.Second, 0, "k")
	server.Answer(3*time.Second, 0, "k")
	drawing := outage.Picture("t", []*outage.Result{server.Result(), empty, server.Result()})
	wellFormed(t, drawing)
	if got := strings.Count(drawing, "a &lt; b"); got != 3 {
		t.Errorf("%d panels, want 3", got)
	}
	if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
		t.Errorf("something is nowhere:\n%s", drawing)
	}
}

func TestWhatCannotBePlayedIsRefused(t *testing.T) {
	for _, args := range []string{
		"-story war", "-world moon", "-clients 0", "-every 0", "-every 3s", "-refusal -1", "-refusal NaN", "-refusal x", "-rates 0", "-peers nobody",
	} {
		if _, err := outage.Parse(strings.Fields(args)); err == nil {
			t.Errorf("%s: no error", args)
		}
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
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// wellFormed fails a test if a drawing is not XML.
func wellFormed(t *testing.T, drawing string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(drawing))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
