package soak_test

import (
	"hash/fnv"
	"sync"
)

// order is what the server knows of one operation. Its size is fixed, so that
// the ledger does not grow while memory is looked at.
type order struct {
	mu         sync.Mutex
	deliveries int
	effects    int
	applied    uint64 // the key under which it was done; 0: it was not
	declined   bool
}

// deliver counts a delivery and returns how many there were before.
func (o *order) deliver() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deliveries++
	return o.deliveries - 1
}

// apply does what is asked for, once for each key, and reports whether it has
// been done. Declined stays declined, under whatever key.
func (o *order) apply(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.declined {
		return false
	}
	if sum := sumOf(key); key == "" || o.applied != sum {
		o.applied = sum
		o.effects++
	}
	return true
}

// decline reports whether it is declined, and stays so.
func (o *order) decline() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.declined = o.effects == 0
	return o.declined
}

func sumOf(key string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64()
}
