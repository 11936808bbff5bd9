package retrysafe_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// TestWhatCannotBeRecordedAsItIsSentIsRefused: after a crash other bytes would
// be sent than before it.
func TestWhatCannotBeRecordedAsItIsSentIsRefused(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		latin := createCharge.With(retrysafe.Call{Header: http.Header{"X-Note": {"caf\xe9"}}})
		_, err := latin.Do(context.Background(), restart(), "order-1", charge{Amount: 1})
		wantInvalid(t, err)
		if n := len(p.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
		stored := func(o *retrysafe.Options) { o.Store, o.Account = nil, "" }
		if _, err := latin.Do(context.Background(), restart(stored), "order-1", charge{Amount: 1}); err != nil {
			t.Errorf("without a store: %v", err)
		}
	})
}

type loop *loop

func TestATypeThatPointsToItselfIsRefused(t *testing.T) {
	type request struct {
		ID loop `path:"id"`
	}
	command := retrysafe.Command[request, retrysafe.None]{Name: "loops", Path: "/v1/{id}"}
	wantInvalid(t, command.Validate(exampleClient()))
}
