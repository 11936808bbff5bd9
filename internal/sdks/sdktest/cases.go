package sdktest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// Case is one thing that goes wrong, and how it ends with the SDK alone and
// under retrysafe.
type Case struct {
	Fault  string
	Script []mock.Fault
	Alone  Alone // zero: the SDK is not there to be run
	Under  Under
}

// Alone is what the SDK by itself does in one call, and what a second call does
// that the application makes because the first one ended in an error.
type Alone struct {
	Requests, Effects int
	Err               bool
	Repeated          int // effects after the second call
}

// Under is what one call under retrysafe does. If it ends in an error the call
// is made again, under the same name, in another process: that makes no effect,
// unless the outcome was not applied.
type Under struct {
	Attempts, Effects int
	Err               bool
	Outcome           retrysafe.Outcome
}

// On is the case of a fault, which is what a script does.
func On(fault string, alone Alone, under Under, script ...mock.Fault) Case {
	return Case{Fault: fault, Script: script, Alone: alone, Under: under}
}

// Fine is an SDK that makes one effect in n requests, and says so.
func Fine(n int) Alone { return Alone{Requests: n, Effects: 1} }

// GivesUp is an SDK that ends in an error after n requests and as many effects
// as it says; when it is called again there have been repeated effects.
func GivesUp(n, effects, repeated int) Alone {
	return Alone{Requests: n, Effects: effects, Err: true, Repeated: repeated}
}

// Doubles is an SDK that makes two effects in n requests, and reports success.
func Doubles(n int) Alone { return Alone{Requests: n, Effects: 2} }

// Once is a call that takes n attempts and is applied once.
func Once(n int) Under { return Under{Attempts: n, Effects: 1, Outcome: retrysafe.Applied} }

// JSON is a fault before the effect: an error in the provider's own words.
func JSON(status int, body string) mock.Fault {
	return mock.Answer(status, http.Header{"Content-Type": {"application/json"}}, body)
}

// Run runs the cases, each with the SDK alone, if it is there, and under
// retrysafe.
func (s *SDK) Run(t *testing.T, cases []Case) {
	for _, c := range cases {
		if s.Alone != nil {
			t.Run(c.Fault+", alone", func(t *testing.T) {
				t.Parallel()
				s.alone(t, c)
			})
		}
		t.Run(c.Fault+", under retrysafe", func(t *testing.T) {
			t.Parallel()
			s.under(t, c)
		})
	}
}

func (s *SDK) alone(t *testing.T, c Case) {
	p := s.Start(t, c.Script...)
	call := s.Alone(&http.Client{Transport: p.Inner})
	id, err := call(t.Context())
	got := Alone{Requests: len(p.Requests()), Effects: p.EffectCount(), Err: err != nil}
	if err == nil && id == "" {
		t.Errorf("a success without an ID")
	}
	if err != nil {
		if _, err := call(t.Context()); err != nil {
			t.Fatalf("the second call: %v\n%s", err, timeline(p))
		}
		got.Repeated = p.EffectCount()
	}
	if got != c.Alone {
		t.Errorf("alone %+v, want %+v: %v\n%s", got, c.Alone, err, timeline(p))
	}
}

func (s *SDK) under(t *testing.T, c Case) {
	p := s.Start(t, c.Script...)
	durable := NewStore()
	called := s.Call(t, p, s.storeOf(durable))
	end := called.End
	got := Under{Attempts: end.Attempts, Effects: p.EffectCount(), Err: called.Err != nil, Outcome: end.Outcome}
	if got != c.Under {
		t.Errorf("under retrysafe %+v, want %+v: %v\n%s", got, c.Under, called.Err, timeline(p))
	}
	if called.Err == nil && called.ID != s.Made {
		t.Errorf("the SDK's answer has ID %q, want %q", called.ID, s.Made)
	}
	s.checkKeys(t, p, end)
	if called.Err != nil {
		s.Call(t, p, s.storeOf(durable))
		want := c.Under.Effects
		if end.Outcome == retrysafe.NotApplied {
			want++ // The application asks again, as it may.
		}
		if n := p.EffectCount(); n != want {
			t.Errorf("%d effects after the call was made again, want %d\n%s", n, want, timeline(p))
		}
	}
}

// checkKeys: every request carries the operation's key, or none does.
func (s *SDK) checkKeys(t *testing.T, p *Provider, end retrysafe.OperationEnd) {
	t.Helper()
	want := s.Key()
	if s.Keyless {
		want = ""
	}
	if string(end.Key) != want {
		t.Errorf("the key of the report is not the derived one")
	}
	for _, r := range p.Requests() {
		if r.Key != want {
			t.Errorf("sent with another key: %v", r)
		}
	}
}

// String is the case's row in a table of the docs.
func (c Case) String() string {
	if c.Alone == (Alone{}) {
		return fmt.Sprintf("| %s | %v |", c.Fault, c.Under)
	}
	return fmt.Sprintf("| %s | %v | %v |", c.Fault, c.Alone, c.Under)
}

// String is what the docs say of it.
func (a Alone) String() string {
	switch {
	case !a.Err && a.Effects == 1 && a.Requests == 1:
		return "one effect"
	case !a.Err && a.Effects == 1:
		return fmt.Sprintf("tries again by itself: one effect, %d requests", a.Requests)
	case !a.Err:
		return fmt.Sprintf("doubles by itself: **%d effects**, no error", a.Effects)
	case a.Effects == 0 && a.Repeated == 1:
		return fmt.Sprintf("gives up: an error after %s, no effect; calling again works", requests(a.Requests))
	case a.Effects == 0:
		return fmt.Sprintf("gives up: an error after %s; calling again doubles: **%d effects**", requests(a.Requests), a.Repeated)
	case a.Repeated > a.Effects:
		return fmt.Sprintf("gives up: an error although it took place; calling again doubles: **%d effects**", a.Repeated)
	default:
		return "gives up: an error although it took place; calling again is safe"
	}
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

// String is what the docs say of it.
func (u Under) String() string {
	effects := map[int]string{0: "no effect", 1: "one effect"}[u.Effects]
	switch {
	case u.Err && u.Outcome == retrysafe.NotApplied:
		return fmt.Sprintf("an error, %v: %s; calling again asks again", u.Outcome, effects)
	case u.Err:
		return fmt.Sprintf("an error, %v: %s, also after calling again", u.Outcome, effects)
	default:
		return fmt.Sprintf("%v: %s", u.Outcome, effects)
	}
}
