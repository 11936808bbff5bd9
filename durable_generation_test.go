package retrysafe_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

type asForm struct {
	Amount   int64  `form:"amount"`
	Currency string `form:"currency"`
}

// keyOf is the key of a generation, by the formula of spec/identity.md.
func keyOf(command string, generation uint64) string {
	return key.UUID(key.Derive("acme/test", command, "order-1", generation))
}

// decided makes what a first request left pending again, under its next key.
var decided = map[string]func(t *testing.T, s durable, rec *store.Record){
	"resolved": func(t *testing.T, s durable, rec *store.Record) {
		done, err := s.Resolve(context.Background(), store.Resolution{
			Name: rec.Name, Fence: rec.Fence, State: store.StatePending, NotRun: true, Evidence: "the provider's support says so", Actor: "ann",
		})
		if err != nil || done.Status != store.ResolveDone {
			t.Fatal(done.Status, err)
		}
	},
	"reopened": func(t *testing.T, s durable, rec *store.Record) {
		done, err := s.Reopen(context.Background(), store.Reopening{Name: rec.Name, Fence: rec.Fence, Evidence: "the card is good now", Actor: "ann"})
		if err != nil || done.Status != store.ResolveDone {
			t.Fatal(done.Status, err)
		}
	},
}

func TestTheNextGenerationHasItsOwnKeyWhereverTheKeyIs(t *testing.T) {
	rules := []retrysafe.Rule{{Status: 402, Verdict: retrysafe.Refused, Stored: true}}
	faults := map[string]mock.Fault{"resolved": mock.Answer(418, nil, ""), "reopened": mock.Answer(402, asJSON, `{}`)}
	places := map[string]retrysafe.KeyRules{
		"header":        {},
		"quoted header": {Header: "X-Payment-Key", Quoted: true},
		"JSON body":     {Place: retrysafe.KeyInBody, Field: "/key"},
		"form body":     {Place: retrysafe.KeyInBody, Field: "idempotency_key"},
	}
	for decision, decide := range decided {
		for place, keys := range places {
			for _, carriesOn := range []string{"a runner", "a call", "resuming"} {
				t.Run(decision+"/"+place+"/"+carriesOn, func(t *testing.T) {
					opts := &mock.Options{Script: []mock.Fault{faults[decision]}}
					storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
						client := restart(func(o *retrysafe.Options) { o.Profile = retrysafe.Profile{Key: keys, Rules: rules} })
						send := generation[charge]{cmd: createCharge, req: order}.send
						if place == "form body" {
							form := retrysafe.Command[asForm, charged]{Name: "charges.create", Path: "/v1/charges", Body: retrysafe.Form}
							send = generation[asForm]{cmd: form, req: asForm{4200, "eur"}}.send
						}
						send(t, client, "a call", false)
						rec := recordOf(t, s, "order-1")
						decide(t, s, &rec)
						send(t, client, carriesOn, true)
						rec = recordOf(t, s, "order-1")
						if rec.State != store.StateSucceeded || rec.Generation != 1 {
							t.Errorf("%v, generation %d", rec.State, rec.Generation)
						}
						sentKeys(t, p, place, keyOf("charges.create", 0), keyOf("charges.create", 1))
					})
				})
			}
		}
	}
}

type generation[Req any] struct {
	cmd retrysafe.Command[Req, charged]
	req Req
}

func (g generation[Req]) send(t *testing.T, client *retrysafe.Client, how string, applied bool) {
	t.Helper()
	ctx := context.Background()
	var err error
	switch how {
	case "a call":
		_, err = g.cmd.Do(ctx, client, "order-1", g.req)
	case "resuming":
		_, err = g.cmd.Resume(ctx, client, "order-1")
	default:
		told := 0
		_, err = client.Resume(ctx, g.cmd.Handle(retrysafe.Handlers[Req, charged]{
			Settled: func(_ context.Context, op retrysafe.Operation, res *retrysafe.Result[charged], err error) error {
				told++
				if op.Generation != 1 || string(res.Key) != keyOf("charges.create", 1) {
					t.Errorf("handler is told of generation %d with key %s", op.Generation, string(res.Key))
				}
				return err
			},
		}))
		if told != 1 {
			t.Errorf("handler was told %d times", told)
		}
	}
	if (err == nil) != applied {
		t.Fatalf("%s: %v", how, err)
	}
}

// sentKeys fails the test unless the requests had these keys, one each, and
// were the same otherwise.
func sentKeys(t *testing.T, p *mock.Provider, place string, keys ...string) {
	t.Helper()
	requests := p.Requests()
	if len(requests) != len(keys) {
		t.Fatalf("%d requests, want %d", len(requests), len(keys))
	}
	for i, want := range keys {
		r, got := requests[i], ""
		switch place {
		case "header":
			got = r.Header.Get("Idempotency-Key")
		case "quoted header":
			got = strings.Trim(r.Header.Get("X-Payment-Key"), `"`)
		case "JSON body":
			_, got, _ = strings.Cut(string(r.Body), `"key":"`)
			got, _, _ = strings.Cut(got, `"`)
		default:
			form, err := url.ParseQuery(string(r.Body))
			if err != nil {
				t.Fatal(err)
			}
			got = form.Get("idempotency_key")
		}
		if got != want {
			t.Errorf("request %d has key %q, want %q: %s", i+1, got, want, r.Body)
		}
		if without := strings.ReplaceAll(string(r.Body), want, "KEY"); i > 0 && without != strings.ReplaceAll(string(requests[0].Body), keys[0], "KEY") {
			t.Errorf("request %d is %s, want the first one's but for the key", i+1, without)
		}
	}
}

func TestACallersOwnKeyIsOfTheFirstGenerationAlone(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		own := createCharge.With(retrysafe.Call{Key: "my-own-key"})
		own.Do(context.Background(), client, "order-1", order)
		rec := recordOf(t, s, "order-1")
		decided["resolved"](t, s, &rec)
		mustResume(t, client, silent())
		if keys := p.Keys(); len(keys) != 2 || keys[0] != "my-own-key" || keys[1] != keyOf("charges.create", 1) {
			t.Errorf("keys %q", keys)
		}
	})
}

func TestACallersOwnKeyOutlivesItsCall(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		createCharge.With(retrysafe.Call{Key: "my-own-key"}).Do(context.Background(), restart(once1), "order-1", order)
		if _, err := createCharge.Resume(context.Background(), restart(), "order-1"); err != nil {
			t.Fatal(err)
		}
		p.Attempts(t, "my-own-key", 2)
		p.OneEffect(t, "my-own-key")
	})
}

func TestALateSuccessOfTheEarlierGenerationIsAConflict(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(418, nil, "")}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		do(client, "order-1")
		rec := recordOf(t, s, "order-1")
		held := rec.Token()
		decided["resolved"](t, s, &rec)
		if _, err := s.Complete(context.Background(), held, store.Completion{State: store.StateSucceeded, Result: []byte(`{"v":1}`)}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			mustResume(t, client, silent())
		}
		if len(p.Requests()) != 1 {
			t.Error("sent under another key although the earlier one was applied")
		}
		_, err := do(client, "order-1")
		if retrysafe.OutcomeOf(err) != retrysafe.Applied || asError(t, err).Evidence != retrysafe.EvidenceContradicted {
			t.Errorf("%v, want applied, and the conflict raised", err)
		}
	})
}
