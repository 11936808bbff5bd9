package retrysafe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

type downStore struct {
	durable
	down func(c *store.Completion) error
}

func (d downStore) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	if err := d.down(&c); err != nil {
		return store.Completed{}, err
	}
	return d.durable.Complete(ctx, t, c)
}

type cutBody struct{ r io.Reader }

func (c *cutBody) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
func (c *cutBody) Close() error { return nil }

func TestACutSuccessWhoseCommitFailsIsNoSuccess(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		n := 0
		d := downStore{s, func(c *store.Completion) error {
			if n++; n <= 4 {
				return errors.New("disk is gone")
			}
			return nil
		}}
		client := restart(func(o *retrysafe.Options) {
			o.Store = d
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
					Body: &cutBody{strings.NewReader(`{"id":"eff_1","am`)}}, nil
			})}
		})
		res, err := do(client, "order-1")
		rec, _ := s.Get(context.Background(), nameOf("order-1"))
		t.Logf("res=%+v value=%+v err=%v; record %v partial=%v", res, res.Value, err, rec.State, rec.Partial)
		if err == nil {
			t.Errorf("nil error and a zero value for an answer that was cut")
		}
		if !errors.Is(err, retrysafe.ErrAnswerLost) || !rec.Partial {
			t.Errorf("want ErrAnswerLost and a partial record")
		}
	})
}

// Sends again after somebody else settled it as not applied.
func TestNothingIsSentAfterNotAppliedWasRecorded(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		sent := 0
		client := restart(func(o *retrysafe.Options) {
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if sent++; sent == 1 {
					time.Sleep(5 * time.Second)
					// meanwhile an operator of another process decides: lapse forced by a short way
					rec, _ := s.Get(r.Context(), nameOf("order-1"))
					_ = rec
				}
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
					Body: &cutBody{strings.NewReader(`{"id":"eff_1","am`)}}, nil
			})}
			o.Store = contra{s}
		})
		_, err := do(client, "order-1")
		t.Logf("%v sent %d", err, sent)
		if sent > 1 {
			t.Errorf("sent %d times although the record says not applied", sent)
		}
	})
}

// contra settles the record as refused by another before the first completion.
type contra struct{ durable }

func (d contra) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	rec, _ := d.Get(ctx, t.Name)
	if rec.State == store.StateInFlight {
		_, _ = d.durable.Complete(ctx, rec.Token(), store.Completion{State: store.StateFailed, Reason: store.ReasonRefused})
	}
	return d.durable.Complete(ctx, t, c)
}

type slowComplete struct{ durable }

func (d slowComplete) Complete(ctx context.Context, t store.Token, c store.Completion) (store.Completed, error) {
	<-ctx.Done()
	return store.Completed{}, ctx.Err()
}

func TestACompletionsOwnTimeoutIsNotTheCallersDeadline(t *testing.T) {
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Answer(400, http.Header{"Content-Type": {"application/json"}}, `{}`)}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(func(o *retrysafe.Options) { o.Store = slowComplete{s} })
		_, err := do(client, "order-1")
		t.Logf("%v", err)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("errors.Is(DeadlineExceeded), and the caller had no deadline: %v", err)
		}
	})
}

func TestFirstDoesNotOutweighTheRecord(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		first := createCharge.With(retrysafe.Call{First: true})
		if _, err := first.Do(context.Background(), client, "order-1", charge{Amount: 1, Currency: "eur"}); err != nil {
			t.Fatal(err)
		}
		bad := createCharge.With(retrysafe.Call{First: true, Header: http.Header{"Authorization": {"x"}}})
		_, err := bad.Do(context.Background(), client, "order-1", charge{Amount: 1, Currency: "eur"})
		t.Logf("%v %v", retrysafe.OutcomeOf(err), err)
		if retrysafe.OutcomeOf(err) == retrysafe.NotApplied {
			t.Errorf("told not applied of what is recorded as applied")
		}
	})
}

func TestMemoryAddsTheTimeInTheQueue(t *testing.T) {
	s := store.NewMemory()
	ctx := context.Background()
	name := store.Name{Scope: "a", Kind: "k", ID: "1"}
	intent := store.Intent{Name: name, OnLapse: store.LapseResume}
	g, err := s.Claim(ctx, store.Claim{Intent: intent, Lease: time.Minute, Nonce: store.Nonce{1}})
	if err != nil {
		t.Fatal(err)
	}
	inside, asked := make(chan bool), make(chan bool)
	var late store.Grant
	go func() {
		<-inside
		close(asked)
		late, _ = s.Claim(ctx, store.Claim{Intent: intent, Lease: time.Minute, Nonce: store.Nonce{2}})
		close(inside2)
	}()
	_ = s.Batch(ctx, func(tx store.Tx) error {
		close(inside)
		<-asked
		time.Sleep(50 * time.Millisecond)
		_, err := tx.Complete(ctx, g.Record.Token(), store.Completion{State: store.StateFailed, Reason: store.ReasonNotRun})
		return err
	})
	<-inside2
	if late.Status != store.ClaimSettled {
		t.Errorf("a call that was waiting when it ended got %v, want the failure", late.Status)
	}
}

var inside2 = make(chan bool)
