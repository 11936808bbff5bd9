package soak_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/store"
)

type charge struct {
	Number int    `path:"order" json:"-"`
	Note   string `json:"note"`
}

type receipt struct {
	Order int `json:"order"`
}

var createCharge = retrysafe.Command[charge, receipt]{Name: "charges.create", Path: "/orders/{order}/charge"}

// caller makes operations, through a client and through a transport over it.
type caller struct {
	client *retrysafe.Client
	sdk    *http.Client
	url    string
}

func newCaller(url string, transport http.RoundTripper, s store.Store) (*caller, error) {
	client, err := retrysafe.NewClient(url, &retrysafe.Options{
		Account: "acme/soak/live", Store: s, HTTPClient: &http.Client{Transport: transport},
		Profile: retrysafe.Profile{Window: time.Hour, Rules: []retrysafe.Rule{
			{Status: 402, At: "/error/type", Is: "card_error", Verdict: retrysafe.Refused, Stored: true},
		}},
		Retry: retrysafe.RetryPolicy{
			AttemptTimeout: attemptTimeout, Backoff: retrysafe.Backoff{Base: 50 * time.Microsecond, Cap: time.Millisecond},
			Budget: &retrysafe.Budget{Capacity: 1 << 30, PerAnswer: 1 << 20}, // Failures are the rule here.
		},
	})
	if err != nil {
		return nil, err
	}
	sdk, err := retrysafe.NewTransport(client, nil)
	if err != nil {
		return nil, err
	}
	return &caller{client: client, sdk: &http.Client{Transport: sdk}, url: url}, nil
}

// ending is what a caller was told of one operation.
type ending struct {
	outcome retrysafe.Outcome
	calls   int
	wrong   bool // the answer was another operation's
}

// operate makes one operation, and calls again while its end is not known and
// that may help, as an application would.
func (c *caller) operate(number int) (e ending) {
	r := rand.New(rand.NewPCG(uint64(number), 1<<32))
	how := c.do
	switch r.IntN(20) {
	case 0:
		how = c.stream
	case 1, 2, 3:
		how = c.send
	}
	for e.calls < 4 {
		e.calls++
		got, err := how(number, e.calls == 1, r)
		e.outcome, e.wrong = retrysafe.OutcomeOf(err), e.wrong || err == nil && got != number
		if e.outcome != retrysafe.Unknown || !retrysafe.Retryable(err) {
			break
		}
	}
	return e
}

// impatient is a context that some callers end at any time.
func impatient(r *rand.Rand) (context.Context, context.CancelFunc) {
	if r.IntN(40) > 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), rand.N(2*time.Millisecond))
}

func (c *caller) do(number int, first bool, r *rand.Rand) (int, error) {
	ctx, cancel := impatient(r)
	defer cancel()
	command := createCharge.With(retrysafe.Call{First: first})
	res, err := command.Do(ctx, c.client, "order-"+strconv.Itoa(number), charge{Number: number, Note: "soak"})
	if err != nil {
		return 0, err
	}
	return res.Value.Order, nil
}

// send makes an operation as an SDK does that knows nothing of ours.
func (c *caller) send(number int, _ bool, r *rand.Rand) (got int, err error) {
	ctx, cancel := impatient(r)
	defer cancel()
	ctx, report := retrysafe.WithOperation(ctx, "charges.sdk", "order-"+strconv.Itoa(number))
	resp, err := c.post(ctx, number, "charge")
	if err == nil {
		defer resp.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, enough))
		got = read(body, `{"order":%d}`, number)
	}
	return got, told(err, report)
}

// enough is what is read of an answer that does not end.
const enough = 10 << 20

// read takes an operation's number out of an answer. A transport does not
// decode: what comes through it may be cut, or mean nothing, and is then
// nobody's.
func read(answer []byte, as string, otherwise int) (got int) {
	if n, err := fmt.Sscanf(string(answer), as, &got); n != 1 || err != nil {
		return otherwise
	}
	return got
}

// stream listens to one event, and then goes away: by closing the body, or by
// ending the context and leaving the body alone.
func (c *caller) stream(number int, _ bool, r *rand.Rand) (got int, err error) {
	ctx, cancel := impatient(r)
	defer cancel()
	ctx, report := retrysafe.WithOperation(ctx, "streams.sdk", "order-"+strconv.Itoa(number))
	resp, err := c.post(ctx, number, "stream")
	if err == nil {
		event, _ := bufio.NewReader(io.LimitReader(resp.Body, enough)).ReadBytes('\n')
		got = read(event, `data: {"order":%d}`, number)
		if r.IntN(2) == 0 {
			resp.Body.Close()
		}
	}
	return got, told(err, report)
}

func (c *caller) post(ctx context.Context, number int, what string) (*http.Response, error) {
	url := c.url + "/orders/" + strconv.Itoa(number) + "/" + what
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(`{"note":"soak"}`)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.sdk.Do(req)
}

// told is what the report says, which must not be contradicted by the error
// that the SDK was given.
func told(err error, report *retrysafe.Report) error {
	end := report.Err()
	var e *retrysafe.Error
	if errors.As(err, &e) && retrysafe.OutcomeOf(end) != e.Outcome {
		return errors.Join(end, e) // They disagree: unknown, which the test counts.
	}
	return end
}

// storm makes operations, several at a time.
func storm(callers []*caller, from int, endings []ending) {
	const atOnce = 64
	var next atomic.Int64
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(endings); n = int(next.Add(1)) - 1 {
				endings[n] = callers[n%len(callers)].operate(from + n)
			}
		})
	}
	wg.Wait()
}
