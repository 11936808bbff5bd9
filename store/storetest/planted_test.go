package storetest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe/store"
	"github.com/retrysafe/retrysafe/store/storetest"
)

// planted is a store with a bug: what it embeds is right, a method is not.
var planted = map[string]func() store.Store{
	"renew ignores the token":                     func() store.Store { return renewsAnybody{store.NewMemory()} },
	"a completion needs no nonce":                 func() store.Store { return completesAnybody{store.NewMemory()} },
	"a late completion is refused":                func() store.Store { return refusesLate{store.NewMemory()} },
	"a contradiction is swallowed":                func() store.Store { return swallows{store.NewMemory()} },
	"an older holder's success is dropped":        func() store.Store { return dropsZombies{store.NewMemory()} },
	"a repeated completion is lost":               func() store.Store { return losesRepeats{store.NewMemory()} },
	"notices are forgotten":                       func() store.Store { return forgetsNotices{store.NewMemory()} },
	"results are cut at 2 KiB":                    func() store.Store { return cutsResults{store.NewMemory()} },
	"a claim ignores the fingerprint":             func() store.Store { return ignoresPrint{store.NewMemory()} },
	"a claim takes over before the lease ends":    func() store.Store { return takesOverEarly{store.NewMemory()} },
	"a claim checks, then acts":                   func() store.Store { return checksThenActs{store.NewMemory()} },
	"a claim has a nonce of its own":              func() store.Store { return renoncesClaims{store.NewMemory()} },
	"a claim without lease gets a default":        func() store.Store { return defaultsLease{store.NewMemory()} },
	"a waiting call begins what failed again":     func() store.Store { return ignoresAge{store.NewMemory()} },
	"a call that saw it in flight begins again":   func() store.Store { return ignoresWaited{store.NewMemory()} },
	"a window is not minded":                      func() store.Store { return ignoresWindow{store.NewMemory()} },
	"fences are small numbers":                    func() store.Store { return smallFences{store.NewMemory()} },
	"begin ignores the fingerprint":               func() store.Store { return beginsOver{store.NewMemory()} },
	"owners are not kept":                         func() store.Store { return losesOwners{store.NewMemory()} },
	"names end at a zero byte":                    func() store.Store { return respells{store.NewMemory(), cutAtZero} },
	"names are made valid UTF-8":                  func() store.Store { return respells{store.NewMemory(), madeValid} },
	"names are folded to lower case":              func() store.Store { return respells{store.NewMemory(), strings.ToLower} },
	"scopes are not looked at":                    func() store.Store { return unscoped{store.NewMemory()} },
	"get of nothing is an empty record":           func() store.Store { return findsNothing{store.NewMemory()} },
	"slices are shared":                           func() store.Store { return &shares{Memory: store.NewMemory()} },
	"trails are not read":                         func() store.Store { return trailless{store.NewMemory()} },
	"what is unknown is purged":                   func() store.Store { return &purgesUnknown{Memory: store.NewMemory()} },
	"a purge has no limit":                        func() store.Store { return purgesAll{store.NewMemory()} },
	"tombstones are forgotten at once":            func() store.Store { return forgetsEarly{store.NewMemory()} },
	"due looks at no owner":                       func() store.Store { return duesAll{store.NewMemory()} },
	"due comes in any order":                      func() store.Store { return duesBackwards{store.NewMemory()} },
	"a list has requests and results":             func() store.Store { return listsBytes{store.NewMemory()} },
	"a list skips the first of each page":         func() store.Store { return skipsRecords{store.NewMemory()} },
	"a decision looks at no fence":                func() store.Store { return decidesBlindly{store.NewMemory()} },
	"a succeeded operation can be reopened":       func() store.Store { return reopensAll{store.NewMemory()} },
	"two runners take a notice":                   func() store.Store { return noticesAll{store.NewMemory()} },
	"a batch makes its moves one by one":          func() store.Store { return batchesLoosely{store.NewMemory()} },
	"a Tx outlives its batch":                     func() store.Store { return batchesForEver{store.NewMemory()} },
	"nobody is told of a change":                  func() store.Store { return tellsNobody{store.NewMemory()} },
	"a move is made although the context ended":   func() store.Store { return ignoresContext{store.NewMemory()} },
	"times are of a time zone":                    func() store.Store { return zones{store.NewMemory()} },
	"a batch that fails keeps what was completed": func() store.Store { return keepsCompletions{store.NewMemory()} },
}

func TestTheSuiteFailsForEveryPlantedBug(t *testing.T) {
	for name, open := range planted {
		t.Run(name, func(t *testing.T) {
			test, said := storetest.FirstFailure(t, open)
			if test == "" {
				t.Fatal("the suite passes")
			}
			t.Logf("found by %q: %.150s", test, said)
		})
	}
}

func TestTheSuitePassesWithoutABug(t *testing.T) {
	storetest.RunVirtual(t, func(*testing.T) store.Store { return store.NewMemory() })
}

// TestTheSuiteRunsInRealTime is for stores whose clock nobody can move.
func TestTheSuiteRunsInRealTime(t *testing.T) {
	if testing.Short() {
		t.Skip("it sleeps")
	}
	storetest.Run(t, func(*testing.T) storetest.Subject {
		return storetest.Subject{Store: store.NewMemory(), Unit: 20 * time.Millisecond, Advance: time.Sleep}
	})
}

// plain is a Store without any optional interface.
type plain struct{ store.Store }

func TestAStoreWithoutOptionalInterfacesPasses(t *testing.T) {
	storetest.RunVirtual(t, func(*testing.T) store.Store { return plain{store.NewMemory()} })
}

type renewsAnybody struct{ *store.Memory }

func (s renewsAnybody) Renew(ctx context.Context, lease time.Duration, tokens []store.Token) ([]bool, error) {
	tokens = slices.Clone(tokens)
	for i := range tokens {
		if r, err := s.Memory.Get(ctx, tokens[i].Name); err == nil {
			tokens[i] = r.Token()
		}
	}
	return s.Memory.Renew(ctx, lease, tokens)
}

// completing is the bugs of Complete: each has the record as it was.
func completing(ctx context.Context, s *store.Memory, t store.Token) store.Record {
	r, _ := s.Get(ctx, t.Name)
	return r
}

type completesAnybody struct{ *store.Memory }

func (s completesAnybody) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	if r := completing(ctx, s.Memory, t); r.State == store.StateInFlight {
		t = r.Token()
	}
	return s.Memory.Complete(ctx, t, c)
}

type refusesLate struct{ *store.Memory }

func (s refusesLate) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	if r := completing(ctx, s.Memory, t); r.State == store.StateInFlight && !r.Lease.After(time.Now()) {
		return store.Completed{Record: r}, nil
	}
	return s.Memory.Complete(ctx, t, c)
}

type swallows struct{ *store.Memory }

func (s swallows) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	r := completing(ctx, s.Memory, t)
	if r.Outcome() != store.Unknown && (c.State == store.StateFailed || c.State == store.StateSucceeded) && c.State != r.State {
		return store.Completed{Status: store.CompleteLost, Record: r}, nil
	}
	return s.Memory.Complete(ctx, t, c)
}

type dropsZombies struct{ *store.Memory }

func (s dropsZombies) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	r := completing(ctx, s.Memory, t)
	if r.State == store.StateInFlight && r.Nonce != t.Nonce {
		c.State = store.StateUnknown
	}
	return s.Memory.Complete(ctx, t, c)
}

type losesRepeats struct{ *store.Memory }

func (s losesRepeats) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	done, err := s.Memory.Complete(ctx, t, c)
	if done.Status == store.CompleteRepeated {
		done.Status = store.CompleteLost
	}
	return done, err
}

type forgetsNotices struct{ *store.Memory }

func (s forgetsNotices) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	c.Notice = false
	return s.Memory.Complete(ctx, t, c)
}

type cutsResults struct{ *store.Memory }

func (s cutsResults) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	c.Result = c.Result[:min(len(c.Result), 2048)]
	return s.Memory.Complete(ctx, t, c)
}

type ignoresPrint struct{ *store.Memory }

func (s ignoresPrint) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	if r, err := s.Get(ctx, c.Name); err == nil {
		c.Fingerprint = r.Fingerprint
	}
	return s.Memory.Claim(ctx, c)
}

type takesOverEarly struct{ *store.Memory }

func (s takesOverEarly) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	g, err := s.Memory.Claim(ctx, c)
	if g.Status != store.ClaimHeld || c.Mode != store.ModeResume {
		return g, err
	}
	_, err = s.Complete(ctx, g.Record.Token(), store.Completion{State: store.StateUnknown, Resend: true, Abandoned: true})
	if err != nil {
		return g, err
	}
	return s.Memory.Claim(ctx, c)
}

type checksThenActs struct{ *store.Memory }

func (s checksThenActs) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	_, err := s.Get(ctx, c.Name)
	runtime.Gosched()
	g, claimErr := s.Memory.Claim(ctx, c)
	if errors.Is(err, store.ErrNotFound) && g.Status == store.ClaimHeld {
		g.Status = store.ClaimAcquired
	}
	return g, claimErr
}

type renoncesClaims struct{ *store.Memory }

func (s renoncesClaims) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	if c.Nonce != (store.Nonce{}) {
		_, _ = rand.Read(c.Nonce[:])
	}
	return s.Memory.Claim(ctx, c)
}

type defaultsLease struct{ *store.Memory }

func (s defaultsLease) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	if c.Lease == 0 {
		c.Lease = time.Minute
	}
	return s.Memory.Claim(ctx, c)
}

type ignoresAge struct{ *store.Memory }

func (s ignoresAge) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	c.Age = min(c.Age, 0)
	return s.Memory.Claim(ctx, c)
}

type ignoresWaited struct{ *store.Memory }

func (s ignoresWaited) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	c.Waited = min(c.Waited, 0)
	return s.Memory.Claim(ctx, c)
}

type ignoresWindow struct{ *store.Memory }

func (s ignoresWindow) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	if c.Window > 0 {
		c.Window = 1000 * time.Hour
	}
	return s.Memory.Claim(ctx, c)
}

type smallFences struct{ *store.Memory }

func (s smallFences) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	g, err := s.Memory.Claim(ctx, c)
	g.Record.Fence %= 1000
	return g, err
}

type beginsOver struct{ *store.Memory }

func (s beginsOver) Begin(ctx context.Context, i store.Intent) (store.Begun, error) {
	if r, err := s.Get(ctx, i.Name); err == nil {
		i.Fingerprint = r.Fingerprint
	}
	return s.Memory.Begin(ctx, i)
}

type losesOwners struct{ *store.Memory }

func (s losesOwners) Begin(ctx context.Context, i store.Intent) (store.Begun, error) {
	if len(i.Owner) <= store.MaxNameLength {
		i.Owner = ""
	}
	return s.Memory.Begin(ctx, i)
}

func cutAtZero(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

func madeValid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// respells takes names that differ for one another.
type respells struct {
	*store.Memory
	spell func(string) string
}

func (s respells) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	c.Scope, c.Kind, c.ID = s.spell(c.Scope), s.spell(c.Kind), s.spell(c.ID)
	return s.Memory.Claim(ctx, c)
}

type unscoped struct{ *store.Memory }

func (s unscoped) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	c.Scope = ""
	return s.Memory.Claim(ctx, c)
}

type findsNothing struct{ *store.Memory }

func (s findsNothing) Get(ctx context.Context, n store.Name) (store.Record, error) {
	r, err := s.Memory.Get(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return r, err
}

// shares hands out the bytes that it keeps.
type shares struct {
	*store.Memory
	mu   sync.Mutex
	kept map[store.Name]store.Record
}

func (s *shares) Get(ctx context.Context, n store.Name) (store.Record, error) {
	r, err := s.Memory.Get(ctx, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.kept[n]; ok && old.Updated.Equal(r.Updated) && len(old.Trail) == len(r.Trail) {
		r.Request, r.Result, r.Trail = old.Request, old.Result, old.Trail
	}
	if s.kept == nil {
		s.kept = make(map[store.Name]store.Record)
	}
	s.kept[n] = r
	return r, err
}

type trailless struct{ *store.Memory }

func (s trailless) Get(ctx context.Context, n store.Name) (store.Record, error) {
	r, err := s.Memory.Get(ctx, n)
	r.Trail = nil
	return r, err
}
