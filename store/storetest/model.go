package storetest

import (
	"errors"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// model is what a store should hold: the pure moves on a map. It does not have
// the store's clock, so it applies each rule at a moment before the store's
// move and at one after it; the store must agree with either.
type model struct {
	*scene
	records map[store.Name]store.Record
}

func newModel(s *scene) *model { return &model{s, make(map[store.Name]store.Record)} }

// do makes a step, compares, and goes on from what the store holds.
func (m *model) do(p step) answer {
	m.Helper()
	old := m.records[p.name]
	before := m.now()
	got, err := p.ask(m.ctx, m.Store)
	after := m.now()
	stored := m.read(p.name)
	early := m.differs(p, old, before, slack{0, after.Sub(before)}, got, err, stored)
	late := m.differs(p, old, after, slack{before.Sub(after), 0}, got, err, stored)
	if early != "" && late != "" {
		m.Errorf("%s of what was %s: %s", p.text, old.State, early)
	}
	m.records[p.name] = stored
	return got
}

// differs returns how a step differs from its rule at a time.
func (m *model) differs(p step, old store.Record, at time.Time, k slack, got answer, err error, stored store.Record) string {
	r := old
	r.Trail = nil
	want, wantErr := p.rule(&r, at)
	if class(err) != class(wantErr) {
		return "error " + text(err) + ", want " + text(wantErr)
	}
	if wantErr != nil {
		return k.records(stored, old)
	}
	if diff := k.answers(got, want); diff != "" {
		return diff
	}
	return m.kept(k, stored, old, r)
}

// kept returns how a stored record differs from the rule's. Its trail is the
// old one and what the move added, unless that was noted before or is too much.
func (m *model) kept(k slack, stored, old, want store.Record) string {
	trail, added := stored.Trail, want.Trail
	if len(trail) < len(old.Trail) || !(slack{}).trails(trail[:len(old.Trail)], old.Trail) {
		return "the trail was changed"
	}
	stored.Trail, want.Trail = nil, nil
	if diff := k.records(stored, want); diff != "" {
		return "afterwards " + diff
	}
	if rest := trail[len(old.Trail):]; len(rest) > 0 && !k.trails(rest, added) {
		return "the trail got other entries"
	} else if len(rest) == 0 && len(added) > 0 && !noted(old.Trail, added) {
		return "the trail got no entry"
	}
	return ""
}

// noted reports whether a store may leave out what a move adds to a trail.
func noted(trail, added []store.Entry) bool {
	if len(trail) >= store.MaxTrail {
		return added[0].Actor == ""
	}
	for _, e := range trail {
		if e.Fence == added[0].Fence && tells(e, added[0]) {
			return true
		}
	}
	return false
}

func text(err error) string {
	if err == nil {
		return "none"
	}
	return err.Error()
}

// read returns the record of a name, a zero one if there is none.
func (m *model) read(n store.Name) store.Record {
	m.Helper()
	r, err := m.Store.Get(m.ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}
	}
	m.must(err)
	return r
}

// untouched fails the test if a record is not as the model has it.
func (m *model) untouched() {
	m.Helper()
	for n, want := range m.records {
		if diff := (slack{}).records(m.read(n), want); diff != "" {
			m.Errorf("a record changed by itself: %s", diff)
		}
	}
}

// purge purges everything that may be, and compares.
func (m *model) purge(forget time.Duration) {
	m.Helper()
	before := m.now()
	got, err := m.Store.(store.Admin).Purge(m.ctx, store.PurgeLimits{Limit: 1 << 20, Forget: forget})
	after := m.now()
	m.must(err)
	var counted store.Purged
	for n, old := range m.records {
		stored := m.read(n)
		early, done := m.purged(old, stored, forget, before, slack{0, after.Sub(before)})
		if early != "" {
			var late string
			if late, done = m.purged(old, stored, forget, after, slack{before.Sub(after), 0}); late != "" {
				m.Errorf("purge of what was %s: %s", old.State, early)
			}
		}
		counted.Emptied += done.Emptied
		counted.Forgotten += done.Forgotten
		m.records[n] = stored
	}
	if got != counted {
		m.Errorf("a purge says %+v, and did %+v", got, counted)
	}
}

func (m *model) purged(old, stored store.Record, forget time.Duration, at time.Time, k slack) (string, store.Purged) {
	r := old
	done := purgeRule(&r, forget, at)
	return k.records(stored, r), done
}
