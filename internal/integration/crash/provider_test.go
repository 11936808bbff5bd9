//go:build unix

package crash_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

type charge struct {
	Order  string `json:"order"`
	Amount int    `json:"amount"`
}

type charged struct {
	ID    string `json:"id"`
	Order string `json:"order"`
}

type question struct {
	Key string `path:"key"`
}

var (
	createCharge = retrysafe.Command[charge, charged]{Name: "charges.create", Path: "/v1/charges"}
	findCharge   = retrysafe.Query[question, charged]{Name: "charges.find", Path: "/v1/charges/{key}"}
)

func chargeOf(id string) charge { return charge{Order: id, Amount: 4200} }

// profile is of a provider that stores declined cards under the key, and can be
// asked what was made under one.
func profile(window time.Duration) retrysafe.Profile {
	return retrysafe.Profile{
		Name: "crash", Window: window, LongestExecution: window / 100, Consistent: true,
		Rules: []retrysafe.Rule{{Status: http.StatusPaymentRequired, At: "/code", Is: "declined", Verdict: retrysafe.Refused, Stored: true}},
	}
}

// temper is what a provider does with charges.
type temper string

const (
	accepts    temper = "accepts"
	declines   temper = "declines"    // and says so again under the key
	turnsAway  temper = "turns away"  // the first request, and does not remember it
	forgets    temper = "forgets"     // that it has declined the first one
	locksOut   temper = "locks out"   // after the first one, for a while, before it looks at the key
	cutsAnswer temper = "cuts answer" // the first one
	isSlow     temper = "is slow"
	isBusy     temper = "is busy"  // at the first request
	isMixed    temper = "is mixed" // every tenth order is declined, and much goes wrong
)

// provider runs in the test's own process, where no effect is forgotten, and
// can kill who asks.
type provider struct {
	*mock.Provider
	temper  temper
	serving sync.WaitGroup

	mu       sync.Mutex
	requests int
	at       string // before, during or after the effect
	strike   func() // kills who asks, and returns when it is dead
}

func startProvider(t *testing.T, how temper, retention time.Duration) (*provider, string) {
	t.Helper()
	p := &provider{temper: how}
	options := &mock.Options{Effect: p.effect, Retention: retention}
	switch how {
	case cutsAnswer:
		options.Script = []mock.Fault{mock.CutBody(3)}
	case isSlow:
		options.Delay = slowness
	case locksOut:
		locked := mock.Answer(http.StatusUnauthorized, http.Header{"Content-Type": {"application/json"}}, `{"code":"locked out"}`)
		options.Script = []mock.Fault{mock.Pass(), locked}
	case isBusy:
		options.Script = []mock.Fault{mock.Unavailable("")}
	case isMixed:
		options.Delay, options.PerKey = 10*time.Millisecond, faultsOf
	}
	var err error
	if p.Provider, err = mock.NewProvider(options); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		p.Provider.Close()
		server.Close()
	})
	return p, server.URL
}

const slowness = 300 * time.Millisecond

// faultsOf is what goes wrong with a key: nothing with half of them.
func faultsOf(key string) []mock.Fault {
	faults := []mock.Fault{mock.LoseAnswer(), mock.Unavailable(""), mock.CutBody(3), mock.ResetBeforeEffect()}
	if n := int(key[0]); n%2 == 0 {
		return faults[n/2%4 : n/2%4+1]
	}
	return nil
}

// aims makes the provider kill who asks, once.
func (p *provider) aims(at string, strike func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.strike = at, strike
}

func (p *provider) strikes(at string) bool {
	p.mu.Lock()
	strike := p.strike
	if p.at != at || strike == nil {
		p.mu.Unlock()
		return false
	}
	p.strike = nil
	p.mu.Unlock()
	strike()
	return true
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.serving.Add(1)
	defer p.serving.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil || p.strikes("before effect") {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.strikes("during effect")
	p.mu.Lock()
	after := p.strike != nil && p.at == "after effect"
	p.mu.Unlock()
	if !after {
		p.Provider.ServeHTTP(w, r)
		return
	}
	p.Provider.ServeHTTP(httptest.NewRecorder(), r)
	p.strikes("after effect")
	panic(http.ErrAbortHandler)
}

func (p *provider) effect(r mock.Request) mock.Reply {
	if r.Method == http.MethodGet {
		return p.lookUp(path.Base(r.Path))
	}
	var asked charge
	if err := json.Unmarshal(r.Body, &asked); err != nil {
		return mock.Problem(http.StatusBadRequest, "not a charge", "")
	}
	p.mu.Lock()
	p.requests++
	first := p.requests == 1
	p.mu.Unlock()
	switch {
	case p.temper == declines, p.temper == isMixed && strings.HasSuffix(asked.Order, "7"):
		return mock.JSON(http.StatusPaymentRequired, map[string]string{"code": "declined"})
	case p.temper == forgets && first:
		declined := mock.JSON(http.StatusPaymentRequired, map[string]string{"code": "declined"})
		declined.NotStored = true
		return declined
	case p.temper == turnsAway && first:
		refused := mock.Problem(http.StatusBadRequest, "not today", "")
		refused.NotStored = true
		return refused
	}
	return mock.JSON(http.StatusCreated, charged{ID: r.EffectID, Order: asked.Order})
}

// lookUp is the answer to whoever asks what was made under a key.
func (p *provider) lookUp(key string) mock.Reply {
	for _, e := range p.Ledger() {
		if e.Key == key {
			return mock.Reply{Status: http.StatusOK, Header: e.Reply.Header, Body: e.Reply.Body}
		}
	}
	return mock.Problem(http.StatusNotFound, "nothing under this key", "")
}

// sent counts the requests of a method.
func (p *provider) sent(method string) (n int) {
	for _, r := range p.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}
