//go:build unix

package crash_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// forgetful is a provider's retention: a request after it would be a second
// effect.
const forgetful = time.Second

func TestAfterTheWindowNothingIsSentAgainAndTheProviderIsAskedOnce(t *testing.T) {
	for _, asksFirst := range []bool{false, true} {
		name := "a runner finds it"
		if asksFirst {
			name = "the application calls, then a runner finds it"
		}
		subtest(t, name, func(t *testing.T) {
			s := newScene(t, accepts, forgetful)
			s.plan.Lease, s.plan.AttemptTimeout = forgetful/2, forgetful/3
			s.dies(s.with(byDo), "after effect", 1)
			time.Sleep(forgetful + 100*time.Millisecond)
			r := s.recoverer()
			if asksFirst {
				if what := r.do(context.Background(), order); what.outcome() != retrysafe.Unknown {
					t.Errorf("told %+v, want unknown", what)
				}
			}
			report, err := r.client.Resume(context.Background(), r.handler())
			if err != nil || report.Reconciled != 1 || report.Applied != 1 || report.Resent != 0 || report.Told != 1 {
				t.Errorf("%+v %v", report, err)
			}
			if sent, asked := s.provider.sent(http.MethodPost), s.provider.sent(http.MethodGet); sent != 1 || asked != 1 {
				t.Errorf("sent %d times, asked %d times, want once each\n%s", sent, asked, s.provider.Timeline(""))
			}
			r.passes()
			r.settled(order)
			r.consistent(order)
		})
	}
}

// TestWhatTheProviderNeverSawIsBegunAgainByItsRunner is a runner's operation
// whose request was lost: after the window the provider proves that it did not
// run, so it may be sent once more.
func TestWhatTheProviderNeverSawIsBegunAgainByItsRunner(t *testing.T) {
	t.Parallel()
	s := newScene(t, accepts, forgetful)
	s.plan.Lease, s.plan.AttemptTimeout = forgetful/2, forgetful/3
	s.dies(s.with(byRunner), "before effect", 1)
	time.Sleep(forgetful + 100*time.Millisecond)
	r := s.recoverer()
	report, err := r.client.Resume(context.Background(), r.handler())
	if err != nil || report.Reconciled != 1 || report.Pending != 1 || report.Resent != 0 {
		t.Errorf("%+v %v", report, err)
	}
	r.passes()
	if sent, asked := s.provider.sent(http.MethodPost), s.provider.sent(http.MethodGet); sent != 1 || asked != 1 {
		t.Errorf("sent %d times, asked %d times, want once each", sent, asked)
	}
	r.settled(order)
	r.consistent(order)
}
