package main_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	bench "github.com/retrysafe/retrysafe/internal/integration/bench"
)

func TestAChartShowsEveryPointInsideItsAxes(t *testing.T) {
	for name, c := range map[string]struct {
		xs []int
		ys []float64
	}{
		"decades":  {[]int{1, 10, 1000}, []float64{0.03, 7, 90000}},
		"one":      {[]int{5}, []float64{5}},
		"the same": {[]int{1, 2}, []float64{1000, 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			drawing := bench.Chart(c.xs, c.ys)
			wellFormed(t, drawing)
			if got := strings.Count(drawing, "<circle"); got != len(c.xs) {
				t.Errorf("%d points, want %d", got, len(c.xs))
			}
			if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
				t.Errorf("a point is nowhere:\n%s", drawing)
			}
			if !strings.Contains(drawing, "a &lt; b") {
				t.Error("the legend is missing")
			}
		})
	}
}

func TestQuantiles(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := bench.Quantile(values, part); got != want {
			t.Errorf("%v: %d, want %d", part, got, want)
		}
	}
	if got := bench.Quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
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
