//go:build unix

package crash_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

func TestTwoProcessesThatCallAtOnceSendOnceAndAreToldTheSame(t *testing.T) {
	t.Parallel()
	s := newScene(t, isSlow, window)
	s.plan.IDs = nil
	for n := range 50 {
		s.plan.IDs = append(s.plan.IDs, fmt.Sprint("order-", n))
	}
	p := s.with(byDo)
	p.Start = time.Now().Add(500 * time.Millisecond)
	children := []*child{s.start(p), s.start(p)}
	for _, c := range children {
		c.finished()
	}
	r := s.recoverer()
	for _, id := range p.IDs {
		what := s.toldOf(id)
		if len(what) != len(children) || what[0].Value == "" || !what[0].same(&what[1]) || what[0].outcome() != retrysafe.Applied {
			t.Errorf("%s: told %+v", id, what)
		}
		r.consistent(id)
	}
	if n := s.provider.sent(http.MethodPost); n != len(p.IDs) {
		t.Errorf("%d requests for %d operations", n, len(p.IDs))
	}
}
