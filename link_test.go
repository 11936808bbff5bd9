package retrysafe_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

// located is a profile in which answers lie at a Location, or under the ID in
// X-Charge.
var located = retrysafe.Profile{Rules: []retrysafe.Rule{
	{Status: 303, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "Location"}},
	{Status: 202, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "Location"}},
	{Status: 409, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "X-Charge", Under: true}},
}}

// accepting answers a command with a link, and the query for the answer with get.
func accepting(status int, link string, get transportFunc) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			return trapAnswer(status, `{}`, "Location", link, "X-Charge", link), nil
		}
		return get(req)
	}
}

func always(status int, body string, header ...string) transportFunc {
	return func(*http.Request) (*http.Response, error) { return trapAnswer(status, body, header...), nil }
}

// checkLinkLost wants an operation that was applied, without its answer, and for
// no other reason.
func checkLinkLost(t *testing.T, err error, attempts int) *retrysafe.Error {
	t.Helper()
	checkEnding(t, err, applied, retrysafe.ErrAnswerLost)
	for _, sentinel := range outcomeSentinels {
		if sentinel != retrysafe.ErrAnswerLost && errors.Is(err, sentinel) {
			t.Errorf("%v is %q", err, sentinel)
		}
	}
	e := asError(t, err)
	if len(e.Attempts) != attempts || !retrysafe.Retryable(err) {
		t.Errorf("%d attempts, retryable %t: %v; want %d and yes", len(e.Attempts), retrysafe.Retryable(err), err, attempts)
	}
	return e
}

func TestALinkThatLeadsToAnotherLinkIsNoAnswer(t *testing.T) {
	for _, status := range []int{202, 303} {
		onAndOn := accepting(status, "/v1/jobs/1", always(status, `{"id":"job_1"}`, "Location", "/v1/jobs/1"))
		res, err := createCharge.Do(t.Context(), wireClient(t, onAndOn, retrysafe.Options{Profile: located}), "order-1", charge{})
		checkLinkLost(t, err, 2)
		if res == nil || res.Status != status || res.Value != (charged{}) {
			t.Errorf("%d: result is %v, want the command's own answer", status, res)
		}
	}
}

func TestALinkThatMayNotBeFollowedIsNotAskedFor(t *testing.T) {
	long := strings.Repeat("a", 2001)
	for name, c := range map[string]struct {
		status int
		link   string
	}{
		"missing": {303, ""}, "another host": {303, "https://evil.example/v1/x"}, "another port": {303, "https://api.example.com:444/x"},
		"plain": {303, "http://api.example.com/x"}, "no scheme, another host": {303, "//evil.example/x"}, "credentials": {303, "https://u:p@api.example.com/x"},
		"malformed": {303, "https://%zz/"}, "not HTTP": {303, "file:///etc/passwd"}, "too long": {303, "/" + long},
		"no ID": {409, ""}, "an ID of dots": {409, ".."}, "an ID with a slash": {409, "../refunds"}, "too long an ID": {409, long},
	} {
		t.Run(name, func(t *testing.T) {
			wire := accepting(c.status, c.link, func(req *http.Request) (*http.Response, error) {
				t.Errorf("asked for %s", req.URL)
				return trapAnswer(200, trapCharged), nil
			})
			_, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{Profile: located}), "order-1", charge{})
			checkLinkLost(t, err, 1)
		})
	}
}

func TestALinkIsFollowedWhole(t *testing.T) {
	long := strings.Repeat("a", 1990)
	for name, c := range map[string]struct {
		status     int
		link, want string
	}{
		"a path":       {303, "/v1/ch_1?expand=x#top", "https://api.example.com/v1/ch_1?expand=x"},
		"absolute":     {202, "https://API.example.com:443/v1/ch_1", "https://API.example.com:443/v1/ch_1"},
		"relative":     {303, "charges/ch_1", "https://api.example.com/base/v1/charges/ch_1"},
		"of 2000":      {303, "/v1/" + long, "https://api.example.com/v1/" + long},
		"an ID":        {409, "ch 1", "https://api.example.com/base/v1/charges/ch%201"},
		"a long ID":    {409, long[:1024], "https://api.example.com/base/v1/charges/" + long[:1024]},
		"of 600 bytes": {303, "/" + long[:599], "https://api.example.com/" + long[:599]},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			wire := accepting(c.status, c.link, func(req *http.Request) (*http.Response, error) {
				asked = append(asked, req.URL.String())
				return trapAnswer(200, trapCharged), nil
			})
			res, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{Profile: located}), "order-1", charge{})
			if err != nil || res.Value.ID != "ch_1" || !res.Replayed || !slices.Equal(asked, []string{c.want}) {
				t.Errorf("asked for %q: %v, %v; want %s once and its answer", asked, res, err, c.want)
			}
		})
	}
}

func TestARefusalOfTheQueryForAnAnswerIsNoneOfTheOperation(t *testing.T) {
	for status, attempts := range map[int]int{400: 2, 401: 2, 403: 2, 404: 2, 410: 2, 412: 2, 451: 2, 429: 6, 500: 6} {
		synctest.Test(t, func(t *testing.T) {
			wire := accepting(303, "/v1/ch_1", always(status, `{}`))
			res, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{Profile: located}), "order-1", charge{})
			if e := checkLinkLost(t, err, attempts); e.Status != 303 || res == nil || res.Status != 303 {
				t.Errorf("%d: status %d and result %v, want the command's own answer", status, e.Status, res)
			}
		})
	}
}

func TestTheQueryForAnAnswerHasNothingOfTheCommandsEffect(t *testing.T) {
	for _, name := range []string{"Idempotency-Key", "X-Key"} {
		wire := accepting(303, "/v1/ch_1", func(req *http.Request) (*http.Response, error) {
			want := http.Header{"Accept": {"application/json"}, "Stripe-Version": {"2026-01-01"}, "X-Call": {"1"}}
			if req.Method != http.MethodGet || req.ContentLength != 0 || !reflect.DeepEqual(req.Header, want) {
				t.Errorf("%s with %v and %d bytes, want GET with %v and none", req.Method, req.Header, req.ContentLength, want)
			}
			return trapAnswer(200, trapCharged), nil
		})
		profile := located
		profile.Key.Header = name
		client := wireClient(t, wire, retrysafe.Options{Profile: profile, Header: http.Header{"Stripe-Version": {"2026-01-01"}}})
		cmd := retrysafe.Command[conditionalCharge, charged]{Name: "charges.change", Path: "/v1/charges"}
		call := retrysafe.Call{Header: http.Header{"X-Call": {"1"}}}
		if _, err := cmd.With(call).Do(t.Context(), client, "order-1", conditionalCharge{Match: `"v1"`, None: "*"}); err != nil {
			t.Error(err)
		}
	}
}

func TestAttemptsForALinkedAnswerAreCountedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started []string
		scenes := playing(lost(), replies(meaning{}, 303, `{}`, "Location", "/v1/ch_1"), unavailable(), yes())
		wire := transportFunc(func(req *http.Request) (*http.Response, error) {
			parent := req.Header.Get("Traceparent") // the spy puts the number into it
			started = append(started, parent[len(parent)-5:len(parent)-3])
			return scenes(req)
		})
		spy := &spyObserver{}
		res, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{Profile: located, Observer: spy}), "order-1", charge{})
		if err != nil {
			t.Fatal(err)
		}
		want := []int{1, 2, 3, 4}
		if got := numbersOf(res.Attempts); !slices.Equal(got, want) {
			t.Errorf("attempts of the result are %d, want %d", got, want)
		}
		if got := numbersOf(spy.attemptsSeen); !slices.Equal(got, want) || !slices.Equal(started, []string{"01", "02", "03", "04"}) {
			t.Errorf("observed: %q began, %d ended, want %d", started, got, want)
		}
		if got := spy.ends[0].Attempts; got != 4 {
			t.Errorf("the operation's end has %d attempts, want 4", got)
		}
	})
}

func numbersOf(attempts []retrysafe.Attempt) (numbers []int) {
	for _, a := range attempts {
		numbers = append(numbers, a.Number)
	}
	return numbers
}

func TestWhenToAskAgainForALinkedAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		wire := accepting(303, "/v1/ch_1", always(429, `{}`, "Retry-After", "600"))
		_, err := createCharge.Do(t.Context(), wireClient(t, wire, retrysafe.Options{Profile: located}), "order-1", charge{})
		if e := checkLinkLost(t, err, 2); e.RetryAt.Sub(start) != 10*time.Minute {
			t.Errorf("RetryAt is after %v, want 10 min", e.RetryAt.Sub(start))
		}
	})
}

func TestTheCallersContextEndsTheQueryForAnAnswer(t *testing.T) {
	for name, get := range map[string]transportFunc{
		"in an attempt": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"in a wait": always(503, `{}`, "Retry-After", "20"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if strings.HasSuffix(name, "wait") {
					// A deadline would have kept the wait from beginning.
					ctx, cancel = context.WithCancel(t.Context())
					time.AfterFunc(5*time.Second, cancel)
				}
				client := wireClient(t, accepting(303, "/v1/ch_1", get), retrysafe.Options{Profile: located})
				_, err := createCharge.Do(ctx, client, "order-1", charge{})
				checkLinkLost(t, err, 2)
				if !errors.Is(err, ctx.Err()) || time.Since(start) != 5*time.Second {
					t.Errorf("after %v: %v, want %v after 5 s", time.Since(start), err, ctx.Err())
				}
			})
		})
	}
}
