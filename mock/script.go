package mock

import (
	"fmt"
	"math"
	"sync"
)

// script is a list of faults and how far it is used up.
type script struct {
	faults []Fault
	at     int // index of the next fault
	fired  int // how many times it has fired already
}

func (s *script) next() Fault {
	if s.at >= len(s.faults) {
		return Pass()
	}
	fault := s.faults[s.at]
	if s.fired++; s.fired >= max(fault.times, 1) {
		s.at, s.fired = s.at+1, 0
	}
	return fault
}

// left names the faults that have not fired as often as they should.
func (s *script) left() []Fault { return s.faults[s.at:] }

func checkScript(faults []Fault) error {
	for i, fault := range faults {
		if fault.bad != "" {
			return fmt.Errorf("fault %d of the script, %v: %s", i+1, fault, fault.bad)
		}
	}
	return nil
}

// plan deals out the faults, of one script or of one for each key.
type plan struct {
	perKey func(key string) []Fault

	mu     sync.Mutex
	script script
	keys   map[string]*script
}

// take returns the fault of the next request with this key.
func (p *plan) take(key string) Fault {
	if p.perKey == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.script.next()
	}
	s := p.of(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.next()
}

// of returns the script of a key. perKey is called without the lock, because
// it may ask the provider something.
func (p *plan) of(key string) *script {
	p.mu.Lock()
	s := p.keys[key]
	p.mu.Unlock()
	if s != nil {
		return s
	}
	faults := p.perKey(key)
	if err := checkScript(faults); err != nil {
		faults = []Fault{impossible(err)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.keys[key]; s != nil {
		return s
	}
	s = &script{faults: faults}
	p.keys[key] = s
	return s
}

// impossible stands for a script that PerKey should not have returned. It never
// counts as used up, so that a test cannot pass on it.
func impossible(err error) Fault {
	fault := Answer(500, nil, "mock: impossible options: PerKey: "+err.Error())
	fault.name, fault.times = "impossible "+err.Error(), math.MaxInt
	return fault
}

// left returns the unused faults by key; those of Script are under "".
func (p *plan) left() map[string][]Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := map[string][]Fault{}
	if faults := p.script.left(); len(faults) > 0 {
		left[""] = faults
	}
	for key, s := range p.keys {
		if faults := s.left(); len(faults) > 0 {
			left[key] = faults
		}
	}
	return left
}
