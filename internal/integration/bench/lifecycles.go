package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/retrysafe/retrysafe/store"
)

// measureLifecycles compares how many operations many callers bring through a
// store with how many like rows can be inserted at all.
func (b *bench) measureLifecycles(ctx context.Context) (err error) {
	d, err := b.database(ctx, b.present)
	if err != nil {
		return err
	}
	p, err := b.plain(ctx, b.present, d.sample)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	all := []*load{
		{name: "plain inserts, 64 a commit", callers: 1, each: rowsTogether, do: func(int) error { return p.insertTogether(ctx, b.newID) }},
		{name: "claim and complete", callers: b.many, do: func(int) error { return b.lifecycle(ctx, d.store, &d.sample, false) }},
		{name: "claim and lazy complete", callers: b.many, do: func(int) error { return b.lifecycle(ctx, d.store, &d.sample, true) }},
	}
	if err := phasesInTurn(ctx, b.phases, b.phase, all...); err != nil {
		return err
	}
	t := table{name: "lifecycles", header: []string{"what", "callers", "phase", "a second"}}
	for phase := range b.phases {
		for _, l := range all {
			t.add(l.name, fmt.Sprint(l.callers), fmt.Sprint(phase+1), whole(l.rates[phase]))
		}
	}
	got := all[1].perSecond() / all[0].perSecond()
	b.judge(fmt.Sprintf("%d callers, %d records present, SQLite", b.many, b.present), "0.35 x plain inserts, 64 a commit",
		fmt.Sprintf("%s x (%s of %s a second; lazy completions %s)", ratio(got), whole(all[1].perSecond()), whole(all[0].perSecond()), whole(all[2].perSecond())), got >= 0.35)
	return b.publish(t)
}

// lifecycle claims an operation like the sample and completes it as that was.
func (b *bench) lifecycle(ctx context.Context, s store.Store, sample *store.Record, lazy bool) error {
	token, err := b.claim(ctx, s, sample)
	if err != nil {
		return err
	}
	done, err := s.Complete(ctx, token, store.Completion{State: store.StateSucceeded, Result: sample.Result, Lazy: lazy})
	if err == nil && done.Status != store.CompleteDone {
		err = fmt.Errorf("the completion is %v", done.Status)
	}
	return err
}

// claim claims an operation that is new.
func (b *bench) claim(ctx context.Context, s store.Store, sample *store.Record) (store.Token, error) {
	claim := claimOf(*sample)
	claim.Name.ID = b.newID()
	grant, err := s.Claim(ctx, claim)
	if err == nil && grant.Status != store.ClaimAcquired {
		err = fmt.Errorf("the claim is %v", grant.Status)
	}
	return grant.Record.Token(), err
}
