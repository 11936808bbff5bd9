package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// administered returns tests that need an Admin.
func administered(tests map[string]func(*scene, store.Admin)) []one {
	var all []one
	for name, run := range tests {
		all = append(all, one{name, func(s *scene) {
			if admin, ok := s.admin(); ok {
				run(s, admin)
			}
		}})
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Compare(a.name, b.name) })
	return all
}

func dues() []one {
	return administered(map[string]func(*scene, store.Admin){
		"what is due is found, the longest first": dueInOrder,
		"what is not due is not found":            notDue,
		"a runner finds what it can do":           dueForWhom,
	})
}

func (s *scene) due(a store.Admin, f store.DueFilter) []store.DueItem {
	s.Helper()
	items, err := a.Due(s.ctx, f)
	s.must(err)
	return items
}

func dueInOrder(s *scene, a store.Admin) {
	pending, lapsed, unknown, told := s.intent(), s.intent(), s.intent(), s.intent()
	s.complete(s.take(s.call(told)), store.Completion{State: store.StateSucceeded, Notice: true})
	s.complete(s.take(s.call(unknown)), doubt)
	s.take(s.brief(s.call(lapsed)))
	s.lapse()
	s.begin(pending)
	filter := store.DueFilter{Owner: owner, Kinds: []string{kind}, Limit: 10}
	var names, states []string
	for _, d := range s.due(a, filter) {
		names, states = append(names, d.ID), append(states, d.State.String())
		r := s.get(d.Name)
		same(s, "since", d.Since, r.Due())
		same(s, "fence", d.Fence, r.Fence)
		same(s, "passes", d.Passes, r.Passes)
	}
	same(s, "what is due", fmt.Sprint(names), fmt.Sprint([]string{told.ID, unknown.ID, lapsed.ID, pending.ID}))
	same(s, "the states", fmt.Sprint(states), "[succeeded unknown in flight pending]")
	for limit := 1; limit <= 5; limit++ {
		filter.Limit = limit
		items := s.due(a, filter)
		same(s, fmt.Sprintf("how many of at most %d", limit), len(items), min(limit, 4))
		if len(items) > 0 {
			same(s, "the first", items[0].ID, told.ID)
		}
	}
}

func notDue(s *scene, a store.Admin) {
	later := s.intent()
	later.Delay = s.units(long)
	s.begin(later)
	s.take(s.call(s.intent()))
	s.complete(s.take(s.call(s.intent())), success)
	s.complete(s.take(s.call(s.intent())), refusal)
	s.complete(s.take(s.call(s.intent())), store.Completion{State: store.StateUnknown, Retry: s.units(long)})
	if _, ok := s.Store.(store.Notifier); ok {
		i := s.intent()
		s.complete(s.take(s.call(i)), store.Completion{State: store.StateSucceeded, Notice: true})
		s.notice(s.get(i.Name), s.units(long), true)
	}
	if items := s.due(a, store.DueFilter{Owner: owner, Kinds: []string{kind}, Limit: 10}); len(items) != 0 {
		s.Errorf("due is %v, want nothing", items)
	}
}

func dueForWhom(s *scene, a store.Admin) {
	for n, of := range []struct{ owner, kind, scope string }{
		{"a", "x", "s"}, {"a", "y", "s"}, {"a", "y", ""}, {"a", "z", "s"}, {"b", "x", "s"}, {"", "x", "s"}, {"A", "x", "s"}, {"a\x00", "x", "s"},
	} {
		i := s.intent()
		i.Owner, i.Kind, i.Scope, i.ID = of.owner, of.kind, of.scope, fmt.Sprint(n)
		s.begin(i)
	}
	for _, c := range []struct {
		filter store.DueFilter
		want   string
	}{
		{store.DueFilter{Owner: "a", Kinds: []string{"x"}}, "0"},
		{store.DueFilter{Owner: "a", Kinds: []string{"x", "y"}}, "0 1 2"},
		{store.DueFilter{Owner: "a", Kinds: []string{"x"}, Others: true}, "1 2 3"},
		{store.DueFilter{Owner: "a", Kinds: []string{"x", "y", "z"}, Others: true}, ""},
		{store.DueFilter{Owner: "a", Others: true}, "0 1 2 3"},
		{store.DueFilter{Owner: "a"}, ""},
		{store.DueFilter{Kinds: []string{"x", "y"}}, "5"},
		{store.DueFilter{Owner: "a\x00", Others: true}, "7"},
		{store.DueFilter{Owner: "c", Others: true}, ""},
	} {
		c.filter.Limit = 100
		var ids []string
		for _, d := range s.due(a, c.filter) {
			ids = append(ids, d.ID)
		}
		same(s, fmt.Sprintf("due for %+v", c.filter), strings.Join(ids, " "), c.want)
	}
}

func lists() []one {
	return administered(map[string]func(*scene, store.Admin){
		"a list comes in pages, in order, each record once": listPages,
		"a list is filtered": listFiltered,
	})
}

func (s *scene) list(a store.Admin, f store.Filter) []store.Record {
	s.Helper()
	records, err := a.List(s.ctx, f)
	s.must(err)
	return records
}

func listPages(s *scene, a store.Admin) {
	m := newModel(s)
	for range 25 {
		i := s.intent()
		s.complete(s.take(s.call(i)), success)
		m.records[i.Name] = m.read(i.Name)
	}
	for _, limit := range []int{1, 7, 25, 26, 1000} {
		var all []store.Record
		filter := store.Filter{Limit: limit}
		for range 30 {
			page := s.list(a, filter)
			if all = append(all, page...); len(page) < limit {
				break
			}
			filter.After = page[limit-1].Name
		}
		same(s, fmt.Sprintf("records in pages of %d", limit), len(all), 25)
		if !slices.IsSortedFunc(all, func(x, y store.Record) int {
			a, b := x.Name.Sum(), y.Name.Sum()
			return bytes.Compare(a[:], b[:])
		}) {
			s.Errorf("pages of %d are out of order", limit)
		}
		for _, r := range all {
			want := m.records[r.Name]
			want.Request, want.Result, want.Trail = nil, nil, nil
			if diff := (slack{}).records(r, want); diff != "" {
				s.Fatalf("in a list %s", diff)
			}
		}
	}
}

func listFiltered(s *scene, a store.Admin) {
	pending, succeeded, elsewhere, other := s.intent(), s.intent(), s.intent(), s.intent()
	elsewhere.Scope, other.Kind = "another", "payout"
	s.begin(pending)
	s.complete(s.take(s.call(succeeded)), success)
	s.begin(elsewhere)
	between := s.now()
	s.begin(other)
	for _, c := range []struct {
		filter store.Filter
		want   []store.Intent
	}{
		{store.Filter{}, []store.Intent{pending, succeeded, elsewhere, other}},
		{store.Filter{Scope: "another"}, []store.Intent{elsewhere}},
		{store.Filter{Kind: kind}, []store.Intent{pending, succeeded, elsewhere}},
		{store.Filter{Scope: scope, Kind: kind}, []store.Intent{pending, succeeded}},
		{store.Filter{State: store.StateSucceeded}, []store.Intent{succeeded}},
		{store.Filter{State: store.StateUnknown}, nil},
		{store.Filter{Before: between, State: store.StatePending}, []store.Intent{pending, elsewhere}},
		{store.Filter{Scope: "nobody"}, nil},
	} {
		c.filter.Limit = 100
		got, want := []string{}, []string{}
		for _, r := range s.list(a, c.filter) {
			got = append(got, r.ID)
		}
		for _, i := range c.want {
			want = append(want, i.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		same(s, fmt.Sprintf("records of %+v", c.filter), fmt.Sprint(got), fmt.Sprint(want))
	}
}

func purges() []one {
	return administered(map[string]func(*scene, store.Admin){
		"nothing unfinished is purged":             nothingUnfinished,
		"a purge comes after the retention":        purgeInTime,
		"a purge is limited":                       purgeLimited,
		"a tombstone answers":                      tombstoneAnswers,
		"a tombstone is forgotten when it is old":  forgotten,
		"nothing is purged while a notice is due":  noticeBeforePurge,
		"a tombstone that is begun again is alive": tombstoneBegunAgain,
	})
}

func (s *scene) purge(a store.Admin, limit int, forget time.Duration) store.Purged {
	s.Helper()
	p, err := a.Purge(s.ctx, store.PurgeLimits{Limit: limit, Forget: forget})
	s.must(err)
	return p
}

// nothingUnfinished waits for ten years where they pass at once.
func nothingUnfinished(s *scene, a store.Admin) {
	var kept []store.Name
	for _, from := range states()[1:] {
		p := place{Intent: s.intent()}
		p.Retain = 1
		from.make(s, &p)
		if r := s.get(p.Name); r.Outcome() == store.Unknown || !r.Notice.IsZero() {
			kept = append(kept, p.Name)
		}
	}
	years := s.units(short + 1)
	if s.Leaps {
		years = 10 * 365 * 24 * time.Hour
	}
	s.Advance(years)
	for range 3 {
		s.purge(a, 1000, 1)
		s.Advance(s.Unit)
	}
	for _, n := range kept {
		if r := s.get(n); r.Purged {
			s.Errorf("what is %s was purged", r.State)
		}
	}
	same(s, "records that are left", len(s.list(a, store.Filter{Limit: 1000})), len(kept))
}

// settled returns an operation that is settled and kept for so long.
func (s *scene) settled(retain time.Duration, c store.Completion) (store.Intent, store.Token) {
	s.Helper()
	i := s.intent()
	i.Retain = retain
	token := s.take(s.call(i))
	s.complete(token, c)
	return i, token
}

func purgeInTime(s *scene, a store.Admin) {
	early, _ := s.settled(s.units(long), success)
	now, _ := s.settled(s.units(short), success)
	never, _ := s.settled(0, success)
	same(s, "a purge before the time", s.purge(a, 100, 0), store.Purged{})
	s.lapse()
	same(s, "a purge after the time", s.purge(a, 100, 0), store.Purged{Emptied: 1})
	same(s, "a purge again", s.purge(a, 100, 0), store.Purged{})
	for i, want := range map[string]bool{early.ID: false, now.ID: true, never.ID: false} {
		same(s, "purged", s.get(store.Name{Scope: scope, Kind: kind, ID: i}).Purged, want)
	}
}

func purgeLimited(s *scene, a store.Admin) {
	for range 10 {
		s.settled(1, success)
	}
	s.Advance(s.Unit)
	same(s, "a purge of at most 4", s.purge(a, 4, 0), store.Purged{Emptied: 4})
	same(s, "the next", s.purge(a, 4, 0), store.Purged{Emptied: 4})
	same(s, "the last", s.purge(a, 4, 0), store.Purged{Emptied: 2})
	s.Advance(s.units(2))
	same(s, "removing at most 7", s.purge(a, 7, s.Unit), store.Purged{Forgotten: 7})
	same(s, "the rest", s.purge(a, 7, s.Unit), store.Purged{Forgotten: 3})
	same(s, "records that are left", len(s.list(a, store.Filter{Limit: 100})), 0)
}

func tombstoneAnswers(s *scene, a store.Admin) {
	good, goodToken := s.settled(1, success)
	bad, badToken := s.settled(1, refusal)
	s.Advance(s.Unit)
	same(s, "a purge", s.purge(a, 100, 0), store.Purged{Emptied: 2})
	for i, want := range map[*store.Intent]store.State{&good: store.StateSucceeded, &bad: store.StateFailed} {
		g := s.claim(s.call(*i))
		same(s, "a claim", g.Status, store.ClaimSettled)
		same(s, "the state", g.Record.State, want)
		same(s, "purged", g.Record.Purged, true)
		same(s, "bytes left", len(g.Record.Request)+len(g.Record.Result), 0)
		same(s, "a begin", s.begin(*i).Status, store.BeginExists)
		same(s, "another intent", s.claim(s.call(s.other(*i))).Status, store.ClaimMismatched)
		fence := s.get(i.Name).Fence
		done, err := a.Reopen(s.ctx, store.Reopening{Name: i.Name, Fence: fence, Actor: "jo", Evidence: "e"})
		s.refused(fmt.Sprintf("reopening it (%s)", done.Status), err, store.ErrIllegal)
	}
	same(s, "a completion as it was", s.complete(goodToken, success).Status, store.CompleteRepeated)
	same(s, "another", s.complete(badToken, success).Status, store.CompleteContradicted)
	same(s, "bytes left", len(s.get(good.Name).Result), 0)
}

func forgotten(s *scene, a store.Admin) {
	i, old := s.settled(1, success)
	fence := old.Fence
	s.Advance(s.Unit)
	same(s, "a purge", s.purge(a, 100, s.units(short)), store.Purged{Emptied: 1})
	same(s, "a purge before the age", s.purge(a, 100, s.units(long)), store.Purged{})
	s.lapse()
	same(s, "a purge without an age", s.purge(a, 100, 0), store.Purged{})
	same(s, "a purge after the age", s.purge(a, 100, s.units(short)), store.Purged{Forgotten: 1})
	_, err := s.Store.Get(s.ctx, i.Name)
	s.refused("reading it", err, store.ErrNotFound)
	same(s, "a completion", s.complete(old, success).Status, store.CompleteAbsent)
	g := s.claim(s.call(i))
	same(s, "a claim", g.Status, store.ClaimAcquired)
	if g.Record.Fence <= fence {
		s.Errorf("fence %d after %d of what was forgotten", g.Record.Fence, fence)
	}
	same(s, "its trail", len(s.get(i.Name).Trail), 0)
	same(s, "a completion by the old token", s.complete(old, refusal).Status, store.CompleteLost)
}

func noticeBeforePurge(s *scene, a store.Admin) {
	i, _ := s.settled(1, store.Completion{State: store.StateSucceeded, Notice: true})
	s.lapse()
	same(s, "a purge", s.purge(a, 100, 0), store.Purged{})
	if _, ok := s.Store.(store.Notifier); !ok {
		return
	}
	s.notice(s.get(i.Name), 0, true)
	same(s, "a purge after the notice", s.purge(a, 100, 0), store.Purged{Emptied: 1})
}

func tombstoneBegunAgain(s *scene, a store.Admin) {
	i, _ := s.settled(1, notRun)
	j, _ := s.settled(1, notRun)
	s.Advance(s.Unit)
	same(s, "a purge", s.purge(a, 100, 0), store.Purged{Emptied: 2})
	m := newModel(s)
	m.records[i.Name], m.records[j.Name] = m.read(i.Name), m.read(j.Name)
	m.do(beginStep(i))
	m.do(claimStep(s.call(j)))
	s.Advance(s.Unit)
	same(s, "a purge of what is alive", s.purge(a, 100, 1), store.Purged{})
	m.untouched()
}
