package mock

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// Effect is one effect that took place, as the provider's ledger has it. The
// ledger never forgets: an effect stays when its key has expired. Printed with
// any verb it shows of the key only a short hash.
type Effect struct {
	// ID is "eff_" and a number.
	ID string
	// Key is the idempotency key it was made under, empty if there was none.
	Key string
	// Method and Path are those of the request that made it.
	Method, Path string
	// Time is when it took place.
	Time time.Time
	// Reply is what the operation answered, whether or not that arrived.
	Reply Reply
}

// String returns one line about the effect, with a short hash for the key.
func (e Effect) String() string {
	return fmt.Sprintf("%s by %s %s, key %s, status %d", e.ID, e.Method, e.Path, shortKey(e.Key), e.Reply.Status)
}

// GoString returns what String does.
func (e Effect) GoString() string { return e.String() }

// ledger is the truth about effects, and what is stored under the keys.
type ledger struct {
	retention time.Duration

	mu      sync.Mutex
	records map[string]*record
	effects []Effect
	counts  map[string]int // effects by key
	ids     int
}

// record is what is stored under one key.
type record struct {
	fingerprint [sha256.Size]byte
	born        time.Time
	original    string // the ID of the first request
	done        bool   // else the operation is running
	reply       Reply
}

// standing is what the ledger knows about the key of a request.
type standing int

const (
	unseen standing = iota
	reused
	running
	stored
)

// begin looks up a key, and takes it if it is unseen or expired.
func (l *ledger) begin(slot string, fresh record) (standing, record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.records[slot]
	if known != nil && known.done && fresh.born.Sub(known.born) >= l.retention {
		known = nil
	}
	switch {
	case known == nil:
		l.records[slot] = &fresh
		return unseen, fresh
	case known.fingerprint != fresh.fingerprint:
		return reused, *known
	case !known.done:
		return running, *known
	}
	return stored, *known
}

// settle ends what begin began: the reply is kept under the key, or the key is
// free again.
func (l *ledger) settle(slot string, reply Reply, keep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.records[slot]
	if known == nil {
		return
	}
	if !keep {
		delete(l.records, slot)
		return
	}
	known.done, known.reply = true, reply
}

// enter writes an effect down.
func (l *ledger) enter(e Effect) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.effects = append(l.effects, e)
	l.counts[e.Key]++
}

func (l *ledger) nextID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids++
	return fmt.Sprintf("eff_%d", l.ids)
}

func (l *ledger) find(id string) (Reply, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.effects {
		if e.ID == id {
			return e.Reply.clone(), true
		}
	}
	return Reply{}, false
}

// Ledger returns the effects in the order in which they took place.
func (p *Provider) Ledger() []Effect {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	effects := make([]Effect, len(p.ledger.effects))
	for i, e := range p.ledger.effects {
		e.Reply = e.Reply.clone()
		effects[i] = e
	}
	return effects
}

// EffectCount returns how many effects took place.
func (p *Provider) EffectCount() int {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	return len(p.ledger.effects)
}

// Effects returns how many effects took place under key; under "" those of
// requests without one.
func (p *Provider) Effects(key string) int {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	return p.ledger.counts[key]
}
