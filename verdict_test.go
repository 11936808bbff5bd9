package retrysafe_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// meaning is what the tests compare: everything that a judgement says.
type meaning = retrysafe.Judgement

var (
	refusedAlone = meaning{Verdict: retrysafe.Refused}
	refusedEcho  = meaning{Verdict: retrysafe.Refused, Echo: true}
	againInDoubt = meaning{Verdict: retrysafe.Again}
	againNotRun  = meaning{Verdict: retrysafe.Again, NotRun: true}
	stuck        = meaning{Verdict: retrysafe.Stuck}
	done         = meaning{Verdict: retrysafe.Done}
	doneLost     = meaning{Verdict: retrysafe.Done, Lost: true}
)

func answerOf(status int, contentType, body string) *retrysafe.Answer {
	a := &retrysafe.Answer{Status: status, Header: http.Header{}, Body: []byte(body)}
	if contentType != "" {
		a.Header.Set("Content-Type", contentType)
	}
	return a
}

func jsonAnswer(status int, body string) *retrysafe.Answer {
	return answerOf(status, "application/json", body)
}

func cutAnswer(status int, body string) *retrysafe.Answer {
	a := jsonAnswer(status, body)
	a.Err = io.ErrUnexpectedEOF
	return a
}

func TestJudgementIsComparedWhole(t *testing.T) {
	if inside, here := (meaning{}).Fields(); inside != here {
		t.Errorf("a judgement has %d fields, the tests compare %d", inside, here)
	}
}

// zeroProfile is DESIGN's list for the zero profile, status by status, for a
// command; what depends on the key or on the method is below.
var zeroProfile = []struct {
	from, to int
	keyed    meaning
}{
	{200, 299, done},
	{300, 306, stuck},
	{307, 308, refusedAlone},
	{309, 399, stuck},
	{400, 401, refusedAlone},
	{402, 402, meaning{Verdict: retrysafe.Refused, Presumed: true}},
	{403, 407, refusedAlone},
	{408, 408, againInDoubt},
	{409, 409, meaning{Verdict: retrysafe.Wait}},
	{410, 411, refusedAlone},
	{412, 412, meaning{Verdict: retrysafe.Stuck, Echo: true}},
	{413, 417, refusedAlone},
	{418, 420, stuck},
	{421, 421, againNotRun},
	{422, 422, refusedAlone},
	{423, 424, stuck},
	{425, 425, againNotRun},
	{426, 427, stuck},
	{428, 428, refusedAlone},
	{429, 429, againNotRun},
	{430, 430, stuck},
	{431, 431, refusedAlone},
	{432, 450, stuck},
	{451, 451, refusedAlone},
	{452, 499, stuck},
	{500, 500, againInDoubt},
	{501, 501, refusedAlone},
	{502, 599, againInDoubt},
}

func zeroProfileSays(t *testing.T, status int) meaning {
	t.Helper()
	for _, row := range zeroProfile {
		if row.from <= status && status <= row.to {
			return row.keyed
		}
	}
	t.Fatalf("no row for status %d", status)
	return meaning{}
}

func TestZeroProfileJudgesEveryStatus(t *testing.T) {
	methods := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodGet}
	judged := 0
	for status := 200; status <= 599; status++ {
		for _, method := range methods {
			for _, keyless := range []bool{false, true} {
				for _, query := range []bool{false, true} {
					want := zeroProfileSays(t, status)
					if status == http.StatusConflict && keyless {
						want = refusedEcho
					}
					if status == http.StatusPaymentRequired && keyless {
						want = meaning{Verdict: retrysafe.Refused} // nothing would have been replayed
					}
					if method == http.MethodDelete && (status == 404 || status == 410) {
						want = refusedEcho
					}
					ask := retrysafe.Question{Method: method, Keyless: keyless, Query: query}.Judge()
					if got := ask(jsonAnswer(status, `{"id":1}`)); got != want {
						t.Errorf("%d to %s (keyless %t, query %t) is %+v, want %+v", status, method, keyless, query, got, want)
					}
					judged++
				}
			}
		}
	}
	if judged != 400*len(methods)*4 {
		t.Errorf("judged %d answers", judged)
	}
}

func TestZeroProfileSendsOnlyWhatDidNotRunAsNotRun(t *testing.T) {
	var notRun []int
	ask := retrysafe.Question{Method: http.MethodPost}.Judge()
	for status := 100; status <= 999; status++ {
		j := ask(jsonAnswer(status, `{}`))
		if j.NotRun {
			notRun = append(notRun, status)
		}
		if j.Stored || j.LookedUp {
			t.Errorf("%d speaks for the key in the zero profile: %+v", status, j)
		}
		if (status < 200 || status > 599) && j != stuck {
			t.Errorf("%d is %+v, want stuck: RFC 9110 does not know it", status, j)
		}
	}
	if !slices.Equal(notRun, []int{421, 425, 429}) {
		t.Errorf("not run are %v, want 421, 425 and 429", notRun)
	}
}

func TestSuccessIsOfADeclaredMediaType(t *testing.T) {
	const html = "<html>log in to the airport's network</html>"
	image, text := []string{"image/*"}, []string{"text/csv"}
	tests := []struct {
		name   string
		ask    retrysafe.Question
		answer *retrysafe.Answer
		want   meaning
	}{
		{"JSON", retrysafe.Question{}, jsonAnswer(200, `{}`), done},
		{"JSON with parameters and capitals", retrysafe.Question{}, answerOf(200, "Application/JSON; charset=utf-8", `{}`), done},
		{"+json", retrysafe.Question{}, answerOf(201, "application/vnd.api+json", `{}`), done},
		{"form", retrysafe.Question{}, answerOf(200, "application/x-www-form-urlencoded", "a=b"), done},
		{"text/html", retrysafe.Question{}, answerOf(200, "text/html", html), againInDoubt},
		{"text/html with a charset", retrysafe.Question{}, answerOf(200, "text/html; charset=utf-8", html), againInDoubt},
		{"text/html on 201", retrysafe.Question{}, answerOf(201, "text/html", html), againInDoubt},
		{"text/plain", retrysafe.Question{}, answerOf(200, "text/plain", "OK"), againInDoubt},
		{"json in the name of another type", retrysafe.Question{}, answerOf(200, "application/jsonp", "x"), againInDoubt},
		{"a body without a type", retrysafe.Question{}, answerOf(200, "", `{"id":1}`), againInDoubt},
		{"an empty body without a type", retrysafe.Question{}, answerOf(200, "", ""), done},
		{"an empty body of HTML", retrysafe.Question{}, answerOf(200, "text/html", ""), againInDoubt},
		{"a cut body without a type", retrysafe.Question{}, cutOf(answerOf(200, "", "")), againInDoubt},
		{"204", retrysafe.Question{}, answerOf(204, "", ""), done},
		{"204 that says HTML", retrysafe.Question{}, answerOf(204, "text/html", ""), done},
		{"205", retrysafe.Question{}, answerOf(205, "", ""), done},
		{"listed", retrysafe.Question{Accept: text}, answerOf(200, "text/csv", "a,b"), done},
		{"listed, with capitals", retrysafe.Question{Accept: text}, answerOf(200, "Text/CSV", "a,b"), done},
		{"JSON beside the list", retrysafe.Question{Accept: text}, jsonAnswer(200, `{}`), done},
		{"not listed", retrysafe.Question{Accept: text}, answerOf(200, "text/html", html), againInDoubt},
		{"of a listed family", retrysafe.Question{Accept: image}, answerOf(200, "image/png", "PNG"), done},
		{"of another family", retrysafe.Question{Accept: image}, answerOf(200, "imagery/png", "PNG"), againInDoubt},
		{"bytes take every type", retrysafe.Question{Raw: true}, answerOf(200, "application/pdf", "%PDF"), done},
		{"bytes do not take HTML", retrysafe.Question{Raw: true}, answerOf(200, "text/html", html), againInDoubt},
		{"bytes take HTML that is listed", retrysafe.Question{Raw: true, Accept: []string{"text/html"}}, answerOf(200, "text/html", html), done},
		{"bytes with a list take nothing else", retrysafe.Question{Raw: true, Accept: text}, answerOf(200, "application/pdf", "%PDF"), againInDoubt},
		{"bytes without a type", retrysafe.Question{Raw: true}, answerOf(200, "", "x"), againInDoubt},
		{"HTML with the provider's mark", retrysafe.Question{Marks: []string{"x-provider-id"}}, withHeader(answerOf(200, "text/html", html), "X-Provider-Id", "1"), done},
		{"HTML with another mark", retrysafe.Question{Marks: []string{"X-Provider-Id"}}, withHeader(answerOf(200, "text/html", html), "X-Proxy-Id", "1"), againInDoubt},
		{"cut", retrysafe.Question{}, cutAnswer(200, `{"id":`), doneLost},
		{"cut before the first byte", retrysafe.Question{}, cutAnswer(201, ""), doneLost},
		{"cut bytes", retrysafe.Question{Raw: true}, cutOf(answerOf(200, "application/pdf", "%P")), doneLost},
		{"cut HTML", retrysafe.Question{}, cutOf(answerOf(200, "text/html", html)), againInDoubt},
		{"cut answer to a query", retrysafe.Question{Query: true}, cutAnswer(200, `{"id":`), againInDoubt},
		{"cut refusal", retrysafe.Question{}, cutAnswer(400, `{"er`), refusedAlone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.ask.Method = http.MethodPost
			if got := test.ask.Judge()(test.answer); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func cutOf(a *retrysafe.Answer) *retrysafe.Answer {
	a.Err = io.ErrUnexpectedEOF
	return a
}

func withHeader(a *retrysafe.Answer, pairs ...string) *retrysafe.Answer {
	for i := 0; i < len(pairs); i += 2 {
		a.Header.Add(pairs[i], pairs[i+1])
	}
	return a
}

func TestRuleAppliesIfAllItsConditionsHold(t *testing.T) {
	const declined = `{"error":{"code":"card_declined","type":"card_error","params":["a","b"],"n":12.0,"live":false,"more":{}},
		"data":{"create":{"userErrors":[{"field":"x"},{"code":"TAKEN"}],"empty":[],"nothing":null}}}`
	tests := []struct {
		name   string
		rule   retrysafe.Rule
		answer *retrysafe.Answer
		want   bool
	}{
		{"status", retrysafe.Rule{Status: 402}, jsonAnswer(402, declined), true},
		{"another status", retrysafe.Rule{Status: 402}, jsonAnswer(403, declined), false},
		{"first of a range", retrysafe.Rule{Status: 400, StatusTo: 402}, jsonAnswer(400, declined), true},
		{"middle of a range", retrysafe.Rule{Status: 400, StatusTo: 402}, jsonAnswer(401, declined), true},
		{"last of a range", retrysafe.Rule{Status: 400, StatusTo: 402}, jsonAnswer(402, declined), true},
		{"above a range", retrysafe.Rule{Status: 400, StatusTo: 402}, jsonAnswer(403, declined), false},
		{"below a range", retrysafe.Rule{Status: 400, StatusTo: 402}, jsonAnswer(399, declined), false},
		{"method", retrysafe.Rule{Method: "POST", Status: 402}, jsonAnswer(402, declined), true},
		{"another method", retrysafe.Rule{Method: "PUT", Status: 402}, jsonAnswer(402, declined), false},
		{"header is there", retrysafe.Rule{Header: "transient-error"}, withHeader(jsonAnswer(402, "{}"), "Transient-Error", "false"), true},
		{"header is not there", retrysafe.Rule{Header: "transient-error"}, jsonAnswer(402, "{}"), false},
		{"header's value", retrysafe.Rule{Header: "Transient-Error", Value: "true"}, withHeader(jsonAnswer(402, "{}"), "Transient-Error", " TRUE "), true},
		{"header's second value", retrysafe.Rule{Header: "Transient-Error", Value: "true"}, withHeader(jsonAnswer(402, "{}"), "Transient-Error", "false", "Transient-Error", "true"), true},
		{"header's other value", retrysafe.Rule{Header: "Transient-Error", Value: "true"}, withHeader(jsonAnswer(402, "{}"), "Transient-Error", "trueish"), false},
		{"string in the body", retrysafe.Rule{At: "/error/code", Is: "card_declined"}, jsonAnswer(402, declined), true},
		{"another string", retrysafe.Rule{At: "/error/code", Is: "card_decline"}, jsonAnswer(402, declined), false},
		{"case counts in the body", retrysafe.Rule{At: "/error/code", Is: "Card_Declined"}, jsonAnswer(402, declined), false},
		{"number as it is written", retrysafe.Rule{At: "/error/n", Is: "12.0"}, jsonAnswer(402, declined), true},
		{"number written otherwise", retrysafe.Rule{At: "/error/n", Is: "12"}, jsonAnswer(402, declined), false},
		{"false", retrysafe.Rule{At: "/error/live", Is: "false"}, jsonAnswer(402, declined), true},
		{"something is there", retrysafe.Rule{At: "/error"}, jsonAnswer(402, declined), true},
		{"an empty object is there", retrysafe.Rule{At: "/error/more"}, jsonAnswer(402, declined), true},
		{"nothing is there", retrysafe.Rule{At: "/errors"}, jsonAnswer(402, declined), false},
		{"null is nothing", retrysafe.Rule{At: "/data/create/nothing"}, jsonAnswer(402, declined), false},
		{"element", retrysafe.Rule{At: "/error/params/1", Is: "b"}, jsonAnswer(402, declined), true},
		{"any element", retrysafe.Rule{At: "/error/params/*", Is: "b"}, jsonAnswer(402, declined), true},
		{"no element", retrysafe.Rule{At: "/error/params/*", Is: "c"}, jsonAnswer(402, declined), false},
		{"any member and any element", retrysafe.Rule{At: "/data/*/userErrors/*/code", Is: "TAKEN"}, jsonAnswer(402, declined), true},
		{"any element of none", retrysafe.Rule{At: "/data/*/empty/*"}, jsonAnswer(402, declined), false},
		{"all of several conditions", retrysafe.Rule{Method: "POST", Status: 400, StatusTo: 499, Header: "A", Value: "b", At: "/error/code", Is: "card_declined"}, withHeader(jsonAnswer(402, declined), "A", "B"), true},
		{"all but the header", retrysafe.Rule{Method: "POST", Status: 400, StatusTo: 499, Header: "A", Value: "b", At: "/error/code", Is: "card_declined"}, jsonAnswer(402, declined), false},
		{"all but the body", retrysafe.Rule{Method: "POST", Status: 400, StatusTo: 499, Header: "A", Value: "b", At: "/error/code", Is: "x"}, withHeader(jsonAnswer(402, declined), "A", "B"), false},
		{"+json", retrysafe.Rule{At: "/error"}, answerOf(402, "application/problem+json", declined), true},
		{"JSON without a type", retrysafe.Rule{At: "/error"}, answerOf(402, "", declined), true},
		{"JSON of a wrong type", retrysafe.Rule{At: "/error"}, answerOf(402, "text/plain", declined), true},
	}
	// A meaning that HTTP gives to none of these answers.
	want := meaning{Verdict: retrysafe.Gone}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Verdict = want.Verdict
			ask := retrysafe.Question{Method: http.MethodPost, Profile: []retrysafe.Rule{test.rule}}
			if got := ask.Judge()(test.answer); (got == want) != test.want {
				t.Errorf("applies: %t (%+v), want %t", got == want, got, test.want)
			}
		})
	}
}

func TestFirstRuleThatAppliesDecides(t *testing.T) {
	wait, gone, refused := retrysafe.Rule{Status: 409, Verdict: retrysafe.Wait},
		retrysafe.Rule{Status: 400, StatusTo: 499, Verdict: retrysafe.Gone},
		retrysafe.Rule{At: "/code", Is: "no", Verdict: retrysafe.Refused}
	tests := []struct {
		name         string
		own, profile []retrysafe.Rule
		want         retrysafe.Verdict
	}{
		{"in the profile's order", nil, []retrysafe.Rule{wait, gone, refused}, retrysafe.Wait},
		{"in the other order", nil, []retrysafe.Rule{refused, gone, wait}, retrysafe.Refused},
		{"the command's before the profile's", []retrysafe.Rule{gone}, []retrysafe.Rule{wait, refused}, retrysafe.Gone},
		{"the profile's where the command has none", []retrysafe.Rule{{Status: 500, Verdict: retrysafe.Stuck}}, []retrysafe.Rule{refused}, retrysafe.Refused},
		{"HTTP where nobody has one", []retrysafe.Rule{{Status: 500, Verdict: retrysafe.Stuck}}, []retrysafe.Rule{{Status: 501, Verdict: retrysafe.Stuck}}, retrysafe.Wait},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ask := retrysafe.Question{Method: http.MethodPost, Own: test.own, Profile: test.profile}
			if got := ask.Judge()(jsonAnswer(409, `{"code":"no"}`)); got.Verdict != test.want {
				t.Errorf("%v, want %v", got.Verdict, test.want)
			}
		})
	}
}

func TestRuleGivesAllThatItSays(t *testing.T) {
	link := retrysafe.Link{At: "/links/resource", Under: true}
	tests := []struct {
		name string
		rule retrysafe.Rule
		want meaning
	}{
		{"stored", retrysafe.Rule{Verdict: retrysafe.Refused, Stored: true}, meaning{Verdict: retrysafe.Refused, Stored: true}},
		{"stored and stuck", retrysafe.Rule{Verdict: retrysafe.Stuck, Stored: true}, meaning{Verdict: retrysafe.Stuck, Stored: true}},
		{"looked up", retrysafe.Rule{Verdict: retrysafe.Refused, LookedUp: true}, meaning{Verdict: retrysafe.Refused, LookedUp: true}},
		{"echo", retrysafe.Rule{Verdict: retrysafe.Refused, Echo: true}, refusedEcho},
		{"not run", retrysafe.Rule{Verdict: retrysafe.Again, NotRun: true}, againNotRun},
		{"elsewhere", retrysafe.Rule{Verdict: retrysafe.Elsewhere, Link: link}, meaning{Verdict: retrysafe.Elsewhere, Link: link}},
		{"done although 409", retrysafe.Rule{Verdict: retrysafe.Done}, done},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Status = 409
			ask := retrysafe.Question{Method: http.MethodPost, Profile: []retrysafe.Rule{test.rule}}
			if got := ask.Judge()(jsonAnswer(409, `{}`)); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// A key that was not on the wire has nothing stored under it, whatever the
// profile says of requests that carry one.
func TestRuleOfAKeylessRequestSpeaksForNoKey(t *testing.T) {
	rules := []retrysafe.Rule{
		{Status: 402, Verdict: retrysafe.Refused, Stored: true},
		{Status: 400, Verdict: retrysafe.Refused, LookedUp: true},
		{Status: 500, Verdict: retrysafe.Stuck, Stored: true},
	}
	ask := retrysafe.Question{Method: http.MethodDelete, Keyless: true, Profile: rules}.Judge()
	for status, want := range map[int]meaning{402: refusedAlone, 400: refusedAlone, 500: stuck} {
		if got := ask(jsonAnswer(status, `{}`)); got != want {
			t.Errorf("%d: %+v, want %+v", status, got, want)
		}
	}
}

func TestDamagedBodyLeavesInDoubtWhatARuleWouldReadInIt(t *testing.T) {
	tooLong := jsonAnswer(200, `{"data":{}}`)
	tooLong.Err = errors.New("answer is longer than it may be")
	rule := retrysafe.Rule{Status: 200, StatusTo: 499, At: "/errors", Verdict: retrysafe.Refused}
	headRule := retrysafe.Rule{Status: 200, StatusTo: 499, Verdict: retrysafe.Refused}
	tests := []struct {
		name   string
		rule   retrysafe.Rule
		answer *retrysafe.Answer
		want   meaning
	}{
		{"whole", rule, jsonAnswer(200, `{"data":{}}`), done},
		{"cut success", rule, cutAnswer(200, `{"data":`), againInDoubt},
		{"cut behind a whole document", rule, cutAnswer(200, `{"data":{}}`), againInDoubt},
		{"too long", rule, tooLong, againInDoubt},
		{"invalid JSON", rule, jsonAnswer(200, `{"data":`), againInDoubt},
		{"two documents", rule, jsonAnswer(200, `{} {}`), againInDoubt},
		{"nothing, of JSON", rule, jsonAnswer(200, ""), againInDoubt},
		{"cut refusal", rule, cutAnswer(422, `{"errors":`), againInDoubt},
		{"cut 429", rule, cutAnswer(429, `{"errors":`), againInDoubt},
		{"cut, of a status that no rule is about", rule, cutAnswer(500, `{"errors":`), againInDoubt},
		{"cut 501, which no rule is about", rule, cutAnswer(501, `{"errors":`), refusedAlone},
		{"cut, but the rule needs no body", headRule, cutAnswer(200, `{"data":`), refusedAlone},
		{"cut HTML", rule, cutOf(answerOf(200, "text/html", "<html>")), againInDoubt},
		{"whole HTML has no such member", rule, answerOf(400, "text/html", "<html>"), refusedAlone},
		{"204 has no body, whatever it says", rule, jsonAnswer(204, ""), done},
		{"205 has no body, whatever it says", rule, jsonAnswer(205, ""), done},
		{"JSON that is a string", rule, jsonAnswer(200, `"queued"`), done},
		{"JSON that is null", rule, jsonAnswer(200, ` null `), done},
		{"JSON that is a number", rule, jsonAnswer(400, `17`), refusedAlone},
		{"not JSON, and no type says so", rule, answerOf(400, "", `{"err`), refusedAlone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ask := retrysafe.Question{Method: http.MethodPost, Profile: []retrysafe.Rule{test.rule}}
			if got := ask.Judge()(test.answer); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func TestDoneByARuleIsLostWithADamagedBody(t *testing.T) {
	ask := retrysafe.Question{Method: http.MethodPost, Profile: []retrysafe.Rule{{Status: 409, Verdict: retrysafe.Done}}}.Judge()
	if got := ask(cutAnswer(409, `{"id":`)); got != doneLost {
		t.Errorf("%+v, want %+v", got, doneLost)
	}
}

func TestVerdictsHaveNames(t *testing.T) {
	want := []string{"none", "done", "refused", "again", "wait", "mismatch", "gone", "stuck", "elsewhere", "none"}
	for i, name := range want {
		v := retrysafe.Verdict(i)
		if text, err := v.MarshalText(); v.String() != name || string(text) != name || err != nil {
			t.Errorf("verdict %d is %q and marshals as %q (%v), want %q", i, v, text, err, name)
		}
	}
	if got := retrysafe.Verdict(-1).String(); got != "none" {
		t.Errorf("a negative verdict is %q", got)
	}
}

// judgedOften are a question with many rules and answers that each take
// another way through them.
func judgedOften() (retrysafe.Question, map[string]*retrysafe.Answer) {
	ask := retrysafe.Question{Method: http.MethodPost, Marks: []string{"X-Provider"}}
	for i := range 20 {
		ask.Profile = append(ask.Profile, retrysafe.Rule{
			Status: 400, StatusTo: 599, At: "/error/code", Is: fmt.Sprintf("code_%d", i), Verdict: retrysafe.Refused, Stored: true,
		})
	}
	ask.Profile = append(ask.Profile,
		retrysafe.Rule{Header: "Stripe-Should-Retry", Value: "true", Verdict: retrysafe.Again},
		retrysafe.Rule{Status: 200, StatusTo: 299, At: "/data/*/userErrors/*/code", Is: "TAKEN", Verdict: retrysafe.Refused})
	return ask, map[string]*retrysafe.Answer{
		"success":         jsonAnswer(200, `{"id":"ch_1","data":{"create":{"userErrors":[]}}}`),
		"wildcard":        jsonAnswer(200, `{"data":{"create":{"userErrors":[{"code":"A"},{"code":"TAKEN"}]}}}`),
		"last code":       jsonAnswer(402, `{"error":{"code":"code_19"}}`),
		"no rule applies": jsonAnswer(503, `{"error":{"code":"other"}}`),
		"header":          withHeader(answerOf(500, "text/html", "<html>"), "Stripe-Should-Retry", "true"),
		"HTML":            answerOf(200, "text/html; charset=utf-8", "<html>"),
		"204":             answerOf(204, "", ""),
	}
}

func TestJudgingAParsedAnswerAllocatesNothing(t *testing.T) {
	ask, answers := judgedOften()
	judge := ask.Judge()
	for name, answer := range answers {
		judge(answer) // parses it
		if got := testing.AllocsPerRun(100, func() { judge(answer) }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	ask, answers := judgedOften()
	judge := ask.Judge()
	for name, answer := range answers {
		judge(answer)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judge(answer)
			}
		})
	}
}
