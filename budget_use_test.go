package retrysafe_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/retrysafe/retrysafe"
)

func TestOnlyAnAnswerThatSettlesAnOperationPaysBack(t *testing.T) {
	for name, c := range map[string]struct {
		answer scene
		tokens int // of 10, of which 5 are spent
	}{
		"success":       {yes(), 6},
		"refusal":       {bad(), 6},
		"cut":           {yesCut(), 5},
		"undecodable":   {yesUndecodable(), 5},
		"unavailable":   {unavailable(), 5},
		"too many":      {tooMany(), 5},
		"in flight":     {inFlight(), 5},
		"lost":          {lost(), 5},
		"not from them": {airport(), 5},
	} {
		t.Run(name, func(t *testing.T) {
			budget := &retrysafe.Budget{Capacity: 10}
			takeTokens(budget, 5)
			client := wireClient(t, playing(c.answer), retrysafe.Options{Retry: retrysafe.RetryPolicy{MaxAttempts: 1, Budget: budget}})
			createCharge.Do(t.Context(), client, "order-1", charge{})
			if got := budget.Tokens(); got != c.tokens {
				t.Errorf("%d tokens, want %d", got, c.tokens)
			}
		})
	}
}

func TestAServerThatCutsEverySuccessGetsNoMoreRetriesThanTheBudgetHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := &retrysafe.Budget{Capacity: 20}
		const operations = 50
		var cuts []scene
		for range operations + 20 {
			cuts = append(cuts, yesCut())
		}
		client := wireClient(t, playing(cuts...), retrysafe.Options{Retry: retrysafe.RetryPolicy{Budget: budget}})
		attempts := 0
		for i := range operations {
			_, err := createCharge.Do(t.Context(), client, fmt.Sprint("order-", i), charge{})
			attempts += len(asError(t, err).Attempts)
		}
		if attempts != operations+20 || budget.Tokens() != 0 {
			t.Errorf("%d attempts and %d tokens left, want %d and none", attempts, budget.Tokens(), operations+20)
		}
	})
}

// A command may be built in the function that calls it, and its policy with it.
func TestACommandBuiltAnewForEveryCallIsOneDeclaration(t *testing.T) {
	build := func(perAnswer int) retrysafe.Command[charge, charged] {
		cmd, policy := createCharge, hurried
		policy.Budget = &retrysafe.Budget{PerAnswer: perAnswer}
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
