package mock_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe/mock"
)

// fakeT records what an assertion says.
type fakeT struct {
	errors, fatals []string
	cleanups       []func()
}

func (f *fakeT) Helper() {}
func (f *fakeT) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *fakeT) Fatalf(format string, args ...any) {
	f.fatals = append(f.fatals, fmt.Sprintf(format, args...))
}
func (f *fakeT) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }

func contains(s, part string) bool { return strings.Contains(s, part) }

// TestAssertionsFailWithTheTimeline has one provider with all that can be wrong.
func TestAssertionsFailWithTheTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{
			Retention: time.Minute,
			Script:    []mock.Fault{mock.LoseAnswer(), mock.Pass(), mock.Unavailable("3").Times(9)},
		})
		send := func(key string) {
			post(p.Client(), anywhere, key, `{"card":"4242"}`)
			time.Sleep(time.Second)
		}
		send("secret-key-1")
		time.Sleep(time.Minute)
		send("secret-key-1")
		send("")
		for name, test := range map[string]struct {
			assert func(mock.T)
			want   string
		}{
			"OneEffect twice":    {func(s mock.T) { p.OneEffect(s, "secret-key-1") }, "has 2 effects, want one"},
			"OneEffect none":     {func(s mock.T) { p.OneEffect(s, "other") }, "has 0 effects, want one\n  (no requests)"},
			"NoEffect":           {func(s mock.T) { p.NoEffect(s, "secret-key-1") }, "has 2 effects, want none"},
			"OneEffectEach":      {func(s mock.T) { p.OneEffectEach(s) }, "has 2 effects, want at most one"},
			"OneKey":             {func(s mock.T) { p.OneKey(s, "") }, "3 requests with 1 key and some without, want all with one key"},
			"OneKey nowhere":     {func(s mock.T) { p.OneKey(s, "/nowhere") }, "0 requests with 0 keys"},
			"DistinctKeys":       {func(s mock.T) { p.DistinctKeys(s, 2) }, "1 different key, want 2"},
			"Attempts":           {func(s mock.T) { p.Attempts(s, "secret-key-1", 3) }, "has 2 requests, want 3"},
			"Gaps":               {func(s mock.T) { p.Gaps(s, "secret-key-1", time.Hour) }, "1m1s between requests 1 and 2, want at least 1h0m0s"},
			"Gaps with too few":  {func(s mock.T) { p.Gaps(s, "secret-key-1") }, "has 2 requests, want 1"},
			"ScriptUsed":         {func(s mock.T) { p.ScriptUsed(s) }, `the script was not used up, left: [Unavailable("3") x9]`},
			"line of the answer": {func(s mock.T) { p.NoEffect(s, "secret-key-1") }, "\n  +0s       #1 POST /v1/charges key a6c1eaef: no answer, effect eff_1, fault LoseAnswer\n  +1m1s     #2 POST /v1/charges key a6c1eaef: 201, effect eff_2"},
		} {
			var spy fakeT
			test.assert(&spy)
			if len(spy.errors) != 1 || !contains(spy.errors[0], test.want) {
				t.Errorf("%s: want %q, got %q", name, test.want, spy.errors)
			}
			for _, text := range spy.errors {
				if contains(text, "secret") || contains(text, "4242") {
					t.Errorf("%s shows a secret: %s", name, text)
				}
			}
		}
	})
}

func TestOverlappingRequestsHaveNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Script: []mock.Fault{mock.StallBeforeEffect(time.Hour)}})
		var all sync.WaitGroup
		all.Go(func() { post(p.Client(), anywhere, "k1", `{}`) })
		time.Sleep(time.Second)
		post(p.Client(), anywhere, "k1", `{}`)
		for range 2 { // while the first one waits, and when it has ended
			var spy fakeT
			p.Gaps(&spy, "k1", 1)
			if len(spy.errors) != 1 || !contains(spy.errors[0], "0s between requests 1 and 2") {
				t.Errorf("got %q", spy.errors)
			}
			p.Gaps(t, "k1", 0)
			all.Wait()
		}
		if text := p.Timeline("k1"); contains(text, "not answered yet") {
			t.Error(text)
		}
	})
}

func TestAssertionsHoldWhereTheyShould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), mock.Unavailable("")}})
		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 0} {
			post(p.Client(), anywhere, "k1", `{}`)
			time.Sleep(wait)
		}
		p.OneEffect(t, "k1")
		p.NoEffect(t, "k2")
		p.OneEffectEach(t)
		p.OneKey(t, "")
		p.OneKey(t, "/v1/charges")
		p.DistinctKeys(t, 1)
		p.Attempts(t, "k1", 3)
		p.Attempts(t, "k2", 0)
		p.Gaps(t, "k1", time.Second, 2*time.Second)
		p.ScriptUsed(t)
	})
}

func TestEffectWithoutKeyIsNoticed(t *testing.T) {
	p := provider(t, nil)
	post(p.Client(), anywhere, "", `{}`)
	var spy fakeT
	p.OneEffectEach(&spy)
	if len(spy.errors) != 1 || !contains(spy.errors[0], "1 effect made without a key") {
		t.Errorf("got %q", spy.errors)
	}
}

func TestUnusedScriptFailsTheTestAtItsEnd(t *testing.T) {
	var spy fakeT
	p := mock.StartProvider(&spy, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}})
	if p == nil || len(spy.cleanups) != 1 {
		t.Fatalf("%v, %d clean-ups", p, len(spy.cleanups))
	}
	spy.cleanups[0]()
	if len(spy.errors) != 1 || !contains(spy.errors[0], "left: [LoseAnswer]") {
		t.Errorf("got %q", spy.errors)
	}
	if err := p.Start(); err == nil {
		t.Error("it was not closed")
	}
}

func TestStartProviderIsFatalOnImpossibleOptions(t *testing.T) {
	var spy fakeT
	mock.StartProvider(&spy, &mock.Options{Delay: -1})
	if len(spy.fatals) != 1 || !contains(spy.fatals[0], "Delay") {
		t.Errorf("got %q", spy.fatals)
	}
}

func TestFullLogIsSaidAndNotGuessed(t *testing.T) {
	p := provider(t, &mock.Options{MaxRequests: 2})
	for range 3 {
		post(p.Client(), anywhere, "k1", `{}`)
	}
	if n := len(p.Requests()); n != 2 {
		t.Errorf("%d requests logged", n)
	}
	p.OneEffect(t, "k1") // effects are counted all the same
	for name, assert := range map[string]func(mock.T){
		"Attempts":     func(s mock.T) { p.Attempts(s, "k1", 2) },
		"OneKey":       func(s mock.T) { p.OneKey(s, "") },
		"DistinctKeys": func(s mock.T) { p.DistinctKeys(s, 1) },
		"Gaps":         func(s mock.T) { p.Gaps(s, "k1", 0) },
	} {
		var spy fakeT
		assert(&spy)
		if len(spy.errors) != 1 || !contains(spy.errors[0], "1 request beyond MaxRequests (2)") {
			t.Errorf("%s: got %q", name, spy.errors)
		}
	}
}

func TestTimelineIsBounded(t *testing.T) {
	p := provider(t, nil)
	for range 60 {
		post(p.Client(), anywhere, "k1", `{}`)
	}
	text := p.Timeline("k1")
	if lines := strings.Count(text, "\n") + 1; lines != 51 || !contains(text, "... and 10 more") {
		t.Errorf("%d lines: %s", lines, text)
	}
}

func TestLogIsACopy(t *testing.T) {
	p := provider(t, nil)
	post(p.Client(), anywhere, "k1", `{"amount":5}`)
	r := p.Requests()[0]
	r.Header.Set("Idempotency-Key", "changed")
	r.Body[0] = 'X'
	p.Ledger()[0].Reply.Body[0] = 'X'
	again := p.Requests()[0]
	if again.Header.Get("Idempotency-Key") != "k1" || string(again.Body) != `{"amount":5}` || p.Ledger()[0].Reply.Body[0] != '{' {
		t.Errorf("the log was changed: %v", again)
	}
}

func TestRequestPrintsNoSecret(t *testing.T) {
	p := provider(t, nil)
	post(p.Client(), anywhere, "secret-key", `{"card":"4242"}`)
	r := p.Requests()[0]
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		if text := fmt.Sprintf(verb, r); contains(text, "secret") || contains(text, "4242") || !contains(text, "POST /v1/charges") {
			t.Errorf("%s prints %s", verb, text)
		}
		if text := fmt.Sprintf(verb, p.Ledger()[0]); contains(text, "secret") || contains(text, "4242") || !contains(text, "eff_1 by POST") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
