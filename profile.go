package retrysafe

import (
	"fmt"
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe/internal/pointer"
)

// Profile is what one provider promises about keys and what its answers mean,
// as data. The zero value is a provider that follows the IETF draft on
// Idempotency-Key and RFC 9110, of which nothing else is known: successes are
// taken to be replayed, no refusal speaks for the key, and neither the longest
// execution time nor the window is known.
//
// A profile is read, never changed, after a client was built with it.
type Profile struct {
	// Name is for logs and errors ("stripe/v1").
	Name string
	// Key says where the key goes and what it may look like.
	Key KeyRules
	// Window is how long a key may still be sent after it was first sent: the
	// provider's retention less a margin. Zero: not known.
	Window time.Duration
	// LongestExecution is the longest time after which a delivery can still
	// take effect. Zero: not known, so doubt never ends by age.
	LongestExecution time.Duration
	// Consistent says that what Handlers.Reconcile asks the provider shows every
	// effect that took place before it asked, so that not found proves that
	// nothing ran, once the last delivery is older than LongestExecution.
	Consistent bool
	// NoReplay says that a repeat after a success is not answered with that
	// success, so that an answer that was lost cannot be won back.
	NoReplay bool
	// ComparesPayload says that the provider refuses a repeat with another
	// body. Some rule must then mean Mismatch.
	ComparesPayload bool
	// Rules say what answers mean. The first that applies decides; if none
	// does, RFC 9110 decides. They are applied to every answer, 2xx too.
	Rules []Rule
	// Code, Message and RequestID say where an answer has the provider's code,
	// its text for people and the request's ID: a JSON pointer into the body
	// ("*" for any element) if it begins with a slash, else a header's name.
	// The first that is there counts. RFC 9457 bodies are read without them.
	Code, Message, RequestID []string
	// Replayed lists the headers that mark a stored answer, beside
	// Idempotent-Replayed: true.
	Replayed []Mark
	// Marks lists headers that only this provider sends: a 2xx of an undeclared
	// media type that has one did come from the provider.
	Marks []string
	// Advice lists further headers that say when to come back, beside
	// Retry-After and Retry-After-Ms.
	Advice []Advice
}

// Mark is a header that says something by being there. An empty Value stands
// for any.
type Mark struct{ Name, Value string }

// Rule says what an answer means if all the conditions that are set hold. A rule
// that looks at nothing but method and status does not show that an answer came
// from the provider: if it has neither a declared media type nor one of
// Profile.Marks, it is left to HTTP.
type Rule struct {
	// Method is the request's; empty means any.
	Method string
	// Status is the answer's, or with StatusTo the first of a range that ends
	// with StatusTo. Zero means any.
	Status, StatusTo int
	// Header is there, and has Value unless that is empty; case of the value
	// does not matter.
	Header, Value string
	// At is a JSON pointer into the body, "*" standing for any element or
	// member, and Is the string, number, true or false there. Empty Is: there
	// is something, and it is not null. If the body should be JSON and cannot be
	// read, a rule with At leaves the answer in doubt.
	At, Is string

	// Verdict is what such an answer means.
	Verdict Verdict
	// Stored says that answers of this class are stored under the key: a
	// delivery that arrives late would get the same one. Of Refused and Stuck.
	Stored bool
	// NotRun says that the request answered so was not run. Of Again.
	NotRun bool
	// LookedUp says that this very answer is given after the key was looked up
	// and that a success would have been replayed instead. It ends a doubt that
	// is older than LongestExecution. Of Refused; never of a 401, 403, 429 or
	// 3xx, which may come from before the look-up.
	LookedUp bool
	// Echo says that this answer is what a repeat of an own success may get
	// ("already captured"). Of Refused and Stuck.
	Echo bool
	// Link says where the answer lies. Of Elsewhere.
	Link Link

	at pointer.Pointer // At, parsed
}

// Link says where the answer lies of an operation that was applied. It is
// fetched with GET, from the client's own origin only.
type Link struct {
	// Header (Location, say) or At, a JSON pointer into the body, has the link.
	Header, At string
	// Under says that it is an ID, which is appended to the command's own path,
	// and not a URL.
	Under bool
}

func (l Link) zero() bool { return l == Link{} }

// validate finds contradictions and gaps.
func (p *Profile) validate() error {
	if err := p.Key.validate(); err != nil {
		return p.named(err)
	}
	for _, check := range []error{
		p.validatePromises(), validateRules(p, p.Rules), p.validatePlaces(), p.validateHeaders(),
	} {
		if check != nil {
			return p.named(check)
		}
	}
	return nil
}

func (p *Profile) named(err error) error {
	return fmt.Errorf("profile %q: %w", p.Name, err)
}

func (p *Profile) validatePromises() error {
	switch {
	case p.Window < 0 || p.LongestExecution < 0:
		return invalid("negative duration")
	case p.Window > 0 && p.LongestExecution > p.Window:
		return invalid("the longest execution outlasts the window, so no doubt could end in time")
	case p.ComparesPayload && !p.means(Mismatch):
		return invalid("payloads are compared, but no rule means a mismatch")
	case p.Window > 0 && p.Key.Place == KeyNowhere:
		return invalid("a key's window is known, but there is no key")
	case p.ComparesPayload && p.Key.Place == KeyNowhere:
		return invalid("payloads are compared, but there is no key")
	}
	return nil
}

func (p *Profile) means(v Verdict) bool {
	for _, r := range p.Rules {
		if r.Verdict == v {
			return true
		}
	}
	return false
}

func (p *Profile) validatePlaces() error {
	for _, places := range [][]string{p.Code, p.Message, p.RequestID} {
		for _, place := range places {
			if err := validatePlace(place); err != nil {
				return err
			}
		}
	}
	return nil
}

func validatePlace(place string) error {
	if place != "" && place[0] == '/' {
		if _, err := pointer.Parse(place); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		return nil
	}
	return validateName(place)
}

func (p *Profile) validateHeaders() error {
	for _, m := range p.Replayed {
		if err := validateName(m.Name); err != nil {
			return err
		}
		if !isFieldValue(m.Value) {
			return invalid("header %s has no such value", m.Name)
		}
	}
	for _, name := range p.Marks {
		if err := validateName(name); err != nil {
			return err
		}
	}
	for _, a := range p.Advice {
		if err := a.validate(); err != nil {
			return err
		}
	}
	return nil
}

func validateName(name string) error {
	if !isToken(name) {
		return invalid("%q is not a header's name", name)
	}
	return nil
}

// canonical returns a copy whose header names are in the form that http.Header
// has them, so that an answer is judged without allocation.
func (p Profile) canonical() *Profile {
	p.Rules = canonicalRules(p.Rules)
	p.Replayed = append([]Mark(nil), p.Replayed...)
	for i := range p.Replayed {
		p.Replayed[i].Name = http.CanonicalHeaderKey(p.Replayed[i].Name)
	}
	p.Marks = append([]string(nil), p.Marks...)
	for i := range p.Marks {
		p.Marks[i] = http.CanonicalHeaderKey(p.Marks[i])
	}
	return &p
}

func canonicalRules(rules []Rule) []Rule {
	rules = append([]Rule(nil), rules...)
	for i := range rules {
		rules[i].at, _ = pointer.Parse(rules[i].At)
		rules[i].Header = http.CanonicalHeaderKey(rules[i].Header)
		rules[i].Link.Header = http.CanonicalHeaderKey(rules[i].Link.Header)
	}
	return rules
}

// marked reports whether an answer bears a mark of this provider.
func (p *Profile) marked(h http.Header) bool {
	for _, name := range p.Marks {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// replayed reports whether an answer says that it was stored before.
func (p *Profile) replayed(h http.Header) bool {
	if hasHeader(h, "Idempotent-Replayed", "true") {
		return true
	}
	for _, m := range p.Replayed {
		if hasHeader(h, m.Name, m.Value) {
			return true
		}
	}
	return false
}
