package storetest

import (
	"context"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

func refusals() []one {
	return []one{
		{"what cannot be is refused", invalidMoves},
		{"filters without a limit are refused", invalidFilters},
		{"a call whose context has ended makes no move", cancelled},
	}
}

func invalidMoves(s *scene) {
	huge := make([]byte, store.MaxBytes+1)
	m := newModel(s)
	held := s.intent()
	token := s.take(s.call(held))
	m.records[held.Name] = m.read(held.Name)
	for what, change := range map[string]func(*store.Claim){
		"no kind":            func(c *store.Claim) { c.Kind = "" },
		"no ID":              func(c *store.Claim) { c.ID = "" },
		"a long scope":       func(c *store.Claim) { c.Scope = strings.Repeat("x", store.MaxNameLength+1) },
		"a long kind":        func(c *store.Claim) { c.Kind = strings.Repeat("x", store.MaxNameLength+1) },
		"a long ID":          func(c *store.Claim) { c.ID = strings.Repeat("x", store.MaxNameLength+1) },
		"a long owner":       func(c *store.Claim) { c.Owner = strings.Repeat("x", store.MaxNameLength+1) },
		"a negative window":  func(c *store.Claim) { c.Window = -1 },
		"a negative retain":  func(c *store.Claim) { c.Retain = -1 },
		"no rule of a lapse": func(c *store.Claim) { c.OnLapse = 9 },
		"a negative delay":   func(c *store.Claim) { c.Delay = -1 },
		"a huge request":     func(c *store.Claim) { c.Request = huge },
	} {
		c := s.call(s.intent())
		change(&c)
		_, err := s.Store.Claim(s.ctx, c)
		s.refused("a claim with "+what, err, store.ErrInvalid)
		_, err = s.Store.Begin(s.ctx, c.Intent)
		s.refused("a begin with "+what, err, store.ErrInvalid)
	}
	for what, change := range map[string]func(*store.Claim){
		"no lease":          func(c *store.Claim) { c.Lease = 0 },
		"a negative lease":  func(c *store.Claim) { c.Lease = -1 },
		"no nonce":          func(c *store.Claim) { c.Nonce = store.Nonce{} },
		"an unknown mode":   func(c *store.Claim) { c.Mode = 9 },
		"a negative within": func(c *store.Claim) { c.Within = -1 },
		"a negative age":    func(c *store.Claim) { c.Age = -1 },
		"a negative fence":  func(c *store.Claim) { c.Waited = -1 },
	} {
		c := s.call(s.intent())
		change(&c)
		m.refuses("a claim with "+what, claimStep(c))
	}
	for what, c := range map[string]store.Completion{
		"no state":               {},
		"in flight":              {State: store.StateInFlight},
		"no such state":          {State: 9},
		"a failure, no reason":   {State: store.StateFailed},
		"a cancellation":         {State: store.StateFailed, Reason: store.ReasonCancelled},
		"a success, for reasons": {State: store.StateSucceeded, Reason: store.ReasonRefused},
		"a negative retry":       {State: store.StateUnknown, Retry: -1},
		"a huge result":          {State: store.StateSucceeded, Result: huge},
	} {
		m.refuses("a completion with "+what, completeStep(token, c))
	}
	m.refuses("a completion without nonce", completeStep(store.Token{Name: held.Name, Fence: token.Fence}, success))
	m.refuses("a completion without a name", completeStep(store.Token{Fence: token.Fence, Nonce: token.Nonce}, success))
	m.refuses("a renewal without lease", renewStep(token, 0))
	m.refuses("a renewal with a negative lease", renewStep(token, -time.Hour))
	m.refuses("a renewal without a name", renewStep(store.Token{Nonce: token.Nonce}, s.Unit))
	m.untouched()
}

func (m *model) refuses(what string, p step) {
	m.Helper()
	_, err := p.ask(m.ctx, m.Store)
	m.refused(what, err, store.ErrInvalid)
}

func invalidFilters(s *scene) {
	admin, ok := s.admin()
	if !ok {
		return
	}
	for _, limit := range []int{0, -1} {
		_, err := admin.Due(s.ctx, store.DueFilter{Owner: owner, Others: true, Limit: limit})
		s.refused("what is due", err, store.ErrInvalid)
		_, err = admin.List(s.ctx, store.Filter{Limit: limit})
		s.refused("a list", err, store.ErrInvalid)
		_, err = admin.Purge(s.ctx, store.PurgeLimits{Limit: limit})
		s.refused("a purge", err, store.ErrInvalid)
	}
	_, err := admin.Purge(s.ctx, store.PurgeLimits{Limit: 1, Forget: -1})
	s.refused("a purge of a negative age", err, store.ErrInvalid)
	m, n := newModel(s), s.intent().Name
	for _, d := range []store.Resolution{
		{State: store.StateSucceeded, Evidence: "e"}, {State: store.StateSucceeded, Actor: "jo"},
		{State: store.StateInFlight, Actor: "jo", Evidence: "e"}, {State: store.StateFailed, Actor: "jo", Evidence: "e"},
		{State: store.StatePending, Actor: "jo", Evidence: "e"},
		{State: store.StateFailed, Reason: store.ReasonNotRun, Actor: "jo", Evidence: "e"},
	} {
		d.Name = n
		m.refuses("a decision for "+d.State.String(), resolveStep(d))
	}
	m.refuses("reopening by nobody", reopenStep(store.Reopening{Name: n, Evidence: "e"}))
	m.refuses("reopening without evidence", reopenStep(store.Reopening{Name: n, Actor: "jo"}))
	if _, ok := s.Store.(store.Notifier); ok {
		m.refuses("a notice with a negative wait", noticeStep(store.Notice{Name: n, Again: -1}))
	}
}

func cancelled(s *scene) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	fresh, held := s.intent(), s.intent()
	token := s.take(s.call(held))
	m := newModel(s)
	m.records[fresh.Name], m.records[held.Name] = store.Record{}, m.read(held.Name)
	steps := []step{
		beginStep(fresh), claimStep(s.call(fresh)), completeStep(token, success), renewStep(token, s.units(2*long)),
	}
	if _, ok := s.Store.(store.Notifier); ok {
		steps = append(steps, noticeStep(store.Notice{Name: held.Name}))
	}
	if _, ok := s.Store.(store.Admin); ok {
		steps = append(steps, reopenStep(store.Reopening{Name: held.Name, Actor: "jo", Evidence: "e"}))
	}
	for _, p := range steps {
		_, err := p.ask(ctx, s.Store)
		s.refused(p.text, err, context.Canceled)
	}
	_, err := s.Store.Get(ctx, held.Name)
	s.refused("get", err, context.Canceled)
	m.untouched()
}
