package retrysafe_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
)

type conditionalCharge struct {
	Match  string `header:"If-Match,omitempty"`
	None   string `header:"If-None-Match,omitempty"`
	Amount int64  `json:"amount"`
}

// versioned is a resource that evaluates preconditions (RFC 9110 section 13.1)
// and changes with every request that they let through. The answer to the first
// is lost.
type versioned struct {
	version                      int // 0: there is none
	requests, effects, repeating int
}

func (v *versioned) RoundTrip(req *http.Request) (*http.Response, error) {
	readAll(req.Body)
	v.requests++
	if req.GetBody != nil {
		v.repeating++
	}
	if !v.holds(req.Header) {
		return trapAnswer(http.StatusPreconditionFailed, `{}`), nil
	}
	v.version++
	v.effects++
	if v.requests == 1 {
		return nil, errHungUp
	}
	return trapAnswer(http.StatusOK, trapCharged), nil
}

func (v *versioned) holds(h http.Header) bool {
	is := func(condition string) bool {
		return v.version > 0 && (condition == "*" || condition == fmt.Sprintf(`"v%d"`, v.version))
	}
	if match := h.Get("If-Match"); match != "" && !slices.ContainsFunc(strings.Split(match, ", "), func(one string) bool {
		return is(strings.TrimPrefix(one, "W/"))
	}) {
		return false
	}
	none := h.Get("If-None-Match")
	return none == "" || !is(none)
}

func TestAPreconditionMakesARepeatSafeOnlyIfTheOwnEffectBreaksIt(t *testing.T) {
	for name, c := range map[string]struct {
		req     conditionalCharge
		version int
		safe    bool
	}{
		"no precondition":             {conditionalCharge{}, 1, false},
		"it exists":                   {conditionalCharge{Match: "*"}, 1, false},
		"it is not of a version":      {conditionalCharge{None: `"v1"`}, 2, false},
		"it exists, in another one":   {conditionalCharge{Match: "*", None: `"v1"`}, 2, false},
		"it is of one of two":         {conditionalCharge{Match: `"v1", "v2"`}, 1, false},
		"it exists, or is of one":     {conditionalCharge{Match: `*, "v1"`}, 1, false},
		"it is of a weak version":     {conditionalCharge{Match: `W/"v1"`}, 1, false},
		"it is of a version":          {conditionalCharge{Match: `"v1"`}, 1, true},
		"there is none yet":           {conditionalCharge{None: "*"}, 0, true},
		"it is of a version, not one": {conditionalCharge{Match: `"v2"`, None: `"v1"`}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			resource := &versioned{version: c.version}
			cmd := retrysafe.Command[conditionalCharge, charged]{Name: "charges.change", Path: "/v1/charges/ch_1"}
			client := wireClient(t, resource, retrysafe.Options{Profile: keyless(), Retry: hurried})
			_, err := cmd.With(first).Do(t.Context(), client, "order-1", c.req)
			if resource.effects != 1 {
				t.Errorf("%d effects, want 1", resource.effects)
			}
			e := asError(t, err)
			if e.Outcome != unknown || retrysafe.Retryable(err) {
				t.Errorf("outcome %v, retryable %t: %v; want unknown and no", e.Outcome, retrysafe.Retryable(err), err)
			}
			if c.safe {
				checkRepeated(t, resource, e)
			} else {
				checkNotRepeated(t, resource, e)
			}
		})
	}
}

// checkRepeated wants the repeat, and that what it met is known for the own effect.
func checkRepeated(t *testing.T, resource *versioned, e *retrysafe.Error) {
	t.Helper()
	checkEnding(t, e, unknown, retrysafe.ErrStuck)
	if resource.requests != 2 || resource.repeating != 2 || e.Evidence != retrysafe.EvidenceOwnEffect {
		t.Errorf("%d requests, %d of them for net/http to repeat, evidence %q; want 2, 2 and the own effect",
			resource.requests, resource.repeating, e.Evidence)
	}
}

// checkNotRepeated wants one request, which net/http could not repeat either.
func checkNotRepeated(t *testing.T, resource *versioned, e *retrysafe.Error) {
	t.Helper()
	checkEnding(t, e, unknown, retrysafe.ErrNotResent)
	if resource.requests != 1 || resource.repeating != 0 {
		t.Errorf("%d requests, %d of them for net/http to repeat; want 1 and 0", resource.requests, resource.repeating)
	}
}
