package retrysafe_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// knowing is a profile that knows all that a rule can need.
func knowing(rules ...retrysafe.Rule) retrysafe.Profile {
	return retrysafe.Profile{Name: "knowing", Window: time.Hour, LongestExecution: time.Minute, Rules: rules}
}

var (
	refuses422 = retrysafe.Rule{Status: 422, Verdict: retrysafe.Refused}
	mismatch   = retrysafe.Rule{Status: 400, At: "/code", Is: "mismatch", Verdict: retrysafe.Mismatch}
	linkThere  = retrysafe.Link{Header: "Location"}
)

var wrongProfiles = []struct {
	name    string
	profile retrysafe.Profile
}{
	// Promises.
	{"a negative window", retrysafe.Profile{Window: -1}},
	{"a negative longest execution", retrysafe.Profile{LongestExecution: -1}},
	{"a longest execution beyond the window", retrysafe.Profile{Window: time.Minute, LongestExecution: time.Hour}},
	{"payloads are compared, and no rule means a mismatch", retrysafe.Profile{ComparesPayload: true, Rules: []retrysafe.Rule{refuses422}}},
	{"payloads are compared, and there is no key", retrysafe.Profile{ComparesPayload: true, Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}},
	{"a window, and there is no key", retrysafe.Profile{Window: time.Hour, Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}},
	// Places and headers.
	{"a code nowhere", retrysafe.Profile{Code: []string{""}}},
	{"a code at a bad pointer", retrysafe.Profile{Code: []string{"/error~2"}}},
	{"a message in a header that is none", retrysafe.Profile{Message: []string{"X-Ok", "not ok"}}},
	{"a request ID at a bad pointer", retrysafe.Profile{RequestID: []string{"/a/~"}}},
	{"a replay mark without a name", retrysafe.Profile{Replayed: []retrysafe.Mark{{Value: "true"}}}},
	{"a replay mark with a value that no header has", retrysafe.Profile{Replayed: []retrysafe.Mark{{Name: "X-Replayed", Value: " true"}}}},
	{"a mark that is no name", retrysafe.Profile{Marks: []string{"X Provider"}}},
	{"an empty mark", retrysafe.Profile{Marks: []string{""}}},
	{"advice in a header that is none", retrysafe.Profile{Advice: []retrysafe.Advice{{Header: "a:b"}}}},
	{"advice of an unknown unit", retrysafe.Profile{Advice: []retrysafe.Advice{{Header: "X-Reset", Unit: 99}}}},
	// Keys.
	{"a key in an unknown place", keyed(retrysafe.KeyRules{Place: 3})},
	{"a key in a negative place", keyed(retrysafe.KeyRules{Place: -1})},
	{"a key in a header, and a field", keyed(retrysafe.KeyRules{Field: "/key"})},
	{"a key in a header that is no name", keyed(retrysafe.KeyRules{Header: "Idempotency Key"})},
	{"a key in a header that frames", keyed(retrysafe.KeyRules{Header: "content-length"})},
	{"a key in a header for credentials", keyed(retrysafe.KeyRules{Header: "authorization"})},
	{"a key in Accept", keyed(retrysafe.KeyRules{Header: "accept"})},
	{"a key in Content-Type", keyed(retrysafe.KeyRules{Header: "Content-Type"})},
	{"a key for a method that is no token", keyed(retrysafe.KeyRules{Methods: []string{"POST", "PU T"}})},
	{"a key for an empty method", keyed(retrysafe.KeyRules{Methods: []string{""}})},
	{"a key for a method that no request has", keyed(retrysafe.KeyRules{Methods: []string{"post"}})},
	{"a key in the body, and no field", keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody})},
	{"a key in the body, and a header", keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/key", Header: "X-Key"})},
	{"a key in the body, quoted", keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/key", Quoted: true})},
	{"a key at a bad pointer", keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/~7"})},
	{"a key in the body for a method that is none", keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/key", Methods: []string{" "}})},
	{"a key nowhere, in a header", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, Header: "X-Key"})},
	{"a key nowhere, in a field", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, Field: "/key"})},
	{"a key nowhere, quoted", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, Quoted: true})},
	{"a key nowhere, for a method", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, Methods: []string{"POST"}})},
	{"a key nowhere, a UUID", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, UUID: true})},
	{"a key nowhere, with a length", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, MaxLength: 40})},
	{"a key nowhere, with an alphabet", keyed(retrysafe.KeyRules{Place: retrysafe.KeyNowhere, Alphabet: "abc"})},
	{"a key of negative length", keyed(retrysafe.KeyRules{MinLength: -1})},
	{"a key shorter than it must be", keyed(retrysafe.KeyRules{MinLength: 50, MaxLength: 40})},
	{"a key with no room for 16 bytes", keyed(retrysafe.KeyRules{MaxLength: 10})},
	{"a key of one character", keyed(retrysafe.KeyRules{Alphabet: "a"})},
	{"a UUID without hyphens", keyed(retrysafe.KeyRules{UUID: true, Alphabet: "0123456789abcdef"})},
	{"a UUID of 32 bytes", keyed(retrysafe.KeyRules{UUID: true, MaxLength: 32})},
}

func keyed(rules retrysafe.KeyRules) retrysafe.Profile { return retrysafe.Profile{Key: rules} }

// wrongRules are wrong in a profile and in a command.
var wrongRules = []struct {
	name string
	rule retrysafe.Rule
}{
	// Conditions.
	{"nothing", retrysafe.Rule{}},
	{"no condition", retrysafe.Rule{Verdict: retrysafe.Refused}},
	{"no condition, but much meaning", retrysafe.Rule{Verdict: retrysafe.Refused, Stored: true, LookedUp: true}},
	{"no condition on the answer", retrysafe.Rule{Method: "POST", Verdict: retrysafe.Refused}},
	{"an informational status", retrysafe.Rule{Status: 103, Verdict: retrysafe.Again}},
	{"a status below all", retrysafe.Rule{Status: -1, Verdict: retrysafe.Again}},
	{"a status above all", retrysafe.Rule{Status: 600, Verdict: retrysafe.Again}},
	{"a range without its beginning", retrysafe.Rule{StatusTo: 499, Verdict: retrysafe.Again}},
	{"a range without its beginning, and a header", retrysafe.Rule{StatusTo: 499, Header: "X", Verdict: retrysafe.Again}},
	{"a range that goes down", retrysafe.Rule{Status: 499, StatusTo: 400, Verdict: retrysafe.Again}},
	{"a range that goes too far", retrysafe.Rule{Status: 500, StatusTo: 600, Verdict: retrysafe.Again}},
	{"a method that is no token", retrysafe.Rule{Method: "PO ST", Status: 400, Verdict: retrysafe.Again}},
	{"a method that no request has", retrysafe.Rule{Method: "post", Status: 400, Verdict: retrysafe.Again}},
	{"a header that is no name", retrysafe.Rule{Header: "X Y", Verdict: retrysafe.Again}},
	{"a value without its header", retrysafe.Rule{Status: 400, Value: "true", Verdict: retrysafe.Again}},
	{"a value that no header has", retrysafe.Rule{Header: "X", Value: "true ", Verdict: retrysafe.Again}},
	{"a value without its place", retrysafe.Rule{Status: 400, Is: "x", Verdict: retrysafe.Again}},
	{"a place that is no pointer", retrysafe.Rule{At: "error/code", Verdict: retrysafe.Again}},
	{"a place with a bad escape", retrysafe.Rule{At: "/a~2b", Verdict: retrysafe.Again}},
	{"a place too deep", retrysafe.Rule{At: strings.Repeat("/a", 33), Verdict: retrysafe.Again}},
	// Meanings.
	{"no verdict", retrysafe.Rule{Status: 400}},
	{"a negative verdict", retrysafe.Rule{Status: 400, Verdict: -1}},
	{"an unknown verdict", retrysafe.Rule{Status: 400, Verdict: retrysafe.Elsewhere + 1}},
	{"stored and done", retrysafe.Rule{Status: 200, Verdict: retrysafe.Done, Stored: true}},
	{"stored and again", retrysafe.Rule{Status: 500, Verdict: retrysafe.Again, Stored: true}},
	{"stored and in flight", retrysafe.Rule{Status: 409, Verdict: retrysafe.Wait, Stored: true}},
	{"stored and a mismatch", retrysafe.Rule{Status: 409, Verdict: retrysafe.Mismatch, Stored: true}},
	{"stored and gone", retrysafe.Rule{Status: 409, Verdict: retrysafe.Gone, Stored: true}},
	{"stored and elsewhere", retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere, Link: linkThere, Stored: true}},
	{"not run and refused", retrysafe.Rule{Status: 400, Verdict: retrysafe.Refused, NotRun: true}},
	{"not run and in flight", retrysafe.Rule{Status: 400, Verdict: retrysafe.Wait, NotRun: true}},
	{"looked up and stuck", retrysafe.Rule{Status: 400, Verdict: retrysafe.Stuck, LookedUp: true}},
	{"looked up and again", retrysafe.Rule{Status: 400, Verdict: retrysafe.Again, LookedUp: true}},
	{"looked up with 401", retrysafe.Rule{Status: 401, Verdict: retrysafe.Refused, LookedUp: true}},
	{"looked up with 403 in a range", retrysafe.Rule{Status: 402, StatusTo: 404, Verdict: retrysafe.Refused, LookedUp: true}},
	{"looked up with 429", retrysafe.Rule{Status: 429, Verdict: retrysafe.Refused, LookedUp: true}},
	{"looked up with a redirect", retrysafe.Rule{Status: 308, Verdict: retrysafe.Refused, LookedUp: true}},
	{"looked up with any status", retrysafe.Rule{At: "/error", Verdict: retrysafe.Refused, LookedUp: true}},
	{"an echo and done", retrysafe.Rule{Status: 400, Verdict: retrysafe.Done, Echo: true}},
	{"an echo and in flight", retrysafe.Rule{Status: 400, Verdict: retrysafe.Wait, Echo: true}},
	{"an echo that is stored", retrysafe.Rule{Status: 400, Verdict: retrysafe.Refused, Echo: true, Stored: true}},
	{"an echo that comes after the look-up", retrysafe.Rule{Status: 400, Verdict: retrysafe.Refused, Echo: true, LookedUp: true}},
	// Links.
	{"elsewhere without a link", retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere}},
	{"a link and not elsewhere", retrysafe.Rule{Status: 409, Verdict: retrysafe.Done, Link: linkThere}},
	{"a link in two places", retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "Location", At: "/link"}}},
	{"a link in no place", retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Under: true}}},
	{"a link in a header that is none", retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{Header: "a b"}}},
	{"a link at a bad pointer", retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{At: "link"}}},
}

// wrongTogether are rules that are wrong in a profile or after each other.
var wrongTogether = []struct {
	name    string
	profile retrysafe.Profile
}{
	{"looked up where successes are not replayed", retrysafe.Profile{Window: time.Hour, LongestExecution: time.Minute, NoReplay: true,
		Rules: []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Refused, LookedUp: true}}}},
	{"looked up without a longest execution", retrysafe.Profile{Window: time.Hour,
		Rules: []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Refused, LookedUp: true}}}},
	{"looked up without a window", retrysafe.Profile{LongestExecution: time.Minute,
		Rules: []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Refused, LookedUp: true}}}},
	{"in flight without a key", noKey(retrysafe.Rule{Status: 409, Verdict: retrysafe.Wait})},
	{"a mismatch without a key", noKey(mismatch)},
	{"gone without a key", noKey(retrysafe.Rule{Status: 409, Verdict: retrysafe.Gone})},
	{"stored without a key", noKey(retrysafe.Rule{Status: 402, Verdict: retrysafe.Refused, Stored: true})},
	{"stuck and stored without a key", noKey(retrysafe.Rule{Status: 500, Verdict: retrysafe.Stuck, Stored: true})},
	{"looked up without a key", noKey(retrysafe.Rule{Status: 422, Verdict: retrysafe.Refused, LookedUp: true})},
	{"the same rule twice", knowing(refuses422, refuses422)},
	{"the same conditions with two meanings", knowing(refuses422, retrysafe.Rule{Status: 422, Verdict: retrysafe.Wait})},
	{"a status behind its range", knowing(retrysafe.Rule{Status: 400, StatusTo: 499, Verdict: retrysafe.Refused}, refuses422)},
	{"a range behind a wider one", knowing(retrysafe.Rule{Status: 400, StatusTo: 599, Verdict: retrysafe.Refused},
		retrysafe.Rule{Status: 400, StatusTo: 499, Verdict: retrysafe.Refused})},
	{"a code behind its status", knowing(refuses422, retrysafe.Rule{Status: 422, At: "/code", Is: "x", Verdict: retrysafe.Wait})},
	{"a code behind any code", knowing(retrysafe.Rule{At: "/code", Verdict: retrysafe.Refused}, retrysafe.Rule{Status: 422, At: "/code", Is: "x", Verdict: retrysafe.Wait})},
	{"a header behind its status", knowing(refuses422, retrysafe.Rule{Status: 422, Header: "X", Verdict: retrysafe.Wait})},
	{"a value behind its header", knowing(retrysafe.Rule{Header: "x-retry", Verdict: retrysafe.Again}, retrysafe.Rule{Header: "X-Retry", Value: "true", Verdict: retrysafe.Wait})},
	{"a value in other capitals", knowing(retrysafe.Rule{Header: "X-Retry", Value: "TRUE", Verdict: retrysafe.Again}, retrysafe.Rule{Header: "X-Retry", Value: "true", Verdict: retrysafe.Wait})},
	{"a method behind any method", knowing(refuses422, retrysafe.Rule{Method: "PUT", Status: 422, Verdict: retrysafe.Wait})},
	{"the third behind the first", knowing(refuses422, mismatch, refuses422)},
}

func noKey(rules ...retrysafe.Rule) retrysafe.Profile {
	p := keyless()
	p.LongestExecution, p.Rules = time.Minute, rules
	return p
}

func TestWrongProfileIsAnErrorWhenAClientIsBuilt(t *testing.T) {
	for _, test := range wrongProfiles {
		t.Run(test.name, func(t *testing.T) { refuseProfile(t, test.profile) })
	}
	for _, test := range wrongRules {
		t.Run("rule: "+test.name, func(t *testing.T) { refuseProfile(t, knowing(test.rule)) })
	}
	for _, test := range wrongTogether {
		t.Run("rules: "+test.name, func(t *testing.T) { refuseProfile(t, test.profile) })
	}
}

// refuseProfile wants the profile refused by NewClient, and by a command that
// brings it along.
func refuseProfile(t *testing.T, p retrysafe.Profile) {
	t.Helper()
	p.Name = "wrong/v1"
	client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{Profile: p})
	if client != nil || !errors.Is(err, retrysafe.ErrInvalid) {
		t.Errorf("NewClient: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), `"wrong/v1"`) {
		t.Errorf("%v does not name the profile", err)
	}
	command := createCharge
	command.Profile = &p
	if err := command.Validate(anyClient(t)); !errors.Is(err, retrysafe.ErrInvalid) || !strings.Contains(err.Error(), command.Name) {
		t.Errorf("Validate: %v", err)
	}
}

func anyClient(t *testing.T) *retrysafe.Client {
	t.Helper()
	client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{Profile: knowing()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestWrongRuleOfACommandIsAnErrorAtValidate(t *testing.T) {
	for _, test := range wrongRules {
		t.Run(test.name, func(t *testing.T) {
			command := createCharge
			command.Rules = []retrysafe.Rule{refuses422, test.rule}
			err := command.Validate(anyClient(t))
			if !errors.Is(err, retrysafe.ErrInvalid) || !strings.Contains(err.Error(), "rule 2") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRulesOfACommandFitItsProfile(t *testing.T) {
	withMismatch := knowing(mismatch, retrysafe.Rule{Status: 409, At: "/code", Is: "in_use", Verdict: retrysafe.Wait}, refuses422)
	withMismatch.ComparesPayload = true
	tests := []struct {
		name    string
		profile retrysafe.Profile
		rules   []retrysafe.Rule
		wrong   bool
	}{
		{"none", withMismatch, nil, false},
		{"another meaning for the same answer", withMismatch, []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Again}}, false},
		{"an exception before the profile's rule", withMismatch, []retrysafe.Rule{{Status: 409, At: "/code", Is: "other", Verdict: retrysafe.Refused}}, false},
		{"the same about the key", withMismatch, []retrysafe.Rule{{Status: 409, Verdict: retrysafe.Wait}}, false},
		{"twice the same", withMismatch, []retrysafe.Rule{refuses422, refuses422}, true},
		{"about a key that the provider does not take", noKey(), []retrysafe.Rule{{Status: 409, Verdict: retrysafe.Wait}}, true},
		{"stored under a key that the provider does not take", noKey(), []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}}, true},
		{"looked up, and the profile promises nothing", retrysafe.Profile{}, []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Refused, LookedUp: true}}, true},
		{"looked up, and successes are not replayed", retrysafe.Profile{NoReplay: true, Window: time.Hour, LongestExecution: time.Second},
			[]retrysafe.Rule{{Status: 422, Verdict: retrysafe.Refused, LookedUp: true}}, true},
		{"of another method", withMismatch, []retrysafe.Rule{{Method: "PUT", Status: 404, Verdict: retrysafe.Done}}, true},
		{"of its method", withMismatch, []retrysafe.Rule{{Method: "POST", Status: 404, Verdict: retrysafe.Done}}, false},
		{"hides the profile's mismatch", withMismatch, []retrysafe.Rule{{Status: 400, Verdict: retrysafe.Refused}}, true},
		{"hides the profile's in flight", withMismatch, []retrysafe.Rule{{Status: 400, StatusTo: 499, At: "/code", Verdict: retrysafe.Refused}}, true},
		{"hides it by its method", withMismatch, []retrysafe.Rule{{Method: "POST", Status: 409, Verdict: retrysafe.Refused, Stored: true}}, true},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{Profile: test.profile})
			if err != nil {
				t.Fatal(err)
			}
			command := createCharge
			command.Name, command.Rules = fmt.Sprintf("charges.%d", i), test.rules
			if err := command.Validate(client); errors.Is(err, retrysafe.ErrInvalid) != test.wrong || (err != nil) != test.wrong {
				t.Errorf("on the client's profile: %v, want an error: %t", err, test.wrong)
			}
			command.Profile = &test.profile
			if err := command.Validate(anyClient(t)); errors.Is(err, retrysafe.ErrInvalid) != test.wrong || (err != nil) != test.wrong {
				t.Errorf("on its own profile: %v, want an error: %t", err, test.wrong)
			}
		})
	}
}

func TestRightProfileIsTaken(t *testing.T) {
	tests := []struct {
		name    string
		profile retrysafe.Profile
	}{
		{"zero", retrysafe.Profile{}},
		{"knowing", knowing()},
		{"all rules of the outcome table", ruled()},
		{"a longest execution as long as the window", retrysafe.Profile{Window: time.Hour, LongestExecution: time.Hour}},
		{"a longest execution without a window", retrysafe.Profile{LongestExecution: time.Hour}},
		{"payloads are compared", retrysafe.Profile{ComparesPayload: true, Rules: []retrysafe.Rule{mismatch}}},
		{"no replay, and refusals that are stored", retrysafe.Profile{NoReplay: true, Rules: []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}}}},
		{"places of all kinds", retrysafe.Profile{Code: []string{"/error/code", "/errors/*/code", "X-Code"}, Message: []string{"/a~1b/~0"}, RequestID: []string{"x-request"}}},
		{"marks", retrysafe.Profile{Marks: []string{"x-provider"}, Replayed: []retrysafe.Mark{{Name: "x-replayed"}, {Name: "X-Cache", Value: "hit"}}}},
		{"advice", retrysafe.Profile{Advice: []retrysafe.Advice{{Header: "X-Reset", Unit: retrysafe.AdviceUnixSeconds}}}},
		{"a key in a header of its own", keyed(retrysafe.KeyRules{Header: "x-request-key", Quoted: true, Methods: []string{"POST", "PUT"}})},
		{"a key in a JSON body", keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/meta/key"})},
		{"a short key", keyed(retrysafe.KeyRules{MaxLength: 25})},
		{"a UUID", keyed(retrysafe.KeyRules{UUID: true})},
		{"no key", noKey(refuses422)},
		{"no key, and an answer elsewhere", noKey(retrysafe.Rule{Status: 409, Verdict: retrysafe.Elsewhere, Link: linkThere})},
		{"every verdict", knowing(
			retrysafe.Rule{Status: 301, Verdict: retrysafe.Done}, retrysafe.Rule{Status: 302, Verdict: retrysafe.Refused},
			retrysafe.Rule{Status: 303, Verdict: retrysafe.Again}, retrysafe.Rule{Status: 304, Verdict: retrysafe.Wait},
			retrysafe.Rule{Status: 305, Verdict: retrysafe.Mismatch}, retrysafe.Rule{Status: 306, Verdict: retrysafe.Gone},
			retrysafe.Rule{Status: 307, Verdict: retrysafe.Stuck}, retrysafe.Rule{Status: 308, Verdict: retrysafe.Elsewhere, Link: linkThere})},
		{"every flag", knowing(
			retrysafe.Rule{Status: 400, Verdict: retrysafe.Refused, Stored: true}, retrysafe.Rule{Status: 404, Verdict: retrysafe.Refused, LookedUp: true},
			retrysafe.Rule{Status: 405, Verdict: retrysafe.Refused, Echo: true}, retrysafe.Rule{Status: 500, Verdict: retrysafe.Stuck, Stored: true, Echo: true},
			retrysafe.Rule{Status: 503, Verdict: retrysafe.Again, NotRun: true})},
		{"the ends of all statuses", knowing(retrysafe.Rule{Status: 200, Verdict: retrysafe.Done}, retrysafe.Rule{Status: 599, Verdict: retrysafe.Again}, retrysafe.Rule{Status: 201, StatusTo: 598, Verdict: retrysafe.Again})},
		{"a range of one", knowing(retrysafe.Rule{Status: 400, StatusTo: 400, Verdict: retrysafe.Refused})},
		{"the particular before the general", knowing(
			retrysafe.Rule{Method: "PUT", Status: 422, At: "/code", Is: "x", Verdict: retrysafe.Wait}, retrysafe.Rule{Status: 422, At: "/code", Is: "x", Verdict: retrysafe.Gone},
			retrysafe.Rule{Status: 422, At: "/code", Verdict: retrysafe.Refused}, retrysafe.Rule{Status: 422, Verdict: retrysafe.Stuck}, retrysafe.Rule{Status: 400, StatusTo: 499, Verdict: retrysafe.Refused})},
		{"ranges that overlap", knowing(retrysafe.Rule{Status: 400, StatusTo: 450, Verdict: retrysafe.Refused}, retrysafe.Rule{Status: 440, StatusTo: 499, Verdict: retrysafe.Refused})},
		{"links", knowing(retrysafe.Rule{Status: 409, At: "/links/id", Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{At: "/links/id", Under: true}})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{Profile: test.profile}); err != nil {
				t.Errorf("NewClient: %v", err)
			}
			command := createCharge
			command.Profile, command.Body = &test.profile, retrysafe.JSON
			if err := command.Validate(anyClient(t)); err != nil {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}

func TestKeyInTheBodyFitsTheBodysEncoding(t *testing.T) {
	for field, encoding := range map[string]retrysafe.Encoding{"/key": retrysafe.Form, "key": retrysafe.JSON} {
		profile := keyed(retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: field})
		command := createCharge
		command.Profile, command.Body = &profile, encoding
		if err := command.Validate(anyClient(t)); !errors.Is(err, retrysafe.ErrInvalid) {
			t.Errorf("%q: %v", field, err)
		}
		command.Name, command.Body = "charges.other", retrysafe.JSON+retrysafe.Form-encoding
		if err := command.Validate(anyClient(t)); err != nil {
			t.Errorf("%q: %v", field, err)
		}
	}
}

func TestMethodOfACommandIsInCapitals(t *testing.T) {
	command := createCharge
	command.Method = "post"
	if err := command.Validate(anyClient(t)); !errors.Is(err, retrysafe.ErrInvalid) {
		t.Errorf("%v: a profile's key goes with POST, and this is another method", err)
	}
}

// A profile is read when a client is built. What the caller does to it then
// changes nothing.
func TestProfileIsCopiedWhenAClientIsBuilt(t *testing.T) {
	profile := retrysafe.Profile{
		Rules: []retrysafe.Rule{{Header: "x-mood", Value: "fine", Verdict: retrysafe.Done}}, Marks: []string{"x-provider"},
	}
	client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{Profile: profile, HTTPClient: &http.Client{
		Transport: playedTrip(replies(meaning{}, 404, `{"id":"ch_1"}`, "X-Mood", "Fine").trip),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if profile.Rules[0].Header != "x-mood" || profile.Marks[0] != "x-provider" {
		t.Errorf("the caller's own profile was changed: %+v", profile)
	}
	profile.Rules[0].Verdict = retrysafe.Stuck
	if res, err := createCharge.Do(t.Context(), client, "order-1234", charge{}); err != nil || res.Value.ID != "ch_1" {
		t.Errorf("%v, %v", res, err)
	}
}
