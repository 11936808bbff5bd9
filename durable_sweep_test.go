package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// breakage says what happens at one call of a client's store.
type breakage int

const (
	breakNone  breakage = iota
	failBefore          // this call fails, and was not made
	failAfter           // this call fails, and was made
	goneBefore          // from here on the client reaches neither store nor provider
	goneAfter           // likewise, but this call was made
	breaks
)

var breakNames = [...]string{"none", "fails before", "fails after", "gone before", "gone after"}

var errLine = errors.New("the line to the store is down")

// line is what connects one client with the world: its store and its provider.
type line struct {
	mu     sync.Mutex
	calls  int
	at     int
	kind   breakage
	gone   bool
	struck bool
}

func (l *line) next() (before, after bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.gone || l.calls != l.at || l.kind == breakNone {
		return l.gone, false
	}
	l.struck = true
	l.gone = l.kind == goneBefore || l.kind == goneAfter
	return l.kind == failBefore || l.kind == goneBefore, l.kind == failAfter || l.kind == goneAfter
}

func (l *line) down() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// set breaks the line off, or mends it.
func (l *line) set(gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = gone
}

// over makes one call over the line.
func over[T any](l *line, call func() (T, error)) (T, error) {
	var none T
	before, after := l.next()
	if before {
		return none, errLine
	}
	v, err := call()
	if after {
		return none, errLine
	}
	return v, err
}

// lined is a store at the end of a line.
type lined struct {
	durable
	line *line
}

func (s lined) Begin(ctx context.Context, i store.Intent) (store.Begun, error) {
	return over(s.line, func() (store.Begun, error) { return s.durable.Begin(ctx, i) })
}

func (s lined) Claim(ctx context.Context, c store.Claim) (store.Grant, error) {
	return over(s.line, func() (store.Grant, error) { return s.durable.Claim(ctx, c) })
}

func (s lined) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	return over(s.line, func() (store.Completed, error) { return s.durable.Complete(ctx, t, c) })
}

func (s lined) Renew(ctx context.Context, d time.Duration, t []store.Token) ([]bool, error) {
	return over(s.line, func() ([]bool, error) { return s.durable.Renew(ctx, d, t) })
}

func (s lined) Get(ctx context.Context, n store.Name) (store.Record, error) {
	return over(s.line, func() (store.Record, error) { return s.durable.Get(ctx, n) })
}

func (s lined) Due(ctx context.Context, f store.DueFilter) ([]store.DueItem, error) {
	return over(s.line, func() ([]store.DueItem, error) { return s.durable.Due(ctx, f) })
}

func (s lined) Resolve(ctx context.Context, r store.Resolution) (store.Resolved, error) {
	return over(s.line, func() (store.Resolved, error) { return s.durable.Resolve(ctx, r) })
}

func (s lined) Notice(ctx context.Context, n store.Notice) (taken bool, rec store.Record, err error) {
	taken, err = over(s.line, func() (taken bool, err error) {
		taken, rec, err = s.durable.Notice(ctx, n)
		return taken, err
	})
	return taken, rec, err
}

// wire is the way to the provider at the end of a line. Cut off it proves, as a
// failed dial does, that nothing was sent; an answer that was on its way is lost.
func (l *line) wire(inner http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if l.down() {
			if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GetConn != nil {
				trace.GetConn("api.example.com:443")
			}
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errLine}
		}
		resp, err := inner.RoundTrip(r)
		if l.down() {
			return nil, errLine
		}
		return resp, err
	})
}

// roundTrip is a transport that leaves the request as it is.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// on puts a client at the end of a line.
func (l *line) on(s durable) func(*retrysafe.Options) {
	return func(o *retrysafe.Options) {
		o.Store = lined{s, l}
		o.HTTPClient = &http.Client{Transport: l.wire(o.HTTPClient.Transport)}
	}
}

// consistent is a provider of which everything is known.
var consistent = retrysafe.Profile{
	Name: "consistent", Window: 24 * time.Hour, LongestExecution: time.Minute, Consistent: true,
	Rules: []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}},
}

// takesNoKey is one that takes no keys.
var takesNoKey = retrysafe.Profile{
	Name: "takesNoKey", Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}, LongestExecution: time.Minute, Consistent: true,
}

// world is one run of a story.
type world struct {
	t        *testing.T
	provider *mock.Provider
	store    durable
	cmd      retrysafe.Command[charge, charged]
	// After not applied was told: how many requests there were. -1: it was not.
	sentBefore int
	told       []retrysafe.Outcome // by calls of the application
	heard      []retrysafe.Outcome // by the handler
	doubtful   bool                // several calls at once: who was told what first is not known
}

// do calls, and looks at what was told.
func (w *world) do(client *retrysafe.Client) retrysafe.Outcome {
	w.finalStill("before a call")
	w.sentBefore = -1
	_, err := w.cmd.Do(context.Background(), client, "order-1", charge{Amount: 4200, Currency: "eur"})
	outcome := retrysafe.OutcomeOf(err)
	w.tell(outcome, err)
	w.told = append(w.told, outcome)
	return outcome
}

func (w *world) tell(outcome retrysafe.Outcome, err error) {
	w.t.Helper()
	n := w.provider.EffectCount()
	switch {
	case w.doubtful:
	case outcome == retrysafe.Applied && n != 1:
		w.t.Errorf("told applied (%v), and there are %d effects", err, n)
	case outcome == retrysafe.NotApplied && n != 0:
		w.t.Errorf("told not applied (%v), and there are %d effects", err, n)
	case outcome == retrysafe.NotApplied:
		w.sentBefore = len(w.provider.Requests())
	}
}

// finalStill fails the test if something was sent after not applied was told.
func (w *world) finalStill(when string) {
	w.t.Helper()
	if w.sentBefore < 0 {
		return
	}
	if n := len(w.provider.Requests()); n != w.sentBefore {
		w.t.Errorf("%s: %d requests, and there were %d when not applied was told", when, n, w.sentBefore)
	}
	if n := w.provider.EffectCount(); n != 0 {
		w.t.Errorf("%s: %d effects after not applied was told", when, n)
	}
}

func (w *world) handler() retrysafe.Handler {
	return w.cmd.Handle(retrysafe.Handlers[charge, charged]{
		Reconcile: func(_ context.Context, _ *retrysafe.Client, op retrysafe.Operation, req charge) (retrysafe.Finding[charged], error) {
			if req.Amount != 4200 || op.RequestLost {
				w.t.Errorf("reconcile is given %+v, request lost %t", req, op.RequestLost)
			}
			if w.provider.EffectCount() > 0 {
				return retrysafe.Found(charged{ID: "found", Amount: 4200}).Because("asked the ledger"), nil
			}
			return retrysafe.NotFound[charged](), nil
		},
		Settled: func(_ context.Context, _ retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
			if err == nil && (res == nil || res.Value.Amount != 4200) {
				w.t.Errorf("handler is told %v", res)
			}
			w.tell(retrysafe.OutcomeOf(err), err)
			w.heard = append(w.heard, retrysafe.OutcomeOf(err))
			return nil
		},
	})
}

// passes lets a client's runner work over hours.
func (w *world) passes(client *retrysafe.Client) {
	for _, after := range []time.Duration{0, time.Minute, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute, 20 * time.Minute, time.Hour, time.Hour} {
		time.Sleep(after)
		_, _ = client.Resume(context.Background(), w.handler())
		w.finalStill("after a pass")
	}
}

func (w *world) record() store.Record {
	rec, err := w.store.Get(context.Background(), store.Name{Scope: "acme/test", Kind: w.cmd.Name, ID: "order-1"})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.t.Error(err)
	}
	return rec
}

// end is what must be true whatever happened.
func (w *world) end(story *tale) {
	rec, effects := w.record(), w.provider.EffectCount()
	if effects > 1 {
		w.t.Errorf("%d effects", effects)
	}
	switch rec.State {
	case store.StateSucceeded:
		if effects != 1 {
			w.t.Errorf("recorded as succeeded with %d effects", effects)
		}
	case store.StateFailed:
		if effects != 0 {
			w.t.Errorf("recorded as failed with %d effects", effects)
		}
	case store.StateAbsent:
		if len(w.provider.Requests()) > 0 {
			w.t.Error("no record, and something was sent")
		}
	case store.StateUnknown:
		if !story.staysUnknown {
			w.t.Errorf("still unknown: %s", w.history(&rec))
		}
	default:
		w.t.Errorf("left %v: %s", rec.State, w.history(&rec))
	}
	if rec.Conflicts > 0 {
		w.t.Errorf("%d conflicts: %s", rec.Conflicts, w.history(&rec))
	}
	if story.enqueued && len(w.told) == 0 && len(w.heard) == 0 && rec.State != store.StateAbsent && rec.Reason != store.ReasonCancelled {
		w.t.Errorf("nobody was told of an end as %v", rec.State)
	}
}

func (w *world) history(rec *store.Record) string {
	text := fmt.Sprintf("record %v %v told %t runner %t resend %t passes %d, calls told %v, handler told %v", rec.State, rec.Reason, rec.Told, rec.Runner, rec.Resend, rec.Passes, w.told, w.heard)
	for _, e := range rec.Trail {
		text += fmt.Sprintf("\n  %v %v %v", e.Event, e.State, e.Reason)
	}
	for _, r := range w.provider.Requests() {
		text += "\n  " + r.String()
	}
	return text
}

// tale is what an application does over a line that is cut at some point.
type tale struct {
	name         string
	opts         mock.Options
	profile      *retrysafe.Profile // consistent
	policy       retrysafe.RetryPolicy
	lease        time.Duration
	enqueued     bool
	together     bool
	staysUnknown bool // no handler could find out
	tell         func(w *world, client *retrysafe.Client)
}

func once(w *world, client *retrysafe.Client) { w.do(client) }

func twice(w *world, client *retrysafe.Client) {
	w.do(client)
	time.Sleep(10 * time.Second)
	w.do(client)
}

func enqueue(w *world, client *retrysafe.Client) {
	for range 2 {
		if _, err := w.cmd.Enqueue(context.Background(), client, nil, "order-1", charge{Amount: 4200, Currency: "eur"}); err == nil {
			return
		}
	}
}

func enqueuedAndResumed(w *world, client *retrysafe.Client) {
	enqueue(w, client)
	for range 3 {
		_, _ = client.Resume(context.Background(), w.handler())
		w.finalStill("after a pass")
		time.Sleep(10 * time.Second)
	}
}

func resumedLater(w *world, client *retrysafe.Client) {
	w.do(client)
	for range 2 {
		time.Sleep(2 * time.Minute)
		_, _ = client.Resume(context.Background(), w.handler())
		w.finalStill("after a pass")
	}
}

func tales() []tale {
	declined := func(mock.Request) mock.Reply { return mock.Problem(402, "Declined", "") }
	bad := mock.Answer(400, http.Header{"Content-Type": {"application/json"}}, `{}`)
	one := retrysafe.RetryPolicy{MaxAttempts: 1}
	return []tale{
		{name: "done", tell: once},
		{name: "answer lost", opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, tell: once},
		{name: "answer lost, and the call ends", opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, policy: one, tell: twice},
		{name: "lost before the effect, and the call ends", opts: mock.Options{Script: []mock.Fault{mock.ResetBeforeEffect()}}, policy: one, tell: once},
		{name: "not sent", opts: mock.Options{Script: []mock.Fault{mock.Refuse().Times(5)}}, tell: once},
		{name: "not sent, asked again", opts: mock.Options{Script: []mock.Fault{mock.Refuse()}}, policy: one, tell: twice},
		{name: "not sent, then lost", opts: mock.Options{Script: []mock.Fault{mock.Refuse(), mock.LoseAnswer()}}, policy: one, tell: twice},
		{name: "refused for its delivery alone", opts: mock.Options{Script: []mock.Fault{bad}}, tell: once},
		{name: "refused, asked again", opts: mock.Options{Script: []mock.Fault{bad}}, tell: twice},
		{name: "declined", opts: mock.Options{Effect: declined}, tell: twice},
		{name: "lost, then declined", opts: mock.Options{Effect: declined, Script: []mock.Fault{mock.ResetBeforeEffect()}}, tell: twice},
		{name: "lost, then refused for its delivery alone", opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer(), bad}}, tell: once},
		{name: "answer cut", opts: mock.Options{Script: []mock.Fault{mock.CutBody(3)}}, tell: once},
		{name: "answer cut again and again", opts: mock.Options{Script: []mock.Fault{mock.CutBody(3).Times(5)}}, tell: twice},
		{name: "too many requests", opts: mock.Options{Script: []mock.Fault{mock.TooManyRequests("600")}}, tell: twice},
		{name: "unavailable for long", opts: mock.Options{Script: []mock.Fault{mock.Unavailable("600")}}, tell: twice},
		{name: "stuck", opts: mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, tell: once},
		{name: "delivered late", opts: mock.Options{Script: []mock.Fault{mock.DeliverLate(40 * time.Second)}}, policy: retrysafe.RetryPolicy{MaxAttempts: 1, AttemptTimeout: 10 * time.Second}, tell: once},
		{name: "slow, with renewals", opts: mock.Options{Delay: 25 * time.Second}, lease: 31 * time.Second, tell: once},
		{name: "without a key, lost", opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, profile: &takesNoKey, tell: twice},
		{name: "without a key, lost before", opts: mock.Options{Script: []mock.Fault{mock.ResetBeforeEffect()}}, profile: &takesNoKey, tell: once},
		{name: "without a key, not sent", opts: mock.Options{Script: []mock.Fault{mock.Refuse().Times(5)}}, profile: &takesNoKey, tell: twice},
		{name: "enqueued", enqueued: true, tell: enqueuedAndResumed},
		{name: "enqueued, not sent", enqueued: true, opts: mock.Options{Script: []mock.Fault{mock.Refuse().Times(2)}}, policy: one, tell: enqueuedAndResumed},
		{name: "enqueued, answer lost", enqueued: true, opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, policy: one, tell: enqueuedAndResumed},
		{name: "enqueued, answer cut", enqueued: true, opts: mock.Options{Script: []mock.Fault{mock.CutBody(3).Times(2)}}, tell: enqueuedAndResumed},
		{name: "enqueued, refused", enqueued: true, opts: mock.Options{Script: []mock.Fault{bad}}, tell: enqueuedAndResumed},
		{name: "enqueued, declined", enqueued: true, opts: mock.Options{Effect: declined}, tell: enqueuedAndResumed},
		{name: "enqueued, stuck", enqueued: true, opts: mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, tell: enqueuedAndResumed},
		{name: "lost, then resumed", opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer().Times(2)}}, policy: one, tell: resumedLater},
		{name: "stuck, then asked about", opts: mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, tell: resumedLater},
		{name: "without a key, then asked about", opts: mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, profile: &takesNoKey, tell: resumedLater},
		{name: "enqueued, then called", opts: mock.Options{Script: []mock.Fault{mock.Refuse()}}, policy: one, tell: func(w *world, client *retrysafe.Client) {
			enqueue(w, client)
			w.do(client)
		}},
		{name: "enqueued, then cancelled", tell: func(w *world, client *retrysafe.Client) {
			enqueue(w, client)
			if w.cmd.Cancel(context.Background(), client, "order-1") == nil {
				w.tell(retrysafe.NotApplied, nil)
			}
		}},
		{name: "two calls at once", together: true, opts: mock.Options{Delay: 3 * time.Second, Script: []mock.Fault{mock.LoseAnswer()}}, tell: func(w *world, client *retrysafe.Client) {
			var calls sync.WaitGroup
			for range 2 {
				calls.Add(1)
				go func() {
					defer calls.Done()
					w.cmd.Do(context.Background(), client, "order-1", charge{Amount: 4200, Currency: "eur"})
				}()
			}
			calls.Wait()
		}},
	}
}

// TestWhereverTheStoreFailsThereIsOneEffectAndNothingToldIsTakenBack tells each
// story again and again, each time with another call of the store failing, or
// with the client cut off from everything from that call on. Then another client
// carries on, by its runner or by calling again.
func TestWhereverTheStoreFailsThereIsOneEffectAndNothingToldIsTakenBack(t *testing.T) {
	const most = 60
	for _, s := range tales() {
		for kind := failBefore; kind < breaks; kind++ {
			t.Run(s.name+"/"+breakNames[kind], func(t *testing.T) {
				for n := 1; ; n++ {
					reached := false
					for _, again := range []bool{false, true} {
						reached = tellTale(t, &s, &line{at: n, kind: kind}, again) || reached
					}
					if !reached && testing.Verbose() {
						t.Logf("%d calls", n-1)
					}
					if !reached || t.Failed() {
						return
					}
					if n == most {
						t.Fatalf("the story makes more than %d calls", most)
					}
				}
			})
		}
	}
}

// tellTale reports whether the line was broken.
func tellTale(t *testing.T, s *tale, l *line, again bool) bool {
	t.Helper()
	opts := s.opts
	storeBubble(t, &opts, func(t *testing.T, p *mock.Provider, d durable, restart restarter) {
		w := &world{t: t, provider: p, store: d, cmd: createCharge, sentBefore: -1, doubtful: s.together}
		configure := func(o *retrysafe.Options) {
			o.Profile, o.Retry, o.Lease = consistent, s.policy, s.lease
			if s.profile != nil {
				o.Profile = *s.profile
			}
		}
		s.tell(w, restart(configure, l.on(d)))
		synctest.Wait()
		w.finalStill("at the end of the story")
		fresh := restart(configure)
		if again {
			w.do(fresh)
		}
		w.passes(fresh)
		w.do(fresh)
		w.passes(fresh)
		w.end(s)
		if t.Failed() {
			rec := w.record()
			t.Logf("call %d %s, called again first: %t: %s", l.at, breakNames[l.kind], again, w.history(&rec))
		}
	})
	return l.struck
}
