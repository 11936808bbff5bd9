package sdktest

import (
	"errors"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// Declines checks that a refusal reaches the application as the SDK's own typed
// error, which typed recognizes, and that the operation ends as not applied: with
// a store that vouches, and without one where the profile says that refusals of
// its kind speak for the key.
func (s *SDK) Declines(t *testing.T, declined mock.Fault, withoutStore retrysafe.Outcome, typed func(error) bool) {
	for name, durable := range map[string]bool{"with a store": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			own, want := *s, withoutStore
			if own.Durable = durable; durable {
				want = retrysafe.NotApplied
			}
			p := own.Start(t, declined)
			called := own.Call(t, p, own.storeOf(NewStore()))
			if !typed(called.Err) {
				t.Errorf("the SDK returned %T %v, not its own error", called.Err, called.Err)
			}
			if called.End.Outcome != want || called.End.ThisCall != retrysafe.NotApplied || p.EffectCount() != 0 || len(p.Requests()) != 1 {
				t.Errorf("%v, want %v\n%s", called.End, want, timeline(p))
			}
		})
	}
}

// CountsAttempts checks that a fault that never ends is met as often as the
// client's policy says, five times, and that the SDK adds nothing of its own:
// neither to the last answer, nor to none at all. Without a key the latter is met
// once.
func (s *SDK) CountsAttempts(t *testing.T, fault mock.Fault, typed func(error) bool) {
	silent := 5
	if s.Keyless {
		silent = 1
	}
	for name, c := range map[string]struct {
		fault    mock.Fault
		attempts int
		typed    func(error) bool
	}{
		"answered": {fault, 5, typed},
		"silent":   {mock.ResetAfterEffect(), silent, ours},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.Start(t, c.fault.Times(c.attempts))
			called := s.Call(t, p, nil)
			if n := len(p.Requests()); n != c.attempts || called.End.Attempts != c.attempts {
				t.Errorf("%d requests and %d attempts, want %d of each\n%s", n, called.End.Attempts, c.attempts, timeline(p))
			}
			if !c.typed(called.Err) {
				t.Errorf("the SDK returned %T %v", called.Err, called.Err)
			}
		})
	}
}

// ours reports whether an SDK handed on the transport's own error.
func ours(err error) bool {
	var e *retrysafe.Error
	return errors.As(err, &e)
}

// Restarts checks that a process that begins again is given the recorded answer:
// nothing is sent, and the SDK decodes it as it did the first.
func (s *SDK) Restarts(t *testing.T) {
	t.Helper()
	own := *s
	own.Durable = true
	p, durable := own.Start(t), NewStore()
	first := own.Call(t, p, durable)
	again := own.Call(t, p, durable)
	if first.Err != nil || again.Err != nil || again.ID != first.ID || first.ID != s.Made {
		t.Errorf("%q %v, then %q %v, want %q", first.ID, first.Err, again.ID, again.Err, s.Made)
	}
	if !again.End.Recorded || again.End.Attempts != 0 || again.End.Outcome != retrysafe.Applied || len(p.Requests()) != 1 || p.EffectCount() != 1 {
		t.Errorf("the second call: %v\n%s", again.End, timeline(p))
	}
}
