package mock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// T is what assertions need of a test. *testing.T and *testing.B have it.
// Assertions call Errorf and go on; they show the timeline of the requests,
// with keys shortened to a hash, and no header, query or body.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// OneEffect fails the test unless exactly one effect took place under key.
func (p *Provider) OneEffect(t T, key string) {
	t.Helper()
	if n := p.Effects(key); n != 1 {
		t.Errorf("mock: key %s has %s, want one\n%s", shortKey(key), count(n, "effect"), p.Timeline(key))
	}
}

// NoEffect fails the test if an effect took place under key.
func (p *Provider) NoEffect(t T, key string) {
	t.Helper()
	if n := p.Effects(key); n != 0 {
		t.Errorf("mock: key %s has %s, want none\n%s", shortKey(key), count(n, "effect"), p.Timeline(key))
	}
}

// OneEffectEach fails the test if a key has more than one effect, or if an
// effect was made without a key. A key without an effect is no failure: its
// operation may have been declined.
func (p *Provider) OneEffectEach(t T) {
	t.Helper()
	p.ledger.mu.Lock()
	counts := maps.Clone(p.ledger.counts)
	p.ledger.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		switch n := counts[key]; {
		case key == "":
			t.Errorf("mock: %s made without a key\n%s", count(n, "effect"), p.Timeline(""))
		case n > 1:
			t.Errorf("mock: key %s has %s, want at most one\n%s", shortKey(key), count(n, "effect"), p.Timeline(key))
		}
	}
}

// OneKey fails the test unless every request to path, and there is one at
// least, carried the same key. An empty path means every path.
func (p *Provider) OneKey(t T, path string) {
	t.Helper()
	requests, ok := p.logged(t)
	if !ok {
		return
	}
	requests = slices.DeleteFunc(requests, func(r Request) bool { return path != "" && r.Path != path })
	keys := map[string]bool{}
	for _, r := range requests {
		keys[r.Key] = true
	}
	if len(keys) != 1 || keys[""] {
		t.Errorf("mock: %s with %s, want all with one key\n%s", count(len(requests), "request"), tally(keys), timeline(requests))
	}
}

// DistinctKeys fails the test unless the requests carried exactly n different
// keys.
func (p *Provider) DistinctKeys(t T, n int) {
	t.Helper()
	requests, ok := p.logged(t)
	if !ok {
		return
	}
	if got := len(p.Keys()); got != n {
		t.Errorf("mock: %s, want %d\n%s", count(got, "different key"), n, timeline(requests))
	}
}

// Attempts fails the test unless exactly n requests carried key.
func (p *Provider) Attempts(t T, key string, n int) {
	t.Helper()
	requests, ok := p.logged(t)
	if !ok {
		return
	}
	if got := len(ofKey(requests, key)); got != n {
		t.Errorf("mock: key %s has %s, want %d\n%s", shortKey(key), count(got, "request"), n, p.Timeline(key))
	}
}

// Gaps fails the test unless the requests with key are one more than minimum
// has entries, and the n-th pause between them was at least minimum[n] long. A
// pause is from the end of one request to the arrival of the next, and 0 if
// they overlap.
func (p *Provider) Gaps(t T, key string, minimum ...time.Duration) {
	t.Helper()
	requests, ok := p.logged(t)
	if !ok {
		return
	}
	requests = ofKey(requests, key)
	if len(requests) != len(minimum)+1 {
		t.Errorf("mock: key %s has %s, want %d\n%s", shortKey(key), count(len(requests), "request"), len(minimum)+1, timeline(requests))
		return
	}
	for i, least := range minimum {
		if gap := pause(requests[i], requests[i+1]); gap < least {
			t.Errorf("mock: key %s: %v between requests %d and %d, want at least %v\n%s", shortKey(key), gap, i+1, i+2, least, timeline(requests))
		}
	}
}

// ScriptUsed fails the test if a fault of the script has not happened, or of
// any key's own script once a request with that key has arrived.
func (p *Provider) ScriptUsed(t T) {
	t.Helper()
	left := p.plan.left()
	for _, key := range slices.Sorted(maps.Keys(left)) {
		whose := "the script"
		if p.options.PerKey != nil {
			whose = "the script of key " + shortKey(key)
		}
		t.Errorf("mock: %s was not used up, left: %v\n%s", whose, left[key], p.timelineOfAll())
	}
}

// Timeline returns the requests with key, one a line, as assertions show them.
func (p *Provider) Timeline(key string) string { return timeline(ofKey(p.Requests(), key)) }

func (p *Provider) timelineOfAll() string { return timeline(p.Requests()) }

// logged returns the log, and fails the test if it is not complete.
func (p *Provider) logged(t T) ([]Request, bool) {
	t.Helper()
	requests, missing := p.journal.requests()
	if missing > 0 {
		t.Errorf("mock: %s beyond MaxRequests (%d) were not logged, so nothing can be said of them", count(missing, "request"), p.options.MaxRequests)
	}
	return requests, missing == 0
}

// maxTimeline bounds the lines that a failure shows.
const maxTimeline = 50

func timeline(requests []Request) string {
	if len(requests) == 0 {
		return "  (no requests)"
	}
	var lines []string
	for i, r := range requests {
		if i == maxTimeline {
			lines = append(lines, fmt.Sprintf("  ... and %d more", len(requests)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  +%-8v %v", r.Time.Sub(requests[0].Time), r))
	}
	return strings.Join(lines, "\n")
}

func ofKey(requests []Request, key string) []Request {
	return slices.DeleteFunc(requests, func(r Request) bool { return r.Key != key })
}

func pause(before, after Request) time.Duration {
	if before.End.IsZero() {
		return 0
	}
	return max(0, after.Time.Sub(before.End))
}

func tally(keys map[string]bool) string {
	if keys[""] {
		return count(len(keys)-1, "key") + " and some without"
	}
	return count(len(keys), "key")
}

// shortKey stands for a key where people read: keys are half secret.
func shortKey(key string) string {
	if key == "" {
		return "(none)"
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:4])
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
