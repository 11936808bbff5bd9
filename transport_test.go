package retrysafe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

const sdkURL = "https://api.example.com/v1/charges"

// overSDK runs a test in virtual time with an SDK's http.Client over a
// transport of ours.
func overSDK(t *testing.T, opts *mock.Options, change func(*retrysafe.Options, *retrysafe.TransportOptions), f func(*testing.T, *mock.Provider, *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		provider, err := mock.NewProvider(opts)
		if err != nil {
			t.Fatal(err)
		}
		o := retrysafe.Options{Account: "acme/test", HTTPClient: provider.Client()}
		var to retrysafe.TransportOptions
		if change != nil {
			change(&o, &to)
		}
		f(t, provider, sdkOver(t, o, &to))
	})
}

func sdkOver(t *testing.T, o retrysafe.Options, to *retrysafe.TransportOptions) *http.Client {
	t.Helper()
	client, err := retrysafe.NewClient("https://api.example.com", &o)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := retrysafe.NewTransport(client, to)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport}
}

// sdkAnswer is what an SDK sees of an answer.
type sdkAnswer struct {
	status int
	body   string
	cut    error // of reading the body
	header http.Header
}

// send is what an SDK does: POST, read all, close.
func send(ctx context.Context, sdk *http.Client, method, url, body string, header ...string) (sdkAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return sdkAnswer{}, err
	}
	if body == "" {
		req.Body, req.GetBody = nil, nil
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer sk_secret")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := sdk.Do(req)
	if err != nil {
		return sdkAnswer{}, err
	}
	defer resp.Body.Close()
	got, cut := io.ReadAll(resp.Body)
	return sdkAnswer{resp.StatusCode, string(got), cut, resp.Header}, nil
}

func pay(ctx context.Context, sdk *http.Client) (sdkAnswer, error) {
	return send(ctx, sdk, http.MethodPost, sdkURL, `{"amount":4200}`)
}

func TestUnderAnSDKEveryFaultEndsInOneEffectAndAReport(t *testing.T) {
	declined := mock.Answer(402, http.Header{"Content-Type": {"application/json"}}, `{"code":"declined"}`)
	page := mock.Answer(200, http.Header{"Content-Type": {"text/html"}}, `<h1>Log in to the airport</h1>`)
	for name, c := range map[string]struct {
		script   []mock.Fault
		status   int // 0: the SDK sees an error
		outcome  retrysafe.Outcome
		attempts int
		effects  int
		err      error
	}{
		"nothing":            {nil, 201, retrysafe.Applied, 1, 1, nil},
		"refused connection": {[]mock.Fault{mock.Refuse()}, 201, retrysafe.Applied, 2, 1, nil},
		"lost answer":        {[]mock.Fault{mock.LoseAnswer()}, 201, retrysafe.Applied, 2, 1, nil},
		"reset":              {[]mock.Fault{mock.ResetAfterEffect()}, 201, retrysafe.Applied, 2, 1, nil},
		"cut body":           {[]mock.Fault{mock.CutBody(3)}, 201, retrysafe.Applied, 2, 1, nil},
		"in flight":          {[]mock.Fault{mock.KeyInFlight(2)}, 201, retrysafe.Applied, 3, 1, nil},
		"503":                {[]mock.Fault{mock.Unavailable("1").Times(2)}, 201, retrysafe.Applied, 3, 1, nil},
		"500 after effect":   {[]mock.Fault{mock.FailAfterEffect(500)}, 201, retrysafe.Applied, 2, 1, nil},
		"declined":           {[]mock.Fault{declined}, 402, retrysafe.NotApplied, 1, 0, retrysafe.ErrRefused},
		"503 for ever":       {[]mock.Fault{mock.Unavailable("").Times(5)}, 503, retrysafe.Unknown, 5, 0, retrysafe.ErrAttemptsExhausted},
		"never answered":     {[]mock.Fault{mock.LoseAnswer().Times(5)}, 0, retrysafe.Unknown, 5, 1, retrysafe.ErrAttemptsExhausted},
		"cut for ever":       {[]mock.Fault{mock.CutBody(3).Times(5)}, 201, retrysafe.Applied, 5, 1, retrysafe.ErrAnswerLost},
		"a stranger's 200":   {[]mock.Fault{page.Times(5)}, 0, retrysafe.Unknown, 5, 0, retrysafe.ErrAttemptsExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			overSDK(t, &mock.Options{Script: c.script}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
				ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1234")
				got, err := pay(ctx, sdk)
				if got.status != c.status || (err != nil) != (c.status == 0) {
					t.Errorf("the SDK sees %+v, %v, want status %d", got, err, c.status)
				}
				if err != nil {
					asError(t, err)
				}
				if report.Outcome() != c.outcome || len(report.Attempts()) != c.attempts {
					t.Errorf("the report: %v with %d attempts, want %v with %d", report.Outcome(), len(report.Attempts()), c.outcome, c.attempts)
				}
				if c.err != nil && !errors.Is(report.Err(), c.err) || c.err == nil && report.Err() != nil {
					t.Errorf("the report's error is %v, want %v", report.Err(), c.err)
				}
				key := retrysafe.DeriveKey("acme/test", "charges.create", "order-1234")
				if report.Key() != key || p.Effects(string(key)) != c.effects || len(p.Requests()) != c.attempts {
					t.Errorf("key %v, %d effects, %d requests\n%s", report.Key() == key, p.Effects(string(key)), len(p.Requests()), p.Timeline(string(key)))
				}
				p.OneKey(t, "")
				p.ScriptUsed(t)
				if c.outcome == retrysafe.Applied && c.err != nil && !errors.Is(got.cut, retrysafe.ErrAnswerLost) {
					t.Errorf("reading the lost answer ends with %v, want ErrAnswerLost", got.cut)
				}
			})
		})
	}
}

func TestTheKeyOfTheSDKIsReplacedUnderANameAndKeptWithoutOne(t *testing.T) {
	overSDK(t, nil, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		if _, err := send(t.Context(), sdk, "POST", sdkURL, `{}`, "Idempotency-Key", "sdk-own"); err != nil {
			t.Fatal(err)
		}
		p.OneEffect(t, "sdk-own")
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		if _, err := send(ctx, sdk, "POST", sdkURL, `{}`, "Idempotency-Key", "sdk-other", "X-Idempotency-Key", "sdk-third"); err != nil {
			t.Fatal(err)
		}
		last := p.Requests()[1]
		if last.Key != string(report.Key()) || len(last.Header["X-Idempotency-Key"]) != 0 {
			t.Errorf("sent with %v, want the operation's key alone", last.Header)
		}
		p.DistinctKeys(t, 2)
	})
}

func TestWhatHasNoNameIsSentOnceAsItIs(t *testing.T) {
	overSDK(t, &mock.Options{Script: []mock.Fault{mock.Unavailable("")}}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		got, err := send(t.Context(), sdk, "POST", sdkURL, `{"amount":1}`, "X-Odd", "1")
		if err != nil || got.status != 503 || len(p.Requests()) != 1 {
			t.Fatalf("%+v %v, %d requests", got, err, len(p.Requests()))
		}
		if r := p.Requests()[0]; r.Key != "" || string(r.Body) != `{"amount":1}` || r.Header.Get("X-Odd") != "1" {
			t.Errorf("sent %+v", r.Header)
		}
	})
}

func TestOtherOriginsGetNoKeyAndListedOnesDo(t *testing.T) {
	const files = "https://files.example.com:443"
	for name, c := range map[string]struct {
		url  string
		ours bool
	}{
		"its own":            {"https://api.example.com/x", true},
		"with default port":  {"https://API.example.com:443/x", true},
		"listed":             {"https://files.example.com/x", true},
		"with a last dot":    {"https://api.example.com./x", true},
		"an IPv6 address":    {"https://[::1]:8080/x", true},
		"another, that ends": {"https://[::1:8080]/x", false},
		"another host":       {"https://evil.example.com/x", false},
		"another scheme":     {"http://api.example.com/x", false},
		"another port":       {"https://api.example.com:8443/x", false},
		"a host that begins": {"https://api.example.com.evil.com/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			listed := func(_ *retrysafe.Options, to *retrysafe.TransportOptions) {
				to.Origins = []string{files, "https://[::1]:8080"}
			}
			overSDK(t, nil, listed, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
				ctx, report := retrysafe.WithOperation(t.Context(), "upload", "order-1")
				if _, err := send(ctx, sdk, "POST", c.url, `{}`); err != nil {
					t.Fatal(err)
				}
				if keyed := p.Requests()[0].Key != ""; keyed != c.ours {
					t.Errorf("sent with a key: %v, want %v", keyed, c.ours)
				}
				if (report.Outcome() == retrysafe.Applied) != c.ours {
					t.Errorf("the report says %v", report.Err())
				}
			})
		})
	}
}

func TestGETIsTriedAgainBeforeItsBodyAndOthersAreNot(t *testing.T) {
	for method, attempts := range map[string]int{"GET": 3, "HEAD": 3, "OPTIONS": 1, "POST": 1, "PATCH": 1, "DELETE": 1} {
		t.Run(method, func(t *testing.T) {
			script := []mock.Fault{mock.Unavailable(""), mock.LoseAnswer()}
			overSDK(t, &mock.Options{Script: script}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
				got, err := send(t.Context(), sdk, method, "https://api.example.com/v1/charges/eff_1", "")
				if n := len(p.Requests()); n != attempts || err != nil || (got.status == 503) != (attempts == 1) {
					t.Errorf("%d requests, %+v, %v, want %d", n, got, err, attempts)
				}
				for _, r := range p.Requests() {
					if r.Header.Get("Authorization") != "Bearer sk_secret" || r.Key != "" {
						t.Errorf("sent %v", r.Header)
					}
				}
			})
		})
	}
}

func TestAGETIsGivenToTheSDKAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header []string
		body   string
	}{
		"page":         {200, []string{"Content-Type", "text/html"}, "<p>"},
		"not found":    {404, []string{"Content-Type", "application/json"}, `{"error":{"type":"x"}}`},
		"not modified": {304, []string{"Etag", `"1"`}, ""},
		"redirect":     {302, nil, "there"},
		"compressed":   {200, []string{"Content-Encoding", "gzip"}, "\x1f\x8b"},
		"broken error": {400, []string{"Content-Type", "application/json"}, "{"},
	} {
		t.Run(name, func(t *testing.T) {
			sdk := sdkOver(t, retrysafe.Options{
				HTTPClient: &http.Client{Transport: always(c.status, c.body, c.header...)}, Profile: windowed,
			}, nil)
			got, err := send(t.Context(), sdk, "GET", sdkURL, "")
			if err != nil || got.status != c.status || got.body != c.body {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestANameIsBoundToTheFirstCommandOfAContext(t *testing.T) {
	for name, c := range map[string]struct {
		method, url, body string
		header            []string
		differs           string // empty: it is a repeat
	}{
		"the same":          {"POST", sdkURL, `{"amount":4200}`, nil, ""},
		"other key":         {"POST", sdkURL, `{"amount":4200}`, []string{"Idempotency-Key", "abc"}, ""},
		"other credentials": {"POST", sdkURL, `{"amount":4200}`, []string{"Authorization", "Bearer new", "X-Retry-Count", "1"}, ""},
		"other body":        {"POST", sdkURL, `{"amount":1}`, nil, "/amount"},
		"other method":      {"PUT", sdkURL, `{"amount":4200}`, nil, "method"},
		"other path":        {"POST", sdkURL + "/ch_1/capture", `{"amount":4200}`, nil, "path"},
		"other query":       {"POST", sdkURL + "?expand=all", `{"amount":4200}`, nil, "query:expand"},
		"other account":     {"POST", sdkURL, `{"amount":4200}`, []string{"Stripe-Account", "acct_1"}, "header:Stripe-Account"},
	} {
		t.Run(name, func(t *testing.T) {
			overSDK(t, nil, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
				ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1234")
				first, err := pay(ctx, sdk)
				if err != nil {
					t.Fatal(err)
				}
				got, err := send(ctx, sdk, c.method, c.url, c.body, c.header...)
				if n := len(p.Requests()); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				if report.Outcome() != retrysafe.Applied || len(report.Attempts()) != 1 {
					t.Errorf("the report says %v", report.Err())
				}
				if c.differs == "" {
					if err != nil || got.body != first.body || got.status != first.status {
						t.Errorf("repeated: %+v %v, want %+v", got, err, first)
					}
					return
				}
				if !errors.Is(err, retrysafe.ErrKeyReused) || !strings.Contains(err.Error(), c.differs) {
					t.Errorf("%v, want ErrKeyReused that names %s", err, c.differs)
				}
				if e := asError(t, err); e.Outcome != retrysafe.Applied || e.ThisCall != retrysafe.NotApplied {
					t.Errorf("%v and %v", e.Outcome, e.ThisCall)
				}
			})
		})
	}
}

func TestAnSDKsOwnRetriesAfterOursSendNothing(t *testing.T) {
	overSDK(t, &mock.Options{Script: []mock.Fault{mock.Unavailable("").Times(5)}}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		for range 3 {
			if got, err := pay(ctx, sdk); err != nil || got.status != 503 {
				t.Fatalf("%+v %v", got, err)
			}
			time.Sleep(time.Second)
		}
		if n := len(p.Requests()); n != 5 || len(report.Attempts()) != 5 {
			t.Errorf("%d requests, want the 5 of one loop", n)
		}
		// The application asks again, under a context anew.
		ctx, again := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		if got, err := pay(ctx, sdk); err != nil || got.status != 201 || again.Outcome() != retrysafe.Applied {
			t.Errorf("%+v %v", got, err)
		}
		p.OneKey(t, "")
	})
}

func TestAfterA401TheRepeatIsSentBecauseItMayHaveOtherCredentials(t *testing.T) {
	denied := mock.Answer(401, http.Header{"Content-Type": {"application/json"}}, `{}`)
	overSDK(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), denied}}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		got, err := pay(ctx, sdk)
		if err != nil || got.status != 401 || report.Outcome() != retrysafe.Unknown {
			t.Fatalf("%+v %v %v", got, err, report.Outcome())
		}
		got, err = send(ctx, sdk, "POST", sdkURL, `{"amount":4200}`, "Authorization", "Bearer fresh")
		if err != nil || got.status != 201 || report.Outcome() != retrysafe.Applied {
			t.Errorf("%+v %v %v", got, err, report.Err())
		}
		attempts := report.Attempts()
		if len(attempts) != 3 || attempts[2].Number != 3 {
			t.Errorf("attempts %v", attempts)
		}
		p.OneKey(t, "")
		p.OneEffectEach(t)
	})
}

func TestDoubtOutlivesA401(t *testing.T) {
	denied := mock.Answer(401, http.Header{"Content-Type": {"application/json"}}, `{}`)
	overSDK(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), denied.Times(2)}}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		for range 2 {
			if _, err := pay(ctx, sdk); err != nil {
				t.Fatal(err)
			}
		}
		e := asError(t, report.Err())
		if e.Outcome != retrysafe.Unknown || e.ThisCall != retrysafe.Unknown {
			t.Errorf("%v and %v, but the first delivery took effect", e.Outcome, e.ThisCall)
		}
	})
}

func TestEqualCommandsAtOnceAreOne(t *testing.T) {
	overSDK(t, &mock.Options{Delay: time.Second}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		together(20, func(int) {
			if got, err := pay(ctx, sdk); err != nil || got.status != 201 {
				t.Errorf("%+v %v", got, err)
			}
			report.Outcome()
		})
		if n := len(p.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestWhoWaitsForAnotherGivesUpWithItsOwnContext(t *testing.T) {
	overSDK(t, &mock.Options{Delay: time.Minute / 3}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		done := make(chan struct{})
		go func() {
			defer close(done)
			pay(ctx, sdk)
		}()
		synctest.Wait()
		if err := report.Err(); !errors.Is(err, retrysafe.ErrInFlight) || report.Outcome() != retrysafe.Unknown {
			t.Errorf("under way: %v", err)
		}
		hasty, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := pay(hasty, sdk)
		if e := asError(t, err); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, retrysafe.ErrInFlight) || e.Outcome != retrysafe.Unknown {
			t.Errorf("%v", err)
		}
		<-done
		if report.Outcome() != retrysafe.Applied {
			t.Errorf("at the end: %v", report.Err())
		}
	})
}

func TestNameTellsWhatNoContextSays(t *testing.T) {
	byHeader := func(_ *retrysafe.Options, to *retrysafe.TransportOptions) {
		to.Name = func(r *http.Request) (string, string) {
			if id := r.Header.Get("X-Order"); id != "" {
				return "messages.send", id
			}
			return "", ""
		}
	}
	overSDK(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), mock.Unavailable("")}}, byHeader, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		got, err := send(t.Context(), sdk, "POST", sdkURL, `{}`, "X-Order", "order-1")
		if err != nil || got.status != 201 {
			t.Fatalf("%+v %v", got, err)
		}
		p.OneEffect(t, string(retrysafe.DeriveKey("acme/test", "messages.send", "order-1")))
		// Every request is a call of its own, as calling Do again is.
		if got, err := send(t.Context(), sdk, "POST", sdkURL, `{}`, "X-Order", "order-1"); err != nil || got.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%+v %v", got, err)
		}
		send(t.Context(), sdk, "POST", sdkURL, `{}`)
		if last := p.Requests()[len(p.Requests())-1]; last.Key != "" {
			t.Error("a request without a name has a key")
		}
	})
}

func TestARequestForATokenIsNoOperation(t *testing.T) {
	overSDK(t, nil, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "orders.create", "order-1")
		if _, err := send(ctx, sdk, "POST", "https://api.example.com/oauth2/token", "grant_type=client_credentials", "Content-Type", "application/x-www-form-urlencoded"); err != nil {
			t.Fatal(err)
		}
		if _, err := pay(ctx, sdk); err != nil {
			t.Fatal(err)
		}
		token, order := p.Requests()[0], p.Requests()[1]
		if token.Key != "" || string(token.Body) != "grant_type=client_credentials" || order.Key != string(report.Key()) || report.Outcome() != retrysafe.Applied {
			t.Errorf("%v %v %v", token, order, report.Err())
		}
	})
}
