package mock_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/retrysafe/retrysafe/mock"
)

// mocked is a client in httpmock's idiom, with one route.
func mocked(responder httpmock.Responder) (*http.Client, *httpmock.MockTransport) {
	transport := httpmock.NewMockTransport()
	transport.RegisterResponder("POST", "https://api.test/v1/charges", responder)
	return &http.Client{Transport: transport}, transport
}

func TestRespondersAnswer(t *testing.T) {
	ran := 0
	effect := func() { ran++ }
	made := mock.JSON(201, map[string]string{"id": "ch_1"})
	for name, test := range map[string]struct {
		responder httpmock.Responder
		status    int
		err       error
		body      string
		effects   int
	}{
		"Respond":             {mock.Respond(made), 201, nil, `{"id":"ch_1"}`, 0},
		"Respond with zero":   {mock.Respond(mock.Reply{}), 200, nil, "", 0},
		"Replay":              {mock.Replay(made), 201, nil, `{"id":"ch_1"}`, 0},
		"LostAnswer":          {mock.LostAnswer(effect), 0, io.EOF, "", 1},
		"LostAnswer of none":  {mock.LostAnswer(nil), 0, io.EOF, "", 0},
		"CutAnswer":           {mock.CutAnswer(effect, made, 5), 201, io.ErrUnexpectedEOF, `{"id"`, 1},
		"CutAnswer beyond":    {mock.CutAnswer(effect, made, 99), 201, io.ErrUnexpectedEOF, `{"id":"ch_1"`, 1},
		"CutAnswer below":     {mock.CutAnswer(nil, made, -1), 201, io.ErrUnexpectedEOF, "", 0},
		"InFlight":            {mock.InFlight(mock.IETF, 1, nil), 409, nil, "outstanding", 0},
		"InFlight of Stripe":  {mock.InFlight(mock.StripeV1, 1, nil), 409, nil, "idempotency_key_in_use", 0},
		"Mismatch":            {mock.Mismatch(mock.IETF), 422, nil, "already used", 0},
		"Mismatch of Stripe":  {mock.Mismatch(mock.StripeV1), 400, nil, "idempotency_error", 0},
		"RetryAfter":          {mock.RetryAfter(503, "120"), 503, nil, "Service Unavailable", 0},
		"Timeout without end": {mock.Timeout(), 0, os.ErrDeadlineExceeded, "", 0},
		"TimeoutAfter":        {mock.TimeoutAfter(effect), 0, os.ErrDeadlineExceeded, "", 1},
		"Reset":               {mock.Reset(), 0, syscall.ECONNRESET, "", 0},
		"Refused":             {mock.Refused(), 0, syscall.ECONNREFUSED, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			ran = 0
			client, transport := mocked(test.responder)
			a := post(client, "https://api.test", "k1", `{}`)
			if a.status != test.status || !errors.Is(a.err, test.err) || !contains(a.body, test.body) || ran != test.effects {
				t.Errorf("got %v, %d effects", a, ran)
			}
			if transport.GetTotalCallCount() != 1 {
				t.Errorf("httpmock counted %d calls", transport.GetTotalCallCount())
			}
		})
	}
}

func TestRespondersKeepTheirHeaders(t *testing.T) {
	client, _ := mocked(mock.Sequence(mock.RetryAfter(429, "Fri, 31 Dec 1999 23:59:59 GMT"), mock.Replay(mock.Reply{})))
	if got := post(client, "https://api.test", "k1", `{}`).header.Get("Retry-After"); got != "Fri, 31 Dec 1999 23:59:59 GMT" {
		t.Errorf("Retry-After %q", got)
	}
	if got := post(client, "https://api.test", "k1", `{}`).header.Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("Idempotent-Replayed %q", got)
	}
}

func TestSequenceStaysAtItsLast(t *testing.T) {
	client, _ := mocked(mock.Sequence(
		mock.RetryAfter(503, "1"), mock.InFlight(mock.IETF, 1, nil), mock.Respond(mock.Reply{Status: 201})))
	for n, want := range []int{503, 409, 201, 201} {
		if a := post(client, "https://api.test", "k1", `{}`); a.status != want {
			t.Errorf("request %d: %v, want %d", n+1, a, want)
		}
	}
}

func TestInFlightGivesWayToTheNext(t *testing.T) {
	client, _ := mocked(mock.InFlight(mock.IETF, 2, mock.Respond(mock.Reply{Status: 201})))
	for n, want := range []int{409, 409, 201, 201} {
		if a := post(client, "https://api.test", "k1", `{}`); a.status != want {
			t.Errorf("request %d: %v, want %d", n+1, a, want)
		}
	}
}

func TestRespondersSayWhatIsImpossible(t *testing.T) {
	for name, responder := range map[string]httpmock.Responder{
		"no first":  mock.Sequence(nil),
		"no then":   mock.InFlight(mock.IETF, 0, nil),
		"status":    mock.Respond(mock.Reply{Status: 42}),
		"cut":       mock.CutAnswer(nil, mock.Reply{Status: 42, Body: []byte("x")}, 0),
		"injection": mock.RetryAfter(503, "1\r\nX: y"),
	} {
		client, _ := mocked(responder)
		if a := post(client, "https://api.test", "k1", `{}`); a.err == nil || !contains(a.err.Error(), "mock:") {
			t.Errorf("%s: %v", name, a)
		}
	}
}

func TestSequenceCountsConcurrentCallers(t *testing.T) {
	var effects atomic.Int64
	client, _ := mocked(mock.Sequence(
		mock.LostAnswer(func() { effects.Add(1) }), mock.RetryAfter(503, "1"), mock.Respond(mock.Reply{Status: 201})))
	var made, lost, busy atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			switch a := post(client, "https://api.test", "k1", `{}`); {
			case a.err != nil:
				lost.Add(1)
			case a.status == 503:
				busy.Add(1)
			case a.status == 201:
				made.Add(1)
			}
		})
	}
	all.Wait()
	if effects.Load() != 1 || lost.Load() != 1 || busy.Load() != 1 || made.Load() != 48 {
		t.Errorf("%d lost, %d busy, %d made", lost.Load(), busy.Load(), made.Load())
	}
}

func TestRespondersWorkInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var effects atomic.Int64
		client, _ := mocked(mock.Sequence(mock.Timeout(), mock.TimeoutAfter(func() { effects.Add(1) }), mock.Respond(mock.Reply{})))
		client.Timeout = time.Minute
		var all sync.WaitGroup
		start := time.Now()
		for range 2 {
			all.Go(func() {
				if a := post(client, "https://api.test", "k1", `{}`); a.err == nil {
					t.Errorf("got %v", a)
				}
			})
		}
		all.Wait()
		if effects.Load() != 1 || time.Since(start) != time.Minute {
			t.Errorf("%d effects after %v", effects.Load(), time.Since(start))
		}
		if a := post(client, "https://api.test", "k1", `{}`); a.status != 200 {
			t.Errorf("got %v", a)
		}
	})
}

func TestProviderIsAResponder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, &mock.Options{Script: []mock.Fault{mock.StallAfterEffect(time.Hour), mock.LoseAnswer()}})
		client, transport := mocked(p.Responder())
		client.Timeout = time.Minute
		for range 3 {
			post(client, "https://api.test", "k1", `{}`)
		}
		p.OneEffect(t, "k1")
		p.OneKey(t, "/v1/charges")
		p.Attempts(t, "k1", 3)
		p.ScriptUsed(t)
		if n := transport.GetCallCountInfo()["POST https://api.test/v1/charges"]; n != 3 {
			t.Errorf("httpmock counted %d", n)
		}
	})
}

func TestRespondersReadAndCloseTheBody(t *testing.T) {
	for name, responder := range map[string]httpmock.Responder{
		"Respond": mock.Respond(mock.Reply{}), "LostAnswer": mock.LostAnswer(nil), "Refused": mock.Refused(),
		"Sequence of nil": mock.Sequence(nil), "Timeout": mock.Timeout(),
	} {
		sent := &body{Reader: strings.NewReader(`{}`)}
		req, _ := http.NewRequestWithContext(context.Background(), "POST", anywhere, sent)
		if res, err := responder(req); err == nil {
			res.Body.Close()
		}
		if sent.closed == 0 {
			t.Errorf("%s: the body was not closed", name)
		}
	}
}
