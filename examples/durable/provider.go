package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/retrysafe/retrysafe/mock"
)

const (
	failing    = 0.3  // of the requests
	declining  = 0.03 // of the cards
	processing = 5 * time.Millisecond
)

// faults are the ways to fail, each as likely as the others.
var faults = []mock.Fault{
	// Nothing has happened.
	mock.ResetBeforeEffect(),
	mock.Unavailable("0.02"), // 503, with Retry-After
	// The card is charged.
	mock.LoseAnswer(),
	mock.ResetAfterEffect(),
	mock.FailAfterEffect(http.StatusInternalServerError),
}

// startProvider serves a provider that keeps its keys for a day.
func startProvider(seed uint64) (*mock.Provider, error) {
	p, err := mock.NewProvider(&mock.Options{Effect: take, PerKey: scripts(seed), Delay: processing})
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

// take is what the provider does for a charge.
func take(r mock.Request) mock.Reply {
	var c chargeRequest
	if err := json.Unmarshal(r.Body, &c); err != nil {
		return mock.Problem(http.StatusBadRequest, "Cannot read the charge", "")
	}
	if c.Card == emptyCard {
		return mock.Problem(http.StatusPaymentRequired, "Card declined", "")
	}
	return mock.JSON(http.StatusCreated, chargeAnswer{ID: r.EffectID, Order: c.Order})
}

// scripts returns what goes wrong with the requests under one key: far more
// than are ever sent.
func scripts(seed uint64) func(key string) []mock.Fault {
	return func(key string) []mock.Fault {
		script, r := make([]mock.Fault, 100), draw(seed, "fault", key)
		for n := range script {
			if fails, kind := r.Float64() < failing, r.IntN(len(faults)); fails {
				script[n] = faults[kind]
			}
		}
		return script
	}
}

// draw returns a source of chance that depends on the seed and on what is
// decided, never on the order in which things happen.
func draw(seed uint64, what ...any) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q", seed, what))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
}
