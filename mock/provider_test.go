package mock_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe/mock"
)

// provider returns a provider that is not served.
func provider(t *testing.T, opts *mock.Options) *mock.Provider {
	t.Helper()
	p, err := mock.NewProvider(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the call, or of reading the body
}

// post sends a JSON body under a key, if it is not empty.
func post(client *http.Client, url, key, body string) answer {
	return postCtx(context.Background(), client, url, key, body)
}

func postCtx(ctx context.Context, client *http.Client, url, key, body string) answer {
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/v1/charges", strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return do(client, req)
}

func do(client *http.Client, req *http.Request) answer {
	res, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body), err}
}

const anywhere = "http://provider.test"

func TestSameKeyMakesOneEffectAndReplays(t *testing.T) {
	for _, dialect := range []mock.Dialect{mock.IETF, mock.StripeV1} {
		t.Run(dialect.String(), func(t *testing.T) {
			p := provider(t, &mock.Options{Dialect: dialect})
			first := post(p.Client(), anywhere, "k1", `{"amount":5}`)
			second := post(p.Client(), anywhere, "k1", `{"amount":5}`)
			if first.err != nil || second.err != nil {
				t.Fatal(first.err, second.err)
			}
			if first.body != `{"amount":5,"id":"eff_1"}` || second.body != first.body || second.status != first.status {
				t.Errorf("first %v, second %v", first, second)
			}
			if first.header.Get("Idempotent-Replayed") != "" || second.header.Get("Idempotent-Replayed") != "true" {
				t.Error("the replay, and only it, should be marked")
			}
			p.OneEffect(t, "k1")
			p.Attempts(t, "k1", 2)
		})
	}
}

func TestHundredCallersOfOneKeyMakeOneEffect(t *testing.T) {
	forms := map[string]func(*testing.T) (*mock.Provider, *http.Client, string){
		"RoundTripper": func(t *testing.T) (*mock.Provider, *http.Client, string) {
			p := provider(t, nil)
			return p, p.Client(), anywhere
		},
		"server": func(t *testing.T) (*mock.Provider, *http.Client, string) {
			p := mock.StartProvider(t, nil)
			return p, &http.Client{Transport: transport(t)}, p.URL()
		},
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			p, client, url := form(t)
			var wrong atomic.Int64
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					a := post(client, url, "k1", `{}`)
					if a.err != nil || a.status != 201 && a.status != 409 {
						wrong.Add(1)
					}
				})
			}
			all.Wait()
			if wrong.Load() > 0 {
				t.Errorf("%d callers got neither 201 nor 409", wrong.Load())
			}
			p.OneEffect(t, "k1")
			p.OneKey(t, "/v1/charges")
			p.Attempts(t, "k1", 100)
		})
	}
}

// transport is a real one of this test's own.
func transport(t *testing.T) *http.Transport {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestWhileAnEffectRunsItsKeyIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Delay: time.Minute})
		var first answer
		var all sync.WaitGroup
		all.Go(func() { first = post(p.Client(), anywhere, "k1", `{}`) })
		time.Sleep(30 * time.Second)
		if second := post(p.Client(), anywhere, "k1", `{}`); second.status != 409 {
			t.Errorf("meanwhile: %v", second)
		}
		all.Wait()
		if third := post(p.Client(), anywhere, "k1", `{}`); first.status != 201 || third.body != first.body {
			t.Errorf("first %v, afterwards %v", first, third)
		}
		p.OneEffect(t, "k1")
	})
}

func TestEffectOutlivesACallerThatGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Delay: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if a := postCtx(ctx, p.Client(), anywhere, "k1", `{}`); !errors.Is(a.err, context.DeadlineExceeded) {
			t.Errorf("got %v", a)
		}
		p.NoEffect(t, "k1")
		time.Sleep(time.Minute)
		p.OneEffect(t, "k1")
		if a := post(p.Client(), anywhere, "k1", `{}`); a.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the stored answer should be replayed, got %v", a)
		}
		if r := p.Requests()[0]; r.EffectID != "eff_1" || r.Status != 0 {
			t.Errorf("log has %v", r)
		}
	})
}

func TestCallerThatGivesUpWhileTheEffectRunsHearsNothing(t *testing.T) {
	for range 20 { // what is ready at once must not be a matter of luck
		ctx, cancel := context.WithCancel(t.Context())
		p := provider(t, &mock.Options{Effect: func(mock.Request) mock.Reply {
			cancel()
			return mock.Reply{}
		}})
		if a := postCtx(ctx, p.Client(), anywhere, "k1", `{}`); !errors.Is(a.err, context.Canceled) {
			t.Fatalf("got %v", a)
		}
		p.OneEffect(t, "k1")
	}
}

func TestCloseDropsWhatWasStillToHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Delay: time.Minute})
		ended := make(chan answer)
		go func() { ended <- post(p.Client(), anywhere, "k1", `{}`) }()
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if a := <-ended; a.err == nil {
			t.Errorf("caller got %v", a)
		}
		time.Sleep(time.Hour)
		p.NoEffect(t, "k1")
		if a := post(p.Client(), anywhere, "k2", `{}`); !errors.Is(a.err, syscall.ECONNREFUSED) {
			t.Errorf("after Close: %v", a)
		}
	})
}

func TestCloseWaitsForRunningEffects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Effect: func(mock.Request) mock.Reply {
			time.Sleep(time.Minute)
			return mock.Reply{}
		}})
		go post(p.Client(), anywhere, "k1", `{}`)
		synctest.Wait()
		p.Close()
		p.OneEffect(t, "k1")
	})
}

func TestKeyIsForgottenAfterItsRetention(t *testing.T) {
	for _, test := range []struct {
		retention, after time.Duration
		effects          int
	}{
		{0, 24*time.Hour - 1, 1},
		{0, 24 * time.Hour, 2},
		{time.Minute, 59 * time.Second, 1},
		{time.Minute, time.Minute, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := provider(t, &mock.Options{Retention: test.retention})
			post(p.Client(), anywhere, "k1", `{}`)
			time.Sleep(test.after)
			post(p.Client(), anywhere, "k1", `{}`)
			if n := p.Effects("k1"); n != test.effects {
				t.Errorf("retention %v, again after %v: %d effects, want %d", test.retention, test.after, n, test.effects)
			}
		})
	}
}

func TestKeysBelongToAccounts(t *testing.T) {
	p := provider(t, &mock.Options{Account: func(r mock.Request) string { return r.Query.Get("account") }})
	for _, account := range []string{"a", "b", "a"} {
		req, _ := http.NewRequest("POST", anywhere+"/v1/charges?account="+account, nil)
		req.Header.Set("Idempotency-Key", "k1")
		do(p.Client(), req)
	}
	if n := p.Effects("k1"); n != 2 {
		t.Errorf("%d effects, want one for each account", n)
	}
}

func TestEffectThatPanicsFreesItsKey(t *testing.T) {
	calls := 0
	p := provider(t, &mock.Options{Effect: func(mock.Request) mock.Reply {
		if calls++; calls == 1 {
			panic("bug in the test")
		}
		return mock.Reply{}
	}})
	func() {
		defer func() { recover() }()
		post(p.Client(), anywhere, "k1", `{}`)
	}()
	if a := post(p.Client(), anywhere, "k1", `{}`); a.status != 201 {
		t.Errorf("second request: %v", a)
	}
	p.OneEffect(t, "k1")
}

func TestLedgerCountsWhatTookPlace(t *testing.T) {
	for name, test := range map[string]struct {
		reply   mock.Reply
		effects int
	}{
		"made":                      {mock.Reply{}, 1},
		"declined by status":        {mock.StripeError(402, "card_error", "card_declined", "no"), 0},
		"declined in a 201":         {mock.Reply{Status: 201, Declined: true}, 0},
		"failed":                    {mock.Reply{Status: 500}, 0},
		"failed although it was":    {mock.Reply{Status: 500, Took: true}, 1},
		"took wins over declined":   {mock.Reply{Took: true, Declined: true}, 1},
		"a reply that is no answer": {mock.Reply{Status: 42}, 1},
	} {
		p := provider(t, &mock.Options{Effect: func(mock.Request) mock.Reply { return test.reply }})
		a := post(p.Client(), anywhere, "k1", `{}`)
		if p.EffectCount() != test.effects || len(p.Ledger()) != test.effects || p.Effects("k1") != test.effects {
			t.Errorf("%s: %d effects, want %d; answer %v", name, p.EffectCount(), test.effects, a)
		}
	}
}

func TestWithoutKeyEveryRequestIsAnEffect(t *testing.T) {
	p := provider(t, nil)
	post(p.Client(), anywhere, "", `{}`)
	post(p.Client(), anywhere, "", `{}`)
	if p.Effects("") != 2 || p.EffectCount() != 2 {
		t.Errorf("%d effects, want 2", p.EffectCount())
	}
}

func TestSafeMethodsMakeNoEffect(t *testing.T) {
	p := provider(t, nil)
	post(p.Client(), anywhere, "k1", `{"amount":5}`)
	for path, want := range map[string]int{"/v1/charges/eff_1": 200, "/v1/charges/eff_2": 404} {
		req, _ := http.NewRequest("GET", anywhere+path, nil)
		if a := do(p.Client(), req); a.status != want || want == 200 && a.body != `{"amount":5,"id":"eff_1"}` {
			t.Errorf("GET %s: %v", path, a)
		}
	}
	if p.EffectCount() != 1 {
		t.Errorf("%d effects, want 1", p.EffectCount())
	}
}

func TestFormFieldsComeBack(t *testing.T) {
	p := provider(t, &mock.Options{Dialect: mock.StripeV1})
	req, _ := http.NewRequest("POST", anywhere+"/v1/charges", strings.NewReader("amount=2000&currency=eur&zip=01234"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := do(p.Client(), req); a.body != `{"amount":2000,"currency":"eur","id":"eff_1","zip":"01234"}` {
		t.Errorf("got %v", a)
	}
}

func TestImpossibleOptionsAreErrors(t *testing.T) {
	for want, opts := range map[string]mock.Options{
		"no dialect 7":              {Dialect: 7},
		"no dialect -1":             {Dialect: -1},
		"both Script and PerKey":    {Script: []mock.Fault{mock.Pass()}, PerKey: func(string) []mock.Fault { return nil }},
		"Retention -1s":             {Retention: -time.Second},
		"Delay -1s":                 {Delay: -time.Second},
		"MaxRequests -1":            {MaxRequests: -1},
		`"a b" in KeyHeader`:        {KeyHeader: "a b"},
		"no header but":             {Dialect: mock.StripeV1, KeyHeader: "X-Key"},
		"never requires":            {Dialect: mock.StripeV1, KeyRequired: true},
		"fault 2 of the script":     {Script: []mock.Fault{mock.Pass(), mock.CutBody(-1)}},
		"StallBeforeEffect(-1s)":    {Script: []mock.Fault{mock.StallBeforeEffect(-time.Second)}},
		"StallAfterEffect(-1s)":     {Script: []mock.Fault{mock.StallAfterEffect(-time.Second)}},
		"DeliverLate(-1s)":          {Script: []mock.Fault{mock.DeliverLate(-time.Second)}},
		"happens once or more":      {Script: []mock.Fault{mock.KeyInFlight(0)}},
		"FailAfterEffect(201)":      {Script: []mock.Fault{mock.FailAfterEffect(201)}},
		"not between 200 and 599":   {Script: []mock.Fault{mock.Answer(199, nil, "")}},
		`value for "Retry-After"`:   {Script: []mock.Fault{mock.Unavailable("3\r\nX: y")}},
		`header field name "a b"`:   {Script: []mock.Fault{mock.Answer(200, http.Header{"a b": {"c"}}, "")}},
		`TooManyRequests("\x00")`:   {Script: []mock.Fault{mock.TooManyRequests("\x00")}},
		"status 204 has no body":    {Script: []mock.Fault{mock.Answer(204, nil, "x")}},
		"CutHead(-1)":               {Script: []mock.Fault{mock.CutHead(-1)}},
		"LoseAnswer: a fault happe": {Script: []mock.Fault{mock.LoseAnswer().Times(-2)}},
	} {
		_, err := mock.NewProvider(&opts)
		if !errors.Is(err, mock.ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestStartsOnceAndNotAfterClose(t *testing.T) {
	p := provider(t, nil)
	if p.URL() != "" {
		t.Errorf("URL before Start: %q", p.URL())
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.URL(), "http://127.0.0.1:") {
		t.Errorf("URL %q", p.URL())
	}
	if err := p.Start(); !errors.Is(err, mock.ErrStarted) {
		t.Errorf("second Start: %v", err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if err := p.Start(); !errors.Is(err, mock.ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
	if a := post(&http.Client{Transport: transport(t)}, p.URL(), "k1", `{}`); !errors.Is(a.err, syscall.ECONNREFUSED) {
		t.Errorf("after Close: %v", a)
	}
}

func TestServesAsAHandlerOfAnotherServer(t *testing.T) {
	p := provider(t, &mock.Options{Script: []mock.Fault{mock.ResetAfterEffect()}})
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": func(s *httptest.Server) { s.Start() },
		"TLS":      func(s *httptest.Server) { s.StartTLS() },
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			p := provider(t, &mock.Options{Script: []mock.Fault{mock.ResetAfterEffect(), mock.Pass(), mock.CutBody(3)}})
			server := httptest.NewUnstartedServer(p)
			start(server)
			defer server.Close()
			if a := post(server.Client(), server.URL, "k1", `{}`); a.err == nil {
				t.Errorf("the reset gave %v", a)
			}
			if a := post(server.Client(), server.URL, "k1", `{}`); a.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("the replay gave %v", a)
			}
			if a := post(server.Client(), server.URL, "k2", `{}`); a.err == nil {
				t.Errorf("the cut body gave %v", a)
			}
			p.OneEffect(t, "k1")
			p.OneEffect(t, "k2")
			p.ScriptUsed(t)
		})
	}
	if n := len(p.Requests()); n != 0 {
		t.Errorf("providers share a log of %d", n)
	}
}

func TestBodyBeyondTheLimitIsTurnedDown(t *testing.T) {
	p := mock.StartProvider(t, nil)
	huge := strings.Repeat("x", 8<<20+1)
	for _, client := range []*http.Client{p.Client(), {Transport: transport(t)}} {
		if a := post(client, p.URL(), "k1", huge); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, %v", a.status, a.err)
		}
	}
	p.NoEffect(t, "k1")
}
