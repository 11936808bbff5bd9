package retrysafe

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/retrysafe/retrysafe/internal/pointer"
)

// validateRules finds what contradicts itself or the profile, and rules that
// can never apply because an earlier one always decides first.
func validateRules(p *Profile, rules []Rule) error {
	for i := range rules {
		if err := rules[i].validate(p); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
		for j := range i {
			if rules[j].covers(&rules[i]) {
				return invalid("rule %d: rule %d always decides first", i+1, j+1)
			}
		}
	}
	return nil
}

func (r *Rule) validate(p *Profile) error {
	for _, err := range []error{r.validateConditions(), r.validateMeaning(), r.validateLink(), r.validateAgainst(p)} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) validateConditions() error {
	switch {
	case r.Status == 0 && r.StatusTo == 0 && r.Header == "" && r.At == "":
		return invalid("has no condition on the answer")
	case r.Status == 0 && r.StatusTo != 0, r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return invalid("status is not one of 200 to 599")
	case r.StatusTo != 0 && (r.StatusTo < r.Status || r.StatusTo > 599):
		return invalid("the range of statuses is empty")
	case r.Method != "" && !isMethod(r.Method):
		return invalid("method is not one, in capitals")
	case r.Header != "" && !isToken(r.Header):
		return invalid("header is not a token")
	case r.Value != "" && r.Header == "":
		return invalid("a value without its header")
	case !isFieldValue(r.Value):
		return invalid("no header has such a value")
	case r.Is != "" && r.At == "":
		return invalid("a value without its place in the body")
	}
	return validPointer(r.At)
}

func (r *Rule) validateMeaning() error {
	switch {
	case r.Verdict < Done || r.Verdict > Elsewhere:
		return invalid("has no verdict")
	case r.Stored && r.Verdict != Refused && r.Verdict != Stuck:
		return invalid("an answer that means %s cannot be the stored one", r.Verdict)
	case r.NotRun && r.Verdict != Again:
		return invalid("not run, but the verdict is %s", r.Verdict)
	case r.LookedUp && r.Verdict != Refused:
		return invalid("looked up, but the verdict is %s", r.Verdict)
	case r.Echo && r.Verdict != Refused && r.Verdict != Stuck:
		return invalid("an echo, but the verdict is %s", r.Verdict)
	case r.Echo && r.Stored && r.Verdict == Refused:
		return invalid("a stored refusal is not the echo of a success")
	case r.Echo && r.LookedUp:
		return invalid("an echo is given instead of a success, which would have been replayed")
	case r.LookedUp && r.mayPrecedeLookup():
		return invalid("401, 403, 429 and 3xx may come from before the key was looked up")
	}
	return nil
}

func (r *Rule) mayPrecedeLookup() bool {
	if r.Status == 0 {
		return true
	}
	for s := r.Status; s <= max(r.Status, r.StatusTo); s++ {
		if s >= 300 && s <= 399 || s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusTooManyRequests {
			return true
		}
	}
	return false
}

func (r *Rule) validateLink() error {
	switch {
	case (r.Verdict == Elsewhere) == r.Link.zero():
		return invalid("a link and the verdict elsewhere need each other")
	case r.Link.zero():
		return nil
	case (r.Link.Header == "") == (r.Link.At == ""):
		return invalid("a link lies in a header or in the body")
	case r.Link.Header != "" && !isToken(r.Link.Header):
		return invalid("the link's header is not a token")
	}
	return validPointer(r.Link.At)
}

func (r *Rule) validateAgainst(p *Profile) error {
	switch {
	case p.Key.Place == KeyNowhere && (r.Verdict == Wait || r.Verdict == Mismatch || r.Verdict == Gone || r.Stored || r.LookedUp):
		return invalid("%s is about a key, and there is none", r.Verdict)
	case r.LookedUp && p.NoReplay:
		return invalid("looked up, but a success would not have been replayed")
	case r.LookedUp && p.LongestExecution == 0:
		return invalid("looked up ends doubt by age, but the longest execution is not known")
	case r.LookedUp && p.Window == 0:
		return invalid("looked up ends doubt inside the window, but that is not known")
	}
	return nil
}

func validPointer(at string) error {
	if at == "" {
		return nil
	}
	if _, err := pointer.Parse(at); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// covers reports whether r applies to every answer to which later does.
func (r *Rule) covers(later *Rule) bool {
	return (r.Method == "" || r.Method == later.Method) &&
		r.coversStatus(later) &&
		(r.Header == "" || strings.EqualFold(r.Header, later.Header) &&
			(r.Value == "" || strings.EqualFold(r.Value, later.Value))) &&
		(r.At == "" || r.At == later.At && (r.Is == "" || r.Is == later.Is))
}

func (r *Rule) coversStatus(later *Rule) bool {
	if r.Status == 0 {
		return true
	}
	return later.Status >= r.Status && max(later.Status, later.StatusTo) <= max(r.Status, r.StatusTo)
}
