package retrysafe_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// eventful is a profile that reads everything that an answer can have.
var eventful = retrysafe.Profile{
	Name: "eventful", ComparesPayload: true,
	Rules: []retrysafe.Rule{
		{Status: 200, StatusTo: 299, At: "/status", Is: "declined", Verdict: retrysafe.Refused, Stored: true},
		{Status: 200, StatusTo: 299, At: "/errors/*/code", Is: "in_flight", Verdict: retrysafe.Wait},
		{Status: 409, At: "/links/*/href", Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{At: "/links/*/href"}},
		{Status: 409, Header: "Location", Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "Location", Under: true}},
		{Status: 422, Verdict: retrysafe.Mismatch},
		{Status: 410, Verdict: retrysafe.Gone},
		{Header: "X-Should-Retry", Value: "true", Verdict: retrysafe.Again},
	},
	Code: []string{"/error/code", "X-Code"}, Message: []string{"/error/message"}, RequestID: []string{"/id", "X-Id"},
	Replayed: []retrysafe.Mark{{Name: "X-Replayed"}}, Marks: []string{"X-Pay"},
	Advice: []retrysafe.Advice{{Header: "X-Reset", Unit: retrysafe.AdviceUnixSeconds}},
}

// anAnswer is the answer that the fuzzer made, to every attempt.
type anAnswer struct {
	status       int
	header, body string
	length       int64
}

func (a *anAnswer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: a.status, Header: http.Header{}, ContentLength: a.length, Body: io.NopCloser(strings.NewReader(a.body)), Request: req}
	for line := range strings.SplitSeq(a.header, "\n") {
		name, value, _ := strings.Cut(line, ":")
		resp.Header.Add(name, strings.TrimSpace(value))
	}
	return resp, nil
}

// refusals are the statuses of which RFC 9110 and its like say that the request
// was not carried out.
var refusals = []int{400, 401, 402, 403, 404, 405, 406, 407, 410, 411, 413, 414, 415, 416, 417, 421, 422, 425, 428, 429, 431, 451, 501, 307, 308}

func (a *anAnswer) success() bool { return a.status >= 200 && a.status <= 299 }

// checkPlain compares an ending with what may be concluded of this answer where
// nothing is known of the provider.
func (a *anAnswer) checkPlain(t *testing.T, first bool, res *retrysafe.Result[charged], err error) {
	t.Helper()
	outcome := retrysafe.OutcomeOf(err)
	media, _, _ := strings.Cut(http.Header(res.Header).Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	declared := media == "application/json" || strings.HasSuffix(media, "+json") || media == "application/x-www-form-urlencoded" ||
		media == "" && a.body == "" || a.status == 204 || a.status == 205
	switch {
	case (outcome == retrysafe.Applied) != (a.success() && declared):
		t.Errorf("status %d, type %q: %v", a.status, media, err)
	case outcome == retrysafe.NotApplied && a.status != 402 && !(first && slices.Contains(refusals, a.status)):
		t.Errorf("status %d, first %t: %v", a.status, first, err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, "Content-Type: application/json", trapCharged, int64(-1), true)
	f.Add(201, "Content-Type: text/html", "<html>", int64(6), false)
	f.Add(200, "Content-Type: application/x-www-form-urlencoded", "ID=ch_1&a[b][]=c", int64(0), true)
	f.Add(204, "Location: /x", "", int64(0), false)
	f.Add(409, "Location: ch_1", `{"links":[{"href":"/v1/charges/ch_1"}]}`, int64(-1), true)
	f.Add(409, "Content-Type: application/json", `{"links":[{"href":"http://evil.test/"}]}`, int64(-1), true)
	f.Add(422, "Content-Type: application/problem+json", `{"type":"x","title":"\u001b","detail":1}`, int64(-1), true)
	f.Add(503, "Retry-After: 99999999999999999999\nRetry-After-Ms: -1", `{`, int64(9), false)
	f.Add(429, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\nDate: x", "", int64(-1), false)
	f.Add(200, "Content-Type: application/json\nX-Should-Retry: true", `{"status":"declined"}`, int64(-1), false)
	f.Add(101, "Upgrade: x", "raw", int64(0), false)
	f.Add(-1, ":\n::", "\xff", int64(math.MinInt64), true)
	f.Add(200, "Content-Type: application/json", strings.Repeat("[", 20_000), int64(-1), true)

	answer := &anAnswer{}
	options := retrysafe.Options{HTTPClient: &http.Client{Transport: answer}, Retry: retrysafe.RetryPolicy{
		MaxAttempts: 2, MaxRetryAfter: 1, Backoff: retrysafe.Backoff{Base: 1, Cap: 1}, Budget: &retrysafe.Budget{Capacity: math.MaxInt},
	}}
	plain, err := retrysafe.NewClient("http://provider.test", &options)
	if err != nil {
		f.Fatal(err)
	}
	options.Profile = eventful
	ruled, err := retrysafe.NewClient("http://provider.test", &options)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, header, body string, length int64, first bool) {
		*answer = anAnswer{status, header, body, length}
		for _, client := range []*retrysafe.Client{plain, ruled} {
			cmd := createCharge.With(retrysafe.Call{First: first})
			cmd.Failure = func(a retrysafe.Answer) error {
				var v any
				return a.Decode(&v)
			}
			res, err := cmd.Do(context.Background(), client, "order-1234", charge{Amount: 4200})
			checkConsistent(t, answer, res, err)
			if client == plain {
				answer.checkPlain(t, first, res, err)
			}
		}
	})
}

// checkConsistent compares what a call says with itself.
func checkConsistent(t *testing.T, answer *anAnswer, res *retrysafe.Result[charged], err error) {
	t.Helper()
	if res == nil {
		t.Fatalf("status %d: no result, %v", answer.status, err)
	}
	if err == nil {
		if !answer.success() && answer.status != 409 {
			t.Errorf("status %d passes for a success", answer.status)
		}
		return
	}
	checkText(t, err)
	e := failure(t, err)
	if e.Outcome == retrysafe.Applied && !errors.Is(err, retrysafe.ErrAnswerLost) && !errors.Is(err, retrysafe.ErrConflict) {
		t.Errorf("applied with an error that is no lost answer: %v", err)
	}
	if e.Outcome == retrysafe.NotApplied && e.ThisCall != retrysafe.NotApplied {
		t.Errorf("operation not applied, this call %v", e.ThisCall)
	}
	if e.ThisCall == retrysafe.Applied && e.Outcome != retrysafe.Applied {
		t.Errorf("this call applied, operation %v", e.Outcome)
	}
	if e.Outcome == retrysafe.Applied && res.Value != (charged{}) && errors.Is(err, retrysafe.ErrAnswerLost) {
		t.Errorf("an answer that is lost has the value %v", res.Value)
	}
	if len(e.Attempts) == 0 || len(e.Attempts) > 4 || e.Status != res.Status {
		t.Errorf("%d attempts, status %d and %d", len(e.Attempts), e.Status, res.Status)
	}
	for _, text := range []string{e.ProviderCode, e.Message, e.RequestID} {
		if len(text) > 1500 || strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			t.Errorf("%d bytes: %.100q", len(text), text)
		}
	}
}
