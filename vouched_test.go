package retrysafe_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// TestARuleByStatusAloneDoesNotVouchForAPage: a proxy's page has a status too.
func TestARuleByStatusAloneDoesNotVouchForAPage(t *testing.T) {
	const page = "<html>"
	for name, c := range map[string]struct {
		profile retrysafe.Profile
		status  int
		media   string
		header  string
		outcome retrysafe.Outcome
	}{
		"the provider's stored decline": {status: 402, media: "application/json", outcome: retrysafe.NotApplied},
		"a proxy's":                     {status: 402, media: "text/html", outcome: retrysafe.Unknown},
		"one with the provider's mark":  {status: 402, media: "text/html", header: "X-Provider", outcome: retrysafe.NotApplied},
		"the provider's success":        {status: 200, media: "application/json", outcome: retrysafe.Applied},
		"a portal's":                    {status: 200, media: "text/html", outcome: retrysafe.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			wire := transportFunc(func(*http.Request) (*http.Response, error) {
				if calls++; calls == 1 {
					return response(500, "application/json", "{}"), nil // leaves doubt
				}
				resp := response(c.status, c.media, page)
				if c.header != "" {
					resp.Header.Set(c.header, "1")
				}
				return resp, nil
			})
			client := wireClient(t, wire, retrysafe.Options{
				Profile: retrysafe.Profile{Marks: []string{"X-Provider"}, Rules: []retrysafe.Rule{
					{Status: 402, Verdict: retrysafe.Refused, Stored: true},
					{Status: 200, Verdict: retrysafe.Done},
				}},
				Retry: retrysafe.RetryPolicy{MaxAttempts: 2, Backoff: retrysafe.Backoff{Base: 1}},
			})
			none := retrysafe.Command[charge, retrysafe.None]{Name: "pay", Path: "/"}
			_, err := none.Do(context.Background(), client, "order-1", charge{})
			if retrysafe.OutcomeOf(err) != c.outcome {
				t.Errorf("%v: outcome %v, want %v", err, retrysafe.OutcomeOf(err), c.outcome)
			}
		})
	}
}

// TestAPageIsJudgedByHTTPAlone: whatever a rule by status alone would make of it.
func TestAPageIsJudgedByHTTPAlone(t *testing.T) {
	for name, c := range map[string]struct {
		rule    retrysafe.Rule
		status  int
		outcome retrysafe.Outcome
		calls   int
	}{
		"a portal's redirect as elsewhere": {retrysafe.Rule{Status: 302, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "Location"}}, 302, retrysafe.Unknown, 1},
		"a proxy's conflict as done":       {retrysafe.Rule{Status: 409, Verdict: retrysafe.Done}, 409, retrysafe.Unknown, 1},
		"a gateway's 503 as not run":       {retrysafe.Rule{Status: 503, Verdict: retrysafe.Again, NotRun: true}, 503, retrysafe.Unknown, 1},
		"a gateway's 504 as a refusal":     {retrysafe.Rule{Status: 500, StatusTo: 599, Verdict: retrysafe.Refused}, 504, retrysafe.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			wire := transportFunc(func(*http.Request) (*http.Response, error) {
				calls++
				resp := response(c.status, "text/html", "<html>")
				resp.Header.Set("Location", "https://portal.example/")
				return resp, nil
			})
			client := wireClient(t, wire, retrysafe.Options{Profile: retrysafe.Profile{
				Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}, Rules: []retrysafe.Rule{c.rule},
			}})
			_, err := createCharge.Do(context.Background(), client, "order-1", charge{})
			if retrysafe.OutcomeOf(err) != c.outcome || calls != c.calls {
				t.Errorf("%v: outcome %v after %d requests, want %v after %d", err, retrysafe.OutcomeOf(err), calls, c.outcome, c.calls)
			}
		})
	}
}

func TestA402IsPresumedOnlyWhereASuccessWouldHaveBeenReplayed(t *testing.T) {
	for name, c := range map[string]struct {
		media   string
		profile retrysafe.Profile
		outcome retrysafe.Outcome
	}{
		"under a key":          {"application/json", retrysafe.Profile{}, retrysafe.NotApplied},
		"a page":               {"text/html", retrysafe.Profile{}, retrysafe.Unknown},
		"without a key":        {"application/json", retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}, retrysafe.Unknown},
		"nothing is replayed":  {"application/json", retrysafe.Profile{NoReplay: true}, retrysafe.Unknown},
		"text, as some answer": {"text/plain", retrysafe.Profile{}, retrysafe.NotApplied},
	} {
		t.Run(name, func(t *testing.T) {
			wire := transportFunc(func(*http.Request) (*http.Response, error) { return response(402, c.media, "{}"), nil })
			_, err := createCharge.Do(context.Background(), wireClient(t, wire, retrysafe.Options{Profile: c.profile}), "order-1", charge{})
			if retrysafe.OutcomeOf(err) != c.outcome || asError(t, err).ThisCall != retrysafe.NotApplied {
				t.Errorf("%v: outcome %v, want %v", err, retrysafe.OutcomeOf(err), c.outcome)
			}
		})
	}
}
