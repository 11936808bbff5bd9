package mock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe/mock"
)

// faults are what the first attempt meets, and what its caller sees. A second
// attempt follows, which always succeeds.
var faults = []struct {
	fault    mock.Fault
	status   int   // of the first attempt; 0: no answer
	err      error // of the first attempt
	served   error // over a real socket, where it differs
	header   string
	body     string // of the first attempt, if not that of the effect
	effects  int    // after the first attempt
	replayed bool   // the second attempt
}{
	{fault: mock.Pass(), status: 201, effects: 1, replayed: true},
	{fault: mock.Fault{}, status: 201, effects: 1, replayed: true},
	{fault: mock.Refuse(), err: syscall.ECONNREFUSED, served: syscall.ECONNRESET},
	{fault: mock.ResetBeforeEffect(), err: syscall.ECONNRESET},
	{fault: mock.KeyInFlight(1), status: 409, body: "outstanding"},
	{fault: mock.TooManyRequests("7"), status: 429, header: "7", body: "Too Many"},
	{fault: mock.Unavailable("soon"), status: 503, header: "soon", body: "Unavailable"},
	{fault: mock.Unavailable(""), status: 503, body: "Unavailable"},
	{fault: mock.Answer(502, http.Header{"Retry-After": {"1"}}, "<html>"), status: 502, header: "1", body: "<html>"},
	{fault: mock.LoseAnswer(), err: io.EOF, effects: 1, replayed: true},
	{fault: mock.ResetAfterEffect(), err: syscall.ECONNRESET, effects: 1, replayed: true},
	{fault: mock.FailAfterEffect(500), status: 500, body: "Internal", effects: 1, replayed: true},
	{fault: mock.CutHead(0), err: io.EOF, effects: 1, replayed: true},
	{fault: mock.CutHead(10), err: errAny, effects: 1, replayed: true},
	{fault: mock.CutHead(40), err: errAny, effects: 1, replayed: true},
	{fault: mock.CutHead(100_000), err: errAny, effects: 1, replayed: true},
	{fault: mock.CutBody(0), status: 201, err: io.ErrUnexpectedEOF, effects: 1, replayed: true},
	{fault: mock.CutBody(4), status: 201, err: io.ErrUnexpectedEOF, effects: 1, replayed: true},
	{fault: mock.CutBody(1000), status: 201, err: io.ErrUnexpectedEOF, effects: 1, replayed: true},
}

// errAny stands for the errors of net/http that have no type.
var errAny = errors.New("any")

func is(err, want error) bool { return errors.Is(err, want) || want == errAny && err != nil }

func TestEachFaultLooksAsItShould(t *testing.T) {
	for name, served := range map[string]bool{"RoundTripper": false, "server": true} {
		for _, test := range faults {
			t.Run(name+"/"+test.fault.String(), func(t *testing.T) {
				opts := &mock.Options{Script: []mock.Fault{test.fault}}
				p, client, url := provider(t, opts), (*http.Client)(nil), anywhere
				want := test.err
				if client = p.Client(); served {
					p = mock.StartProvider(t, opts)
					client, url = &http.Client{Transport: transport(t)}, p.URL()
					if test.served != nil {
						want = test.served
					}
				}
				first := post(client, url, "k1", `{"amount":5}`)
				if first.status != test.status || !is(first.err, want) {
					t.Errorf("first attempt: %v, want %d and error %v", first, test.status, want)
				}
				if got := first.header.Get("Retry-After"); got != test.header {
					t.Errorf("Retry-After %q, want %q", got, test.header)
				}
				if test.body != "" && !contains(first.body, test.body) {
					t.Errorf("body %q, want %q in it", first.body, test.body)
				}
				if n := p.Effects("k1"); n != test.effects {
					t.Errorf("%d effects after the first attempt, want %d", n, test.effects)
				}
				second := post(client, url, "k1", `{"amount":5}`)
				if second.status != 201 || second.err != nil || second.body != `{"amount":5,"id":"eff_1"}` {
					t.Errorf("second attempt: %v", second)
				}
				if replayed := second.header.Get("Idempotent-Replayed") == "true"; replayed != test.replayed {
					t.Errorf("second attempt replayed: %v", replayed)
				}
				if test.fault.AfterEffect() && test.effects == 0 {
					t.Error("the fault says that it is after the effect")
				}
				p.OneEffect(t, "k1")
				p.ScriptUsed(t)
				p.Attempts(t, "k1", 2)
			})
		}
	}
}

func TestCutBodyGivesItsFirstBytes(t *testing.T) {
	const whole = `{"amount":5,"id":"eff_1"}`
	for n, want := range map[int]string{0: "", 4: `{"am`, 1000: whole[:len(whole)-1]} {
		p := mock.StartProvider(t, &mock.Options{Script: mockTwice(mock.CutBody(n))})
		for _, client := range []*http.Client{p.Client(), {Transport: transport(t)}} {
			a := post(client, p.URL(), "k1", `{"amount":5}`)
			if a.body != want || a.header.Get("Content-Length") != "25" {
				t.Errorf("CutBody(%d) gave %q of %s bytes", n, a.body, a.header.Get("Content-Length"))
			}
		}
	}
}

// TestCutHeadReadsAsOverASocket compares the texts, all that net/http gives.
func TestCutHeadReadsAsOverASocket(t *testing.T) {
	for _, n := range []int{0, 1, 10, 12, 16, 17, 20, 40, 100_000} {
		p := mock.StartProvider(t, &mock.Options{Script: mockTwice(mock.CutHead(n))})
		var texts []string
		for _, client := range []*http.Client{p.Client(), {Transport: transport(t)}} {
			a := post(client, p.URL(), "k1", `{"amount":5}`)
			text := fmt.Sprint(errors.Unwrap(a.err))
			text = strings.TrimPrefix(text, "mock: transport connection broken: ")
			texts = append(texts, strings.TrimPrefix(text, "net/http: HTTP/1.x transport connection broken: "))
		}
		if texts[0] != texts[1] {
			t.Errorf("CutHead(%d): directly %q, over a socket %q", n, texts[0], texts[1])
		}
	}
}

func mockTwice(f mock.Fault) []mock.Fault { return []mock.Fault{f.Times(2)} }

func TestStallsEndWithTheCaller(t *testing.T) {
	for _, test := range []struct {
		fault   mock.Fault
		effects int // when the caller has given up
		later   int // when the stall is over
	}{
		{mock.StallBeforeEffect(time.Minute), 0, 0},
		{mock.DeliverLate(time.Minute), 0, 1},
		{mock.StallAfterEffect(time.Minute), 1, 1},
	} {
		t.Run(test.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := provider(t, &mock.Options{Script: []mock.Fault{test.fault}})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				if a := postCtx(ctx, p.Client(), anywhere, "k1", `{}`); !errors.Is(a.err, context.DeadlineExceeded) {
					t.Errorf("got %v", a)
				}
				if took := time.Since(start); took != time.Second {
					t.Errorf("the caller was held for %v", took)
				}
				if n := p.EffectCount(); n != test.effects {
					t.Errorf("%d effects, want %d", n, test.effects)
				}
				time.Sleep(time.Hour)
				if n := p.EffectCount(); n != test.later {
					t.Errorf("%d effects later, want %d", n, test.later)
				}
			})
		})
	}
}

func TestStallsOfAPatientCallerEnd(t *testing.T) {
	for _, fault := range []mock.Fault{
		mock.StallBeforeEffect(time.Minute), mock.DeliverLate(time.Minute), mock.StallAfterEffect(time.Minute),
	} {
		synctest.Test(t, func(t *testing.T) {
			p := provider(t, &mock.Options{Script: []mock.Fault{fault}})
			start := time.Now()
			if a := post(p.Client(), anywhere, "k1", `{}`); a.status != 201 || time.Since(start) != time.Minute {
				t.Errorf("%v: %v after %v", fault, a, time.Since(start))
			}
			p.OneEffect(t, "k1")
		})
	}
}

func TestLateDeliveryFindsTheKeyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Script: []mock.Fault{mock.DeliverLate(time.Minute)}})
		var late answer
		var all sync.WaitGroup
		all.Go(func() { late = post(p.Client(), anywhere, "k1", `{}`) })
		time.Sleep(time.Second)
		now := post(p.Client(), anywhere, "k1", `{}`)
		all.Wait()
		if now.header.Get("Idempotent-Replayed") != "" || late.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the late one should be the replay: %v, %v", now, late)
		}
		p.OneEffect(t, "k1")
	})
}

func TestCloseEndsStalls(t *testing.T) {
	for _, fault := range []mock.Fault{
		mock.StallBeforeEffect(time.Hour), mock.DeliverLate(time.Hour), mock.StallAfterEffect(time.Hour),
	} {
		synctest.Test(t, func(t *testing.T) {
			p := provider(t, &mock.Options{Script: []mock.Fault{fault}})
			time.AfterFunc(time.Second, func() { p.Close() })
			start := time.Now()
			if a := post(p.Client(), anywhere, "k1", `{}`); a.err == nil || time.Since(start) != time.Second {
				t.Errorf("%v: %v after %v", fault, a, time.Since(start))
			}
		})
	}
}

// TestCloseEndsStallsOfTheServer would take an hour otherwise.
func TestCloseEndsStallsOfTheServer(t *testing.T) {
	for _, fault := range []mock.Fault{
		mock.StallBeforeEffect(time.Hour), mock.DeliverLate(time.Hour), mock.StallAfterEffect(time.Hour),
	} {
		started := make(chan struct{}, 1)
		p := provider(t, &mock.Options{PerKey: func(string) []mock.Fault {
			started <- struct{}{}
			return []mock.Fault{fault}
		}})
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan answer)
		client := &http.Client{Transport: transport(t)}
		go func() { ended <- post(client, p.URL(), "k1", `{}`) }()
		<-started
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if a := <-ended; a.err == nil {
			t.Errorf("%v: %v", fault, a)
		}
	}
}

func TestServedStallEndsWhenTheClientHangsUp(t *testing.T) {
	p := mock.StartProvider(t, &mock.Options{Script: []mock.Fault{mock.StallBeforeEffect(time.Hour)}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if a := postCtx(ctx, &http.Client{Transport: transport(t)}, p.URL(), "k1", `{}`); !errors.Is(a.err, context.DeadlineExceeded) {
		t.Errorf("got %v", a)
	}
	for p.Requests()[0].End.IsZero() {
		time.Sleep(time.Millisecond)
	}
	p.NoEffect(t, "k1")
}

// TestRealTransportRepeatsByItself shows why a provider counts what reached it:
// net/http sends a keyed request again when a connection that it used before is
// closed without an answer.
func TestRealTransportRepeatsByItself(t *testing.T) {
	p := mock.StartProvider(t, &mock.Options{Script: []mock.Fault{mock.Pass(), mock.LoseAnswer()}})
	client := &http.Client{Transport: transport(t)}
	post(client, p.URL(), "k1", `{}`)
	if a := post(client, p.URL(), "k2", `{}`); a.status != 201 || a.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("got %v", a)
	}
	p.OneEffect(t, "k2")
	p.Attempts(t, "k2", 2)
}

func TestEachKeyHasItsOwnScript(t *testing.T) {
	p := provider(t, &mock.Options{PerKey: func(key string) []mock.Fault {
		if key == "good" {
			return nil
		}
		return []mock.Fault{mock.Unavailable("").Times(2), mock.LoseAnswer()}
	}})
	var got []int
	for _, key := range []string{"bad", "good", "worse", "bad", "bad", "bad", "worse"} {
		got = append(got, post(p.Client(), anywhere, key, `{}`).status)
	}
	for i, want := range []int{503, 201, 503, 503, 0, 201, 503} {
		if got[i] != want {
			t.Fatalf("statuses %v", got)
		}
	}
	p.OneEffectEach(t)
}

func TestKeyThatArrivesTwiceAtOnceHasOneScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{PerKey: func(string) []mock.Fault {
			time.Sleep(time.Second)
			return []mock.Fault{mock.Unavailable("")}
		}})
		var busy atomic.Int64
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if post(p.Client(), anywhere, "k1", `{}`).status == 503 {
					busy.Add(1)
				}
			})
		}
		all.Wait()
		if busy.Load() != 1 {
			t.Errorf("the script's only fault happened %d times", busy.Load())
		}
	})
}

func TestAnswerIsSentAsItIs(t *testing.T) {
	p := mock.StartProvider(t, &mock.Options{Script: mockTwice(mock.Answer(502, http.Header{"X-Via": {"proxy"}}, "<html>"))})
	for _, client := range []*http.Client{p.Client(), {Transport: transport(t)}} {
		a := post(client, p.URL(), "k1", `{}`)
		if a.body != "<html>" || a.header.Get("X-Via") != "proxy" || a.header["Content-Type"] != nil {
			t.Errorf("got %v", a)
		}
	}
}

func TestLogTellsWhatWasSentBack(t *testing.T) {
	p := provider(t, &mock.Options{Script: []mock.Fault{
		mock.CutHead(9), mock.LoseAnswer(), mock.CutBody(1), mock.Refuse(), mock.Unavailable("1"), mock.Pass(),
	}})
	for range 6 {
		post(p.Client(), anywhere, "k1", `{}`)
	}
	want := []string{
		"no answer, effect eff_1, fault CutHead(9)",
		"no answer, fault LoseAnswer",
		"201, replayed, fault CutBody(1)",
		"no answer, fault Refuse",
		`503, fault Unavailable("1")`,
		"201, replayed",
	}
	for i, r := range p.Requests() {
		if _, got, _ := strings.Cut(r.String(), ": "); got != want[i] || r.Attempt != i+1 {
			t.Errorf("request %d is logged as %v, want %s", i+1, r, want[i])
		}
		if read := string(r.Body) == `{}`; read != (r.Fault != "Refuse") {
			t.Errorf("request %d: body read: %v", i+1, read)
		}
	}
}

func TestImpossibleScriptOfAKeyIsAnswered(t *testing.T) {
	p := provider(t, &mock.Options{PerKey: func(string) []mock.Fault { return []mock.Fault{mock.CutBody(-1)} }})
	if a := post(p.Client(), anywhere, "k1", `{}`); a.status != 500 || !contains(a.body, "CutBody(-1)") {
		t.Errorf("got %v", a)
	}
	var spy fakeT
	p.ScriptUsed(&spy)
	if len(spy.errors) != 1 {
		t.Error("a test passes on a script that is impossible")
	}
}
