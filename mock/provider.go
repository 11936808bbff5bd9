package mock

import (
	"net/http"
	"sync"
	"time"

	"github.com/jarcoal/httpmock"
)

// Provider is a fake payment provider. It dedupes by key for real: every form
// in which it is reached ([Provider.Client], [Provider.ServeHTTP],
// [Provider.URL], [Provider.Responder]) acts on the same ledger, script and
// log. It is safe for concurrent use.
//
// In a testing/synctest bubble, make it inside the bubble and use it by
// [Provider.Client] or [Provider.Responder]; it starts no goroutine that
// outlives a request, and every wait is virtual time. Real sockets do not work
// in bubbles.
type Provider struct {
	options Options
	rules   rules
	plan    plan
	journal journal
	ledger  ledger

	done chan struct{} // closed by Close

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // work that Close waits for
	timers  map[*time.Timer]struct{}
	server  *server
}

// NewProvider returns a provider that is not served yet; as a RoundTripper,
// handler or responder it needs no more. opts may be nil. The error wraps
// [ErrOptions].
func NewProvider(opts *Options) (*Provider, error) {
	options, err := opts.filled()
	if err != nil {
		return nil, err
	}
	return &Provider{
		options: options,
		rules:   rulesOf(options.Dialect),
		plan:    plan{perKey: options.PerKey, script: script{faults: options.Script}, keys: map[string]*script{}},
		journal: journal{limit: options.MaxRequests, attempts: map[string]int{}},
		ledger:  ledger{retention: options.Retention, records: map[string]*record{}, counts: map[string]int{}},
		done:    make(chan struct{}),
		timers:  map[*time.Timer]struct{}{},
	}, nil
}

// StartProvider returns a provider that is served on a loopback port until the
// end of the test, which then fails if the script was not used up. Options that
// are impossible end the test at once.
func StartProvider(t T, opts *Options) *Provider {
	t.Helper()
	p, err := NewProvider(opts)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	if err := p.Start(); err != nil {
		t.Fatalf("mock: start provider: %v", err)
		return nil
	}
	t.Cleanup(func() {
		t.Helper()
		if err := p.Close(); err != nil {
			t.Errorf("mock: close provider: %v", err)
		}
		p.ScriptUsed(t)
	})
	return p
}

// Client returns a client that reaches the provider directly, without a
// socket. Any URL does.
func (p *Provider) Client() *http.Client { return &http.Client{Transport: p} }

// Responder returns the provider as a responder, to be registered with httpmock
// for the routes it should serve.
func (p *Provider) Responder() httpmock.Responder { return p.RoundTrip }

// Close stops the provider: its server, its stalls, and everything that was
// still to happen. Callers are refused from then on; ledger and log stay. It
// waits for effects that are running, so an effect must not call it. Calling it
// again does nothing. The error is that of closing the listener.
func (p *Provider) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.done)
	for timer := range p.timers {
		timer.Stop()
	}
	server := p.server
	p.mu.Unlock()
	var err error
	if server != nil {
		err = server.close()
	}
	p.running.Wait()
	return err
}

// enter reports whether the provider is open, and holds Close back until leave.
func (p *Provider) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

func (p *Provider) leave() { p.running.Done() }

// later runs f in d, unless the provider is closed before; at once if d is 0.
// It is a timer and no goroutine, so that a caller who has given up leaves
// nothing behind that a bubble would wait for.
func (p *Provider) later(d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		p.mu.Lock()
		delete(p.timers, timer)
		p.mu.Unlock()
		if p.enter() {
			defer p.leave()
			f()
		}
	})
	p.timers[timer] = struct{}{}
}
