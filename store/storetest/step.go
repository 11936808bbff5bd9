package storetest

import (
	"context"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// step is one move on one operation: as a store makes it, and as the rule says
// that it is.
type step struct {
	text string
	name store.Name
	ask  func(context.Context, store.Store) (answer, error)
	// rule changes a record, without its trail, to which it adds.
	rule func(*store.Record, time.Time) (answer, error)
}

// answer is what any of the moves can return.
type answer struct {
	Status string
	Record store.Record // zero if the move does not promise it
	From   store.State
	Reason store.Reason
	Doubt  time.Time
	Now    time.Time
}

func beginStep(i store.Intent) step {
	return step{"begin", i.Name, func(ctx context.Context, s store.Store) (answer, error) {
		b, err := s.Begin(ctx, i)
		return answer{Status: b.Status.String(), Record: b.Record}, err
	}, func(r *store.Record, now time.Time) (answer, error) {
		status, err := i.Apply(r, now)
		return answer{Status: status.String(), Record: *r}, err
	}}
}

func claimStep(c store.Claim) step {
	granted := func(g store.Grant) answer {
		return answer{g.Status.String(), g.Record, g.From, g.Reason, g.Doubt, g.Now}
	}
	return step{"claim to " + c.Mode.String(), c.Name, func(ctx context.Context, s store.Store) (answer, error) {
		g, err := s.Claim(ctx, c)
		return granted(g), err
	}, func(r *store.Record, now time.Time) (answer, error) {
		g, err := c.Apply(r, now)
		g.Record.Trail = nil
		return granted(g), err
	}}
}

func completeStep(t store.Token, c store.Completion) step {
	return step{"complete as " + c.State.String(), t.Name, func(ctx context.Context, s store.Store) (answer, error) {
		done, err := s.Complete(ctx, t, c)
		return answer{Status: done.Status.String(), Record: done.Record}, err
	}, func(r *store.Record, now time.Time) (answer, error) {
		status, err := c.Apply(r, t, now)
		return answer{Status: status.String(), Record: *r}, err
	}}
}

func held(ok bool) string {
	if ok {
		return "held"
	}
	return "not held"
}

func renewStep(t store.Token, lease time.Duration) step {
	return step{"renew", t.Name, func(ctx context.Context, s store.Store) (answer, error) {
		ok, err := s.Renew(ctx, lease, []store.Token{t})
		return answer{Status: held(err == nil && len(ok) == 1 && ok[0])}, err
	}, func(r *store.Record, now time.Time) (answer, error) {
		if err := store.CheckRenewal(lease, []store.Token{t}); err != nil {
			return answer{}, err
		}
		return answer{Status: held(r.Renew(t, lease, now))}, nil
	}}
}

func noticeStep(n store.Notice) step {
	return step{"notice", n.Name, func(ctx context.Context, s store.Store) (answer, error) {
		ok, r, err := s.(store.Notifier).Notice(ctx, n)
		if !ok {
			r = store.Record{}
		}
		return answer{Status: held(ok), Record: r}, err
	}, func(r *store.Record, now time.Time) (answer, error) {
		if err := n.Check(); err != nil {
			return answer{}, err
		}
		if !n.Apply(r, now) {
			return answer{Status: held(false)}, nil
		}
		return answer{Status: held(true), Record: *r}, nil
	}}
}

func resolveStep(d store.Resolution) step {
	return step{"resolve as " + d.State.String(), d.Name, func(ctx context.Context, s store.Store) (answer, error) {
		done, err := s.(store.Admin).Resolve(ctx, d)
		return answer{Status: done.Status.String(), Record: done.Record}, err
	}, func(r *store.Record, now time.Time) (answer, error) {
		status, err := d.Apply(r, now)
		return answer{Status: status.String(), Record: *r}, err
	}}
}

func reopenStep(o store.Reopening) step {
	return step{"reopen", o.Name, func(ctx context.Context, s store.Store) (answer, error) {
		done, err := s.(store.Admin).Reopen(ctx, o)
		return answer{Status: done.Status.String(), Record: done.Record}, err
	}, func(r *store.Record, now time.Time) (answer, error) {
		status, err := o.Apply(r, now)
		return answer{Status: status.String(), Record: *r}, err
	}}
}

// purgeRule is the rule of Purge for one record: it becomes a tombstone, or
// absent.
func purgeRule(r *store.Record, forget time.Duration, now time.Time) store.Purged {
	switch {
	case r.Purge(now):
		return store.Purged{Emptied: 1}
	case r.Purged && forget > 0 && !r.Updated.Add(forget).After(now):
		*r = store.Record{}
		return store.Purged{Forgotten: 1}
	}
	return store.Purged{}
}
