package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// Begin writes down an operation for a runner to do.
func (s *Store) Begin(ctx context.Context, intent store.Intent) (begun store.Begun, err error) {
	intent.Request = bytes.Clone(intent.Request)
	err = s.do(ctx, &move{size: len(intent.Request), slow: func(t *tx) error {
		begun, err = t.begin(intent)
		return err
	}})
	return answer(begun, err)
}

// Claim asks to hold an operation. What needs no write is answered by one read.
func (s *Store) Claim(ctx context.Context, claim store.Claim) (store.Grant, error) {
	start := s.clock.Now()
	f, err := s.look(ctx, claim.Name)
	if err != nil {
		return store.Grant{}, err
	}
	before := f.record
	claim.Request = bytes.Clone(claim.Request)
	now := s.clock.Now()
	grant, err := aged(claim, now.Sub(start)).Apply(&f.record, now)
	if err != nil || grant.Status != store.ClaimAcquired && f.record.State == before.State {
		return answer(grant, err)
	}
	m := &move{size: len(claim.Request)}
	if before.State == store.StateAbsent {
		m.fast = func(t *tx) (bool, error) {
			whole(&f.record)
			grant.Record = f.record
			return t.insert(claim.Name.Sum(), &f.record)
		}
	}
	m.slow = func(t *tx) (err error) {
		grant, err = t.claim(aged(claim, s.clock.Now().Sub(start)))
		return err
	}
	err = s.do(ctx, m)
	if err == nil && grant.Status == store.ClaimAcquired {
		s.grants.put(claim.Name.Sum(), &grant.Record)
	}
	return answer(grant, err)
}

// aged adds to a claim the time that it spent in the store.
func aged(claim store.Claim, by time.Duration) *store.Claim {
	if claim.Age >= 0 {
		claim.Age += by
	}
	return &claim
}

// Complete says how a claim ended.
func (s *Store) Complete(ctx context.Context, token store.Token, completion store.Completion) (completed store.Completed, err error) {
	before, err := s.held(ctx, token)
	if err != nil {
		return store.Completed{}, err
	}
	after := before
	completion.Result = bytes.Clone(completion.Result)
	status, err := completion.Apply(&after, token, s.clock.Now())
	if errors.Is(err, store.ErrInvalid) {
		return store.Completed{}, err
	}
	m := &move{size: len(completion.Result), lazy: completion.Lazy}
	if err == nil && before.State == store.StateInFlight && after.State != store.StateInFlight && after.Trail == nil && len(completion.Result) <= maxInline {
		m.fast = func(t *tx) (bool, error) {
			whole(&after)
			completed = store.Completed{Status: status, Record: after}
			return t.complete(token.Name.Sum(), &before, &after)
		}
	}
	m.slow = func(t *tx) (err error) {
		completed, err = t.finish(token, completion)
		return err
	}
	err = s.do(ctx, m)
	return answer(completed, err)
}

// held returns the record that a token is of, from memory if it was claimed
// through this store and has not been completed since.
func (s *Store) held(ctx context.Context, token store.Token) (store.Record, error) {
	if r, ok := s.grants.take(token.Name.Sum(), token); ok {
		return r, nil
	}
	f, err := s.look(ctx, token.Name)
	return f.record, err
}

// Renew renews the leases that the tokens hold.
func (s *Store) Renew(ctx context.Context, lease time.Duration, tokens []store.Token) ([]bool, error) {
	if err := store.CheckRenewal(lease, tokens); err != nil {
		return nil, err
	}
	held := make([]bool, len(tokens))
	err := s.do(ctx, &move{lazy: true, slow: func(t *tx) (err error) {
		for i, token := range tokens {
			if held[i], err = t.renew(token, lease); err != nil {
				return err
			}
		}
		return nil
	}})
	return answer(held, err)
}

// answer is a method's result, which is nothing beside an error.
func answer[T any](result T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}

func (t *tx) begin(intent store.Intent) (begun store.Begun, err error) {
	begun.Record, err = t.move(intent.Name, func(r *store.Record, now time.Time) (err error) {
		begun.Status, err = intent.Apply(r, now)
		return err
	})
	return begun, err
}

func (t *tx) claim(claim *store.Claim) (grant store.Grant, err error) {
	record, err := t.move(claim.Name, func(r *store.Record, now time.Time) (err error) {
		grant, err = claim.Apply(r, now)
		return err
	})
	grant.Record, grant.Record.Trail = record, nil
	return grant, err
}

func (t *tx) finish(token store.Token, completion store.Completion) (completed store.Completed, err error) {
	completed.Record, err = t.move(token.Name, func(r *store.Record, now time.Time) (err error) {
		completed.Status, err = completion.Apply(r, token, now)
		return err
	})
	return completed, err
}

func (t *tx) renew(token store.Token, lease time.Duration) (bool, error) {
	sum := token.Name.Sum()
	until := t.store.clock.Now().Add(lease).UnixMicro()
	res, err := t.session.renew.ExecContext(background(), until, until, sum[:], token.Nonce[:], token.Fence, token.Fence)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
