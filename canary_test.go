package retrysafe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// The canaries: each is somewhere in the request or the answer, and must be
// nowhere in what is printed, marshalled or logged.
const (
	canaryCredential = "sk_live_CANARY_credential"
	canarySigned     = "CANARY_signature"
	canaryQuery      = "CANARY_query"
	canaryBody       = "CANARY_body"
	canaryAnswer     = "CANARY_answer"
	canaryHeader     = "CANARY_header"
	canaryMessage    = "CANARY_message"
	canaryOwnKey     = "CANARY-own-key-0001"
)

type canaryRequest struct {
	Token string `query:"token" json:"-"`
	Card  string `json:"card"`
}

var canaryCommand = retrysafe.Command[canaryRequest, charged]{Name: "canaries.sing", Path: "/v1/canaries"}

// TestNoSecretReachesALogOrAnError looks at everything that a call leaves
// behind, over every way in which it can end.
func TestNoSecretReachesALogOrAnError(t *testing.T) {
	failing := func(err error) http.RoundTripper {
		return transportFunc(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	answering := func(status int, header http.Header, body string) http.RoundTripper {
		return transportFunc(func(req *http.Request) (*http.Response, error) {
			h := header.Clone()
			if h == nil {
				h = http.Header{"Content-Type": {"application/json"}}
			}
			h.Set("X-Secret", canaryHeader)
			h.Set("Idempotency-Key", req.Header.Get("Idempotency-Key"))
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}, nil
		})
	}
	whole := `{"id":"` + canaryAnswer + `","detail":"` + canaryMessage + `","title":"` + canaryMessage + `"}`
	problem := http.Header{"Content-Type": {"application/problem+json"}}
	for name, transport := range map[string]http.RoundTripper{
		"success":             answering(200, nil, whole),
		"refused":             answering(400, problem, whole),
		"declined":            answering(402, nil, whole),
		"in flight":           answering(409, problem, whole),
		"unavailable":         answering(503, nil, whole),
		"undecodable":         answering(200, nil, `{"id":{"`+canaryAnswer+`":1}}`),
		"cut":                 answering(200, nil, `{"id":"`+canaryAnswer),
		"not the provider's":  answering(200, http.Header{"Content-Type": {"text/html"}}, whole),
		"network":             failing(fmt.Errorf("Post %q: refused, key %s", "https://x?token="+canaryQuery, canaryOwnKey)),
		"network, no context": failing(io.ErrUnexpectedEOF),
		"mock":                mustProvider(t, mock.LoseAnswer()),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { singCanaries(t, transport) })
		})
	}
}

func mustProvider(t *testing.T, script ...mock.Fault) http.RoundTripper {
	p, err := mock.NewProvider(&mock.Options{Script: script})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func singCanaries(t *testing.T, transport http.RoundTripper) {
	var logged bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	spy := &spyObserver{}
	client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
		HTTPClient: &http.Client{Transport: transport},
		Authorize: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+canaryCredential)
			q := r.URL.Query()
			q.Set("sig", canarySigned)
			r.URL.RawQuery = q.Encode()
			return nil
		},
		Header:   http.Header{"X-Tenant": {canaryHeader}},
		Observer: retrysafe.Observers(retrysafe.LogTo(logger), spy),
	})
	if err != nil {
		t.Fatal(err)
	}
	call := retrysafe.Call{Key: canaryOwnKey}
	res, err := canaryCommand.With(call).Do(context.Background(), client, "order-1", canaryRequest{Token: canaryQuery, Card: canaryBody})
	printed := append(everyPrint(t, spy.events...), logged.String())
	if res != nil {
		printed = append(printed, everyPrint(t, res, *res)...)
		for _, a := range res.Attempts {
			printed = append(printed, everyPrint(t, a)...)
		}
	}
	var e *retrysafe.Error
	if errors.As(err, &e) {
		printed = append(printed, everyPrint(t, e, *e, e.Operation)...)
		for _, a := range e.Attempts {
			printed = append(printed, everyPrint(t, a)...)
		}
	}
	if res == nil && e == nil {
		t.Fatal("the call left nothing to look at")
	}
	for _, text := range printed {
		for _, canary := range []string{
			canaryCredential, canarySigned, canaryQuery, canaryBody, canaryAnswer, canaryHeader, canaryMessage, canaryOwnKey,
		} {
			if strings.Contains(text, canary) {
				t.Errorf("%s is in %s", canary, text)
			}
		}
	}
}

// everyPrint prints, marshals and logs each value in every way that is at hand.
func everyPrint(t *testing.T, values ...any) []string {
	t.Helper()
	var all []string
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
			all = append(all, fmt.Sprintf(verb, v))
		}
		if _, attempt := v.(retrysafe.Attempt); !attempt {
			// Go syntax of an attempt shows the wrapped error, on request.
			all = append(all, fmt.Sprintf("%#v", v))
		}
		marshalled, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("it", "value", v)
		all = append(all, string(marshalled), log.String())
	}
	return all
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	return f(req)
}

// spyObserver counts starts and ends, and keeps what may be printed of them.
type spyObserver struct {
	operations, operationEnds, attempts, attemptEnds int
	events                                           []any
	ends                                             []retrysafe.OperationEnd
	attemptsSeen                                     []retrysafe.Attempt
}

func (s *spyObserver) OperationStart(ctx context.Context, e retrysafe.OperationStart) context.Context {
	s.operations++
	s.events = append(s.events, e)
	return ctx
}

func (s *spyObserver) OperationEnd(_ context.Context, e retrysafe.OperationEnd) {
	s.operationEnds++
	s.events, s.ends = append(s.events, e), append(s.ends, e)
}

func (s *spyObserver) AttemptStart(ctx context.Context, e retrysafe.AttemptStart) context.Context {
	s.attempts++
	s.events = append(s.events, e)
	e.Header.Set("Traceparent", fmt.Sprintf("00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033%02d-01", e.Number))
	return ctx
}

func (s *spyObserver) AttemptEnd(_ context.Context, e retrysafe.AttemptEnd) {
	s.attemptEnds++
	s.events, s.attemptsSeen = append(s.events, e), append(s.attemptsSeen, e.Attempt)
}

func TestEveryStartHasOneEnd(t *testing.T) {
	panicking := transportFunc(func(*http.Request) (*http.Response, error) { panic("in the transport") })
	refusing := func(*http.Request) error { return errors.New("no token") }
	for name, c := range map[string]struct {
		transport http.RoundTripper
		authorize func(*http.Request) error
		timeout   time.Duration
		attempts  int
	}{
		"success":                 {transport: mustProvider(t), attempts: 1},
		"answer lost once":        {transport: mustProvider(t, mock.LoseAnswer()), attempts: 2},
		"authorize fails":         {transport: mustProvider(t), authorize: refusing, attempts: 1},
		"deadline during a wait":  {transport: mustProvider(t, mock.Unavailable("").Times(9)), timeout: 100 * time.Millisecond, attempts: 1},
		"deadline in an attempt":  {transport: mustProvider(t, mock.StallBeforeEffect(time.Hour)), timeout: 100 * time.Millisecond, attempts: 1},
		"a panic passing through": {transport: panicking, attempts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			spy := &spyObserver{}
			client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
				HTTPClient: &http.Client{Transport: c.transport}, Authorize: c.authorize, Observer: spy,
				Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			if c.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
			}
			func() {
				defer func() { _ = recover() }()
				createCharge.Do(ctx, client, "order-1", charge{Amount: 1})
			}()
			if spy.operations != 1 || spy.operationEnds != 1 {
				t.Errorf("operation: %d starts, %d ends, want 1 and 1", spy.operations, spy.operationEnds)
			}
			if spy.attempts < c.attempts || spy.attempts != spy.attemptEnds {
				t.Errorf("attempts: %d starts, %d ends, want at least %d and as many", spy.attempts, spy.attemptEnds, c.attempts)
			}
		})
	}
}

type panicking struct{}

func (*panicking) UnmarshalJSON([]byte) error { panic("while decoding") }

func TestAPanicWhileAnAnswerIsReadLeavesNoStartWithoutAnEnd(t *testing.T) {
	spy := &spyObserver{}
	client := wireClient(t, &sent{}, retrysafe.Options{Observer: spy})
	func() {
		defer func() { _ = recover() }()
		retrysafe.Command[charge, panicking]{Name: "panicking", Path: "/"}.Do(t.Context(), client, "order-1", charge{})
	}()
	if spy.operations != 1 || spy.operationEnds != 1 || spy.attempts != 1 || spy.attemptEnds != 1 {
		t.Errorf("%d and %d operations, %d and %d attempts; want 1 of each",
			spy.operations, spy.operationEnds, spy.attempts, spy.attemptEnds)
	}
}

func TestAnObserverAddsHeadersToEachAttempt(t *testing.T) {
	provider, err := mock.NewProvider(&mock.Options{Script: []mock.Fault{mock.ResetBeforeEffect()}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
		HTTPClient: provider.Client(), Observer: retrysafe.Observers(nil, retrysafe.LogTo(nil), &spyObserver{}),
		Retry: retrysafe.RetryPolicy{Backoff: retrysafe.Backoff{Base: time.Millisecond}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := createCharge.Do(context.Background(), client, "order-1", charge{Amount: 1}); err != nil {
		t.Fatal(err)
	}
	var parents []string
	for _, req := range provider.Requests() {
		parents = append(parents, req.Header.Get("Traceparent"))
	}
	if len(parents) != 2 || parents[0] == parents[1] || parents[0] == "" {
		t.Errorf("traceparents are %q, want two different ones", parents)
	}
}
