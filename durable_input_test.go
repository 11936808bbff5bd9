package retrysafe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

type olderCharge struct {
	Currency string `json:"currency"`
	Account  string `json:"-" header:"X-Merchant"`
	Amount   int64  `json:"amount"`
	Place    string `json:"-" path:"place"`
}

// TestWhatAnOlderVersionBeganIsResumedAsItWasWritten lets an application change
// everything about a command but its name.
func TestWhatAnOlderVersionBeganIsResumedAsItWasWritten(t *testing.T) {
	older := retrysafe.Command[olderCharge, charged]{Name: createCharge.Name, Path: "/v0/{place}/charges", Method: http.MethodPut}
	oldProfile := func(o *retrysafe.Options) {
		o.Header = http.Header{"Api-Version": {"2019-01-01"}}
		o.Profile = windowed
		o.Profile.Key = retrysafe.KeyRules{Alphabet: "0123456789", MaxLength: 39, Quoted: true}
		o.Retry.MaxAttempts = 1
	}
	newProfile := func(o *retrysafe.Options) {
		o.Header = http.Header{"Api-Version": {"2026-01-01"}}
		o.Profile = windowed
		o.Profile.Key = retrysafe.KeyRules{Header: "X-Payment-Key"}
	}
	for how, resume := range map[string]func(t *testing.T, client *retrysafe.Client) error{
		"a runner": func(t *testing.T, client *retrysafe.Client) error {
			report := mustResume(t, client, silent())
			if report.Applied != 1 {
				return fmt.Errorf("%+v", report)
			}
			return nil
		},
		"resuming": func(t *testing.T, client *retrysafe.Client) error {
			_, err := createCharge.Resume(context.Background(), client, "order-1")
			return err
		},
	} {
		for _, enqueued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/enqueued %t", how, enqueued), func(t *testing.T) {
				storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
					before := restart(oldProfile)
					req := olderCharge{Currency: "eur", Account: "m_1", Amount: 4200, Place: "a b"}
					if enqueued {
						if _, err := older.Enqueue(context.Background(), before, nil, "order-1", req); err != nil {
							t.Fatal(err)
						}
						before.Resume(context.Background(), older.Handle(retrysafe.Handlers[olderCharge, charged]{}))
					} else {
						if _, err := older.Do(context.Background(), before, "order-1", req); retrysafe.OutcomeOf(err) != retrysafe.Unknown || !retrysafe.Retryable(err) {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Minute)
					if err := resume(t, restart(newProfile)); err != nil {
						t.Fatal(err)
					}
					requests := p.Requests()
					if len(requests) != 2 {
						t.Fatalf("%d requests", len(requests))
					}
					first, second := requests[0], requests[1]
					if second.Method != http.MethodPut || second.Path != first.Path || !bytes.Equal(first.Body, second.Body) || second.Key != first.Key || strings.Trim(second.Key, "0123456789") != "" {
						t.Errorf("resumed as %v %s, want %v %s", second, second.Body, first, first.Body)
					}
					first.Header.Del("Authorization")
					if got, want := fmt.Sprint(second.Header), fmt.Sprint(first.Header); got != want {
						t.Errorf("resumed with %s, want %s", got, want)
					}
					p.OneEffect(t, first.Key)
				})
			})
		}
	}
}

func TestACallSendsTheRecordedBytesWhateverItsOwnAre(t *testing.T) {
	pay := createCharge
	pay.Identity = func(c charge) []any { return []any{c.Amount} }
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		pay.Do(context.Background(), restart(once1), "order-1", charge{Amount: 4200, Currency: "eur"})
		if _, err := pay.Do(context.Background(), restart(), "order-1", charge{Amount: 4200, Currency: "EUR"}); err != nil {
			t.Fatal(err)
		}
		for i, r := range p.Requests() {
			if string(r.Body) != `{"amount":4200,"currency":"eur"}` {
				t.Errorf("request %d: %s", i+1, r.Body)
			}
		}
		p.OneEffectEach(t)
	})
}

func TestWhatWasNotRunIsRecordedAnewByTheCallThatAsksAgain(t *testing.T) {
	pay := createCharge
	pay.Identity = func(c charge) []any { return []any{c.Amount} }
	storeBubble(t, &mock.Options{Script: []mock.Fault{mock.Refuse(), mock.LoseAnswer()}}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart(once1)
		for _, currency := range []string{"eur", "EUR"} {
			pay.Do(context.Background(), client, "order-1", charge{Amount: 4200, Currency: currency})
			time.Sleep(time.Second)
		}
		if _, err := pay.Resume(context.Background(), client, "order-1"); err != nil {
			t.Fatal(err)
		}
		if requests := p.Requests(); len(requests) != 3 || !bytes.Equal(requests[1].Body, requests[2].Body) || !strings.Contains(string(requests[2].Body), "EUR") {
			t.Errorf("%d requests, the last with %s", len(requests), requests[len(requests)-1].Body)
		}
		p.OneEffectEach(t)
	})
}

// rows are the records of everybody, as text without what a read changes.
func rows(t *testing.T, s durable) map[string]string {
	t.Helper()
	list, err := s.List(context.Background(), store.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range list {
		rec, err := s.Get(context.Background(), r.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[rec.Scope+"/"+rec.Kind+"/"+rec.ID] = fmt.Sprintf("%+v", rec)
	}
	return all
}

func TestARunnerTouchesNobodyElsesRows(t *testing.T) {
	as := func(account string) func(*retrysafe.Options) {
		return func(o *retrysafe.Options) { o.Account, o.Retry.MaxAttempts = account, 1 }
	}
	opts := &mock.Options{Script: []mock.Fault{mock.LoseAnswer(), mock.LoseAnswer()}}
	storeBubble(t, opts, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		ann, ben := restart(as("ann")), restart(as("ben"))
		for _, client := range []*retrysafe.Client{ann, ben} {
			do(client, "order-1") // unknown
			mustEnqueue(t, client, "order-2")
		}
		mustEnqueueFor := createCharge.With(retrysafe.Call{Account: "a shop of ann's"})
		if _, err := mustEnqueueFor.Enqueue(context.Background(), ann, nil, "order-3", order); err != nil {
			t.Fatal(err)
		}
		before := rows(t, s)
		time.Sleep(time.Hour)
		report := mustResume(t, ann, silent())
		if report.Applied != 3 || len(report.Unhandled) != 0 {
			t.Errorf("%+v, want ann's three", report)
		}
		after := rows(t, s)
		for row, was := range before {
			if ofBen := strings.HasPrefix(row, "ben/"); ofBen == (after[row] != was) {
				t.Errorf("row %s: touched is %t", row, !ofBen)
			}
		}
		if len(after) != 5 || !strings.Contains(fmt.Sprint(after), "a shop of ann's") {
			t.Errorf("%d rows", len(after))
		}
		if report := mustResume(t, ben, silent()); report.Applied != 2 {
			t.Errorf("%+v, want ben's two", report)
		}
		p.OneEffectEach(t)
		p.DistinctKeys(t, 5)
	})
}

func TestOneIDOfTwoAccountsIsTwoOperations(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		for _, account := range []string{"", "acme/other"} {
			res, err := createCharge.With(retrysafe.Call{Account: account}).Do(context.Background(), client, "order-1", order)
			if err != nil || res.Recorded {
				t.Errorf("account %q: %v %v", account, res, err)
			}
		}
		if _, err := createCharge.With(retrysafe.Call{Account: "acme/third"}).Lookup(context.Background(), client, "order-1"); !errors.Is(err, retrysafe.ErrNotFound) {
			t.Errorf("another account's: %v", err)
		}
		p.DistinctKeys(t, 2)
	})
}

const (
	secretToken  = "sk_live_token"
	secretCookie = "session_of_ann"
	secretBody   = "4242424242424242"
)

// logged is an Observer that writes to a buffer.
func logged(to *bytes.Buffer) func(*retrysafe.Options) {
	return func(o *retrysafe.Options) {
		o.Observer = retrysafe.LogTo(slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
}

func TestCredentialsAreInNoRecordAndSecretsInNoLog(t *testing.T) {
	type card struct {
		Number string `json:"number"`
		Limit  string `json:"-" query:"secret"`
	}
	pay := retrysafe.Command[card, charged]{Name: "cards.charge", Path: "/v1/charges"}
	answer := http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {secretCookie}, "Www-Authenticate": {secretCookie}, "X-Session": {secretCookie}}
	for name, script := range map[string][]mock.Fault{
		"done":         {mock.Answer(201, answer, `{"id":"ch_1"}`)},
		"lost":         {mock.LoseAnswer(), mock.Answer(201, answer, `{"id":"ch_1"}`)},
		"refused":      {mock.Answer(400, answer, `{"code":"no"}`)},
		"unauthorized": {mock.Answer(401, answer, `{}`)},
		"stuck":        {mock.Answer(418, answer, ``)},
		"busy":         {mock.Answer(503, answer, ``).Times(5)},
		"cut":          {mock.CutBody(2).Times(5)},
	} {
		t.Run(name, func(t *testing.T) {
			storeBubble(t, &mock.Options{Script: script}, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
				var log bytes.Buffer
				client := restart(logged(&log), func(o *retrysafe.Options) {
					o.Authorize = func(r *http.Request) error {
						r.Header.Set("Authorization", "Bearer "+secretToken)
						r.Header.Set("Cookie", secretToken)
						r.URL.RawQuery += "&token=" + secretToken
						return nil
					}
				})
				res, err := pay.Do(context.Background(), client, "order-1", card{secretBody, "hush"})
				rec, _ := s.Get(context.Background(), store.Name{Scope: "acme/test", Kind: pay.Name, ID: "order-1"})
				kept := unpacked(t, &rec)
				for _, secret := range []string{secretToken, secretCookie, string(p.Keys()[0])} {
					if strings.Contains(kept, secret) {
						t.Errorf("the record has %q: %s", secret, kept)
					}
				}
				if !strings.Contains(kept, secretBody) {
					t.Error("the record does not have the request, so the test looks at the wrong thing")
				}
				_, again := pay.Do(context.Background(), client, "order-1", card{secretBody, "hush"})
				_, reused := pay.Do(context.Background(), client, "order-1", card{"5555" + secretBody, "hush"})
				_, looked := pay.Lookup(context.Background(), client, "order-1")
				asJSON, _ := json.Marshal([]any{err, again, res})
				said := fmt.Sprintf("%v %+v %#v %v %v %v %s %s", err, err, err, again, reused, looked, asJSON, log.String())
				for _, secret := range []string{secretToken, secretCookie, secretBody, "hush", p.Keys()[0]} {
					if strings.Contains(said, secret) {
						t.Errorf("%q is in a text: %s", secret, said)
					}
				}
			})
		})
	}
}

// unpacked is a record as text, with the bytes in it read.
func unpacked(t *testing.T, rec *store.Record) string {
	t.Helper()
	text := fmt.Sprintf("%+v %s %s", *rec, rec.Request, rec.Result)
	for _, raw := range [][]byte{rec.Request, rec.Result} {
		var inside struct {
			Header http.Header `json:"header"`
		}
		line, body, _ := bytes.Cut(raw, []byte{'\n'})
		if err := json.Unmarshal(line, &inside); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		text += fmt.Sprintf(" %s %v", body, inside.Header)
	}
	return text
}

func TestAStoresErrorDoesNotShowTheKey(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		var log bytes.Buffer
		key, _ := createCharge.Key(restart(), "order-1")
		client := restart(logged(&log), func(o *retrysafe.Options) { o.Store = talkative{s, string(key)} })
		_, err := do(client, "order-1")
		if text := fmt.Sprintf("%v %+v", err, errors.Unwrap(err)) + log.String(); strings.Contains(text, string(key)) || !errors.Is(err, retrysafe.ErrStore) {
			t.Errorf("%s", text)
		}
		for _, cause := range asError(t, err).Unwrap() {
			if strings.Contains(cause.Error(), string(key)) {
				t.Errorf("cause %v", cause)
			}
		}
	})
}

// talkative is a store whose errors say too much.
type talkative struct {
	durable
	secret string
}

func (s talkative) Claim(context.Context, store.Claim) (store.Grant, error) {
	return store.Grant{}, errors.New("claim failed for key " + s.secret)
}

func TestAnAnswerIsKeptForAsLongAsTheCommandSays(t *testing.T) {
	brief := createCharge
	brief.Retention = time.Hour
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		client := restart()
		if _, err := brief.Do(context.Background(), client, "order-1", order); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		s.Purge(context.Background(), store.PurgeLimits{Limit: 10})
		if res, err := brief.Do(context.Background(), client, "order-1", order); err != nil || !res.Recorded {
			t.Errorf("within its time: %v %v", res, err)
		}
		time.Sleep(time.Hour)
		s.Purge(context.Background(), store.PurgeLimits{Limit: 10})
		_, err := brief.Do(context.Background(), client, "order-1", order)
		if retrysafe.OutcomeOf(err) != retrysafe.Applied || !errors.Is(err, retrysafe.ErrAnswerGone) || retrysafe.Retryable(err) {
			t.Errorf("%v, want applied, answer gone", err)
		}
		_, err = brief.Do(context.Background(), client, "order-1", charge{Amount: 1})
		if !errors.Is(err, retrysafe.ErrKeyReused) {
			t.Errorf("another request: %v", err)
		}
		if _, err := brief.Enqueue(context.Background(), client, nil, "order-1", order); err != nil {
			t.Errorf("enqueued: %v", err)
		}
		p.Attempts(t, p.Keys()[0], 1)
	})
}
