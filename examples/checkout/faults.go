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
	crashing  = 0.05 // of the calls
	declining = 0.03 // of the cards
)

// draw returns a source of chance that depends on the seed and on what is
// decided, never on the order in which things happen.
func draw(seed uint64, what ...any) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q", seed, what))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
}

// lateness is beyond the patience of a caller.
func lateness(s settings) time.Duration { return 3 * s.timeout / 2 }

// kinds are the ways to fail, each as likely as the others.
func kinds(s settings) []mock.Fault {
	late := lateness(s)
	html := http.Header{"Content-Type": {"text/html"}}
	return []mock.Fault{
		// Nothing has happened.
		mock.Refuse(),
		mock.ResetBeforeEffect(),
		mock.StallBeforeEffect(late),
		mock.KeyInFlight(1),
		mock.KeyInFlight(2),
		mock.TooManyRequests("0.02"),
		mock.Unavailable("0.02"),
		mock.Answer(http.StatusBadGateway, html, "<h1>Bad Gateway</h1>"),
		mock.Answer(http.StatusOK, html, "<h1>Please log in to this network</h1>"),
		// The card is charged.
		mock.LoseAnswer(),
		mock.ResetAfterEffect(),
		mock.FailAfterEffect(http.StatusInternalServerError),
		mock.CutHead(20),
		mock.CutBody(10),
		mock.StallAfterEffect(late),
		// The card will be charged when nobody waits any more.
		mock.DeliverLate(late),
	}
}

// scripts returns what goes wrong with the requests under one key: far more
// than are ever sent.
func scripts(s settings) func(key string) []mock.Fault {
	kinds := kinds(s)
	return func(key string) []mock.Fault {
		script, r := make([]mock.Fault, 100), draw(s.seed, "fault", key)
		for n := range script {
			if fails, kind := r.Float64() < s.failing, r.IntN(len(kinds)); fails {
				script[n] = kinds[kind]
			}
		}
		return script
	}
}

// crash says whether the process dies during a call, and how long after its
// beginning.
func crash(s settings, o order, call int) (time.Duration, bool) {
	r := draw(s.seed, "crash", o.id, call)
	happens := r.Float64() < crashing
	return time.Duration(r.Int64N(int64(10 * time.Millisecond))), happens
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
