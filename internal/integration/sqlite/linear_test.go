package sqlite_test

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/retrysafe/retrysafe/store"
)

// call is one call of a history: the move, and of whose claim.
type call struct {
	do         string
	name       store.Name
	claim      store.Claim
	intent     store.Intent
	token      store.Token
	completion store.Completion
}

// reply is what a caller saw of its answer.
type reply struct {
	status string
	state  store.State
	reason store.Reason
	fence  int64 // of a claim that was acquired
}

// ask makes a call, and returns the token of a claim that was acquired.
func (c *call) ask(ctx context.Context, s store.Store) (reply, store.Token, error) {
	switch c.do {
	case "begin":
		b, err := s.Begin(ctx, c.intent)
		return reply{b.Status.String(), b.Record.State, b.Record.Reason, 0}, store.Token{}, err
	case "claim":
		g, err := s.Claim(ctx, c.claim)
		got := reply{g.Status.String(), g.Record.State, g.Record.Reason, 0}
		if g.Status == store.ClaimAcquired {
			got.fence = g.Record.Fence
		}
		return got, g.Record.Token(), err
	case "renew":
		held, err := s.Renew(ctx, time.Hour, []store.Token{c.token})
		return reply{status: word(err == nil && held[0])}, store.Token{}, err
	default:
		done, err := s.Complete(ctx, c.token, c.completion)
		return reply{done.Status.String(), done.Record.State, done.Record.Reason, 0}, store.Token{}, err
	}
}

func word(held bool) string {
	if held {
		return "held"
	}
	return "not held"
}

// still is the model's time: leases are long, so no move's answer depends on
// when it was made.
var still = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// rule makes a call on a record by the pure moves. Fences are the store's, and
// must rise.
func (c *call) rule(r store.Record, got reply) (bool, store.Record) {
	want, before := reply{fence: got.fence}, r.Fence
	switch c.do {
	case "begin":
		s, _ := c.intent.Apply(&r, still)
		want.status = s.String()
	case "claim":
		g, _ := c.claim.Apply(&r, still)
		if want.status = g.Status.String(); g.Status == store.ClaimAcquired {
			r.Fence = got.fence
		}
	case "renew":
		return got.status == word(r.Renew(c.token, time.Hour, still)), r
	default:
		s, _ := c.completion.Apply(&r, c.token, still)
		want.status = s.String()
	}
	r.Trail = nil
	want.state, want.reason = r.State, r.Reason
	return got == want && (got.fence == 0 || got.fence > before), r
}

// linear is the model of operations, each by itself.
var linear = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := make(map[store.Name][]porcupine.Operation)
		for _, op := range history {
			name := op.Input.(*call).name
			by[name] = append(by[name], op)
		}
		return slices.Collect(maps.Values(by))
	},
	Init: func() any { return store.Record{} },
	Step: func(state, input, output any) (bool, any) {
		return input.(*call).rule(state.(store.Record), output.(reply))
	},
	Equal: func(a, b any) bool { return reflect.DeepEqual(a, b) },
}

// client makes random calls, with the tokens that it was given so far.
type client struct {
	id     int
	random *rand.Rand
	store  store.Store
	tokens map[store.Name][]store.Token
}

const (
	linearNames   = 3
	linearClients = 6
	linearCalls   = 40
)

func (c *client) next() *call {
	name := order(c.random.Int64N(linearNames))
	next := &call{name: name, claim: claimOf(name)}
	next.claim.Lease = time.Hour
	next.intent = next.claim.Intent
	if c.random.IntN(8) == 0 {
		next.intent.Fingerprint[0], next.claim.Fingerprint[0] = 1, 1
	}
	tokens := c.tokens[name]
	switch n := c.random.IntN(10); {
	case n == 0:
		next.do = "begin"
	case n < 5 || len(tokens) == 0:
		next.do = "claim"
		next.claim.Mode = []store.Mode{store.ModeCall, store.ModeCall, store.ModeReconcile, store.ModeSweep}[c.random.IntN(4)]
	default:
		next.do, next.token = []string{"renew", "complete", "complete"}[n%3], tokens[c.random.IntN(len(tokens))]
		next.completion = []store.Completion{
			{State: store.StateUnknown, Resend: true}, {State: store.StateUnknown}, {State: store.StateUnknown, Abandoned: true},
			{State: store.StateSucceeded, Partial: true}, {State: store.StateSucceeded, Result: []byte("answer"), Lazy: true},
		}[c.random.IntN(5)]
	}
	return next
}

// run makes calls, and returns them with when they began and ended.
func (c *client) run(t *testing.T, start time.Time) []porcupine.Operation {
	var history []porcupine.Operation
	for range linearCalls {
		next := c.next()
		began := time.Since(start)
		got, token, err := next.ask(t.Context(), c.store)
		ended := time.Since(start)
		if err != nil {
			t.Errorf("%s: %v", next.do, err)
			return history
		}
		if next.do == "claim" && got.status == store.ClaimAcquired.String() {
			c.tokens[next.name] = append(c.tokens[next.name], token)
		}
		history = append(history, porcupine.Operation{ClientId: c.id, Input: next, Call: int64(began), Output: got, Return: int64(ended)})
	}
	return history
}

// linearizable lets clients loose on handles of one store.
func linearizable(t *testing.T, seed uint64, handles ...store.Store) porcupine.CheckResult {
	var mu sync.Mutex
	var history []porcupine.Operation
	start := time.Now()
	together(linearClients, func(i int) {
		c := &client{i, rand.New(rand.NewPCG(seed, uint64(i))), handles[i%len(handles)], make(map[store.Name][]store.Token)}
		part := c.run(t, start)
		mu.Lock()
		defer mu.Unlock()
		history = append(history, part...)
	})
	for _, part := range linear.Partition(history) {
		if got := porcupine.CheckOperationsTimeout(linear, part, 20*time.Second); got != porcupine.Ok {
			if testing.Verbose() {
				tellHistory(t, part)
			}
			return got
		}
	}
	return porcupine.Ok
}

// tellHistory logs a history that is not linearizable.
func tellHistory(t *testing.T, history []porcupine.Operation) {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, op := range history {
		c, got := op.Input.(*call), op.Output.(reply)
		t.Logf("client %d [%v %v] %s %s fp%d %x token %x as %s: %s, %s", op.ClientId, time.Duration(op.Call), time.Duration(op.Return),
			c.do, c.claim.Mode, c.claim.Fingerprint[0], c.claim.Nonce[:2], c.token.Nonce[:2], c.completion.State, got.status, got.state)
	}
}

// handles are two stores on one file, as two processes have them.
func handles(t *testing.T) []store.Store {
	name := file(t)
	return []store.Store{migrated(t, pool(t, name), nil), migrated(t, pool(t, name), nil)}
}

func TestConcurrentHistoriesAreLinearizable(t *testing.T) {
	for seed := range uint64(8) {
		for what, open := range map[string]func() []store.Store{
			"SQLite": func() []store.Store { return handles(t) },
			"Memory": func() []store.Store { return []store.Store{store.NewMemory()} },
		} {
			if got := linearizable(t, seed, open()...); got != porcupine.Ok {
				t.Errorf("%s, seed %d: %v", what, seed, got)
			}
		}
	}
}

// checkThenAct has a planted bug: it looks first, and then claims in two steps.
type checkThenAct struct{ store.Store }

func (s checkThenAct) Claim(ctx context.Context, claim store.Claim) (store.Grant, error) {
	if r, err := s.Get(ctx, claim.Name); err == nil && r.State == store.StateUnknown && claim.Mode == store.ModeReconcile {
		runtime.Gosched()
		return store.Grant{Status: store.ClaimAcquired, Record: store.Record{Name: claim.Name, State: store.StateInFlight, Nonce: claim.Nonce}}, nil
	}
	return s.Store.Claim(ctx, claim)
}

// forgetful has another: it answers some completions and does not make them.
type forgetful struct{ store.Store }

func (s forgetful) Complete(ctx context.Context, token store.Token, completion store.Completion) (store.Completed, error) {
	if r, err := s.Get(ctx, token.Name); err == nil && r.State == store.StateInFlight && r.Nonce == token.Nonce && token.Nonce[0]&1 == 0 {
		r.State = completion.State
		return store.Completed{Status: store.CompleteDone, Record: r}, nil
	}
	return s.Store.Complete(ctx, token, completion)
}

func TestAPlantedBugIsNotLinearizable(t *testing.T) {
	for bug, plant := range map[string]func(store.Store) store.Store{
		"check, then act": func(s store.Store) store.Store { return checkThenAct{s} },
		"forgetful":       func(s store.Store) store.Store { return forgetful{s} },
	} {
		for what, open := range map[string]func() store.Store{
			"SQLite": func() store.Store { return opened(t) },
			"Memory": func() store.Store { return store.NewMemory() },
		} {
			found := false
			for seed := uint64(0); seed < 10 && !found; seed++ {
				found = linearizable(t, seed, plant(open())) == porcupine.Illegal
			}
			if !found {
				t.Errorf("%s: %s was not caught", what, bug)
			}
		}
	}
}
