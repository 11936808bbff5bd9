package retrysafe_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

func TestOnlyAnAnswerThatSettlesAnOperationPaysBackAndAFailedAttemptPays(t *testing.T) {
	for name, c := range map[string]struct {
		answer scene
		tokens int // of 10, of which 5 are spent
	}{
		"success":       {yes(), 6},
		"refusal":       {bad(), 6},
		"cut":           {yesCut(), 4},
		"undecodable":   {yesUndecodable(), 4},
		"unavailable":   {unavailable(), 4},
		"too many":      {tooMany(), 4},
		"in flight":     {inFlight(), 5},
		"lost":          {lost(), 4},
		"not from them": {airport(), 4},
	} {
		t.Run(name, func(t *testing.T) {
			budget := &retrysafe.Budget{Capacity: 10}
			budget.Spend("https://api.example.com", 5)
			client := wireClient(t, playing(c.answer), retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1, Budget: budget}})
			createCharge.Do(t.Context(), client, "order-1", charge{})
			if got := budget.Tokens(); got != c.tokens {
				t.Errorf("%d tokens, want %d", got, c.tokens)
			}
		})
	}
}

// A success that comes back cut is sent again to win its answer back: that is
// no reason to send more than to a server that does not answer at all.
func TestAServerThatCutsEverySuccessIsProbedLikeOneThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cuts []scene
		for range 250 {
			cuts = append(cuts, yesCut())
		}
		client := wireClient(t, playing(cuts...), retrysafe.Options{Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: 1, Cap: 1}}})
		attempts, begun := 0, time.Now()
		for i := range 50 {
			_, err := createCharge.Do(t.Context(), client, fmt.Sprint("order-", i), charge{})
			attempts += len(asError(t, err).Attempts)
		}
		if took, least := time.Since(begun), 10*time.Minute; attempts != 250 || took < least {
			t.Errorf("%d attempts in %v, want 250 in %v or more", attempts, took, least)
		}
	})
}

// A command may be built in the function that calls it, and its policy with it.
func TestACommandBuiltAnewForEveryCallIsOneDeclaration(t *testing.T) {
	build := func(perAnswer int) retrysafe.Command[charge, charged] {
		cmd, policy := createCharge, hurried
		policy.Budget = &retrysafe.Budget{Capacity: 10_000, PerAnswer: perAnswer}
		cmd.Retry = &policy
		return cmd
	}
	client := wireClient(t, always(503, `{}`), retrysafe.Options{})
	together(8, func(worker int) {
		for i := range 5 {
			_, err := build(1).Do(t.Context(), client, fmt.Sprint("order-", worker, "-", i), charge{})
			if errors.Is(err, retrysafe.ErrInvalid) || len(asError(t, err).Attempts) != 2 {
				t.Errorf("%v, want two attempts", err)
			}
		}
	})
	_, err := build(2).Do(t.Context(), client, "order-1", charge{})
	wantInvalid(t, err)
	without := createCharge
	without.Retry = &retrysafe.RetryPolicy{MaxAttempts: hurried.MaxAttempts, Backoff: hurried.Backoff}
	wantInvalid(t, without.Validate(client))
}
