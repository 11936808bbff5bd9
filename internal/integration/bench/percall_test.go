package main_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bench "github.com/retrysafe/retrysafe/internal/integration/bench"
)

func TestEveryPeerIsComparedInEverySetting(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	if err := bench.Command(small(dir, "-only", "calls"), &said); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, row := range read(t, filepath.Join(dir, "out", "calls.csv")) {
		seen[row[1]]++
		for _, cell := range row[2:6] {
			if n, err := strconv.ParseFloat(cell, 64); err != nil || n <= 0 {
				t.Errorf("%v: %q is no measured number", row, cell)
			}
		}
		if row[1] == "net/http" && row[3] != "1.000" {
			t.Errorf("net/http takes %s of its own time", row[3])
		}
		if row[1] == "a hand-written loop" && row[6] != "0" {
			t.Errorf("a hand-written loop takes %s ns more than itself", row[6])
		}
		if alone := !strings.Contains(row[0], "16 callers"); alone != (row[7] != "" && row[7] != "0") {
			t.Errorf("%v: %q allocations", row, row[7])
		}
	}
	peers := bench.PeersAt(t, "https://api.example.com")
	for name := range peers {
		if seen[name] != 3 {
			t.Errorf("%s was measured in %d settings, want 3", name, seen[name])
		}
	}
	drawing, err := os.ReadFile(filepath.Join(dir, "out", "calls.svg"))
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, string(drawing))
	if got, want := strings.Count(string(drawing), `class="bar"`), 3*len(peers); got != want {
		t.Errorf("%d bars, want %d", got, want)
	}
	if got := strings.Count(said.String(), "the price of knowing the outcome is"); got != 3 {
		t.Errorf("the price is told %d times, want 3:\n%s", got, said.String())
	}
	_, typed := peers["stripe-go"]
	if left := strings.Contains(said.String(), "are left out"); left == typed {
		t.Errorf("typed SDKs: measured %t, said to be left out %t", typed, left)
	}
}

// TestPeersDoTheSame looks at what each sends: one request with a key, and of
// the same body but for the SDKs that have types of their own.
func TestPeersDoTheSame(t *testing.T) {
	var got []*http.Request
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, bodies = append(got, r), append(bodies, string(body))
		bench.Serve(w, r)
	}))
	defer server.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for name, call := range bench.PeersAt(t, server.URL) {
		got, bodies = nil, nil
		if err := call(context.Background()); err != nil || len(got) != 1 {
			t.Errorf("%s: %d requests, %v", name, len(got), err)
			continue
		}
		if name == "openai-go" { // It sends no key.
			continue
		}
		if got[0].Header.Get("Idempotency-Key") == "" || got[0].Method != http.MethodPost || got[0].URL.Path != "/v1/charges" {
			t.Errorf("%s sent %s %s with key %q", name, got[0].Method, got[0].URL, got[0].Header.Get("Idempotency-Key"))
		}
		const want = `{"amount":4200,"currency":"eur","customer":"cus_9s6XKzkNRiz8i3"}`
		if name != "stripe-go" && (bodies[0] != want || got[0].Header.Get("Accept") != "application/json") {
			t.Errorf("%s sent %q, accepting %q", name, bodies[0], got[0].Header.Get("Accept"))
		}
	}
}

func TestAPeerThatFailsEndsTheRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer server.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for name, call := range bench.PeersAt(t, server.URL) {
		if err := call(context.Background()); err == nil {
			t.Errorf("%s took a 418 for a charge", name)
		}
	}
}

func TestBarsAreAsLongAsTheirValues(t *testing.T) {
	drawing := bench.Bars(1, 2)
	wellFormed(t, drawing)
	for _, want := range []string{`width="200.0"`, `width="400.0"`, ">2.00<", "a &lt; b", ">two<"} {
		if got := strings.Count(drawing, want); got == 0 {
			t.Errorf("there is no %s in\n%s", want, drawing)
		}
	}
}
