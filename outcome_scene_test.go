package retrysafe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
)

// scene is one attempt: what is seen of it, and the round trip that shows it.
type scene struct {
	seen  retrysafe.Fact
	asked bool          // it is a query for the answer, of which nothing is concluded
	takes time.Duration // until the answer
	then  time.Duration // the server's advice: when to come back
	trip  func(*http.Request) (*http.Response, error)
}

var errHungUp = errors.New("connection reset by peer")

// replies is an attempt that is answered, and judged so.
func replies(as meaning, status int, body string, header ...string) scene {
	return repliesWith(as, status, io.NopCloser(strings.NewReader(body)), header...)
}

func repliesWith(as meaning, status int, body io.ReadCloser, header ...string) scene {
	s := scene{seen: retrysafe.Fact{Judgement: as}}
	s.trip = func(req *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		if s.then > 0 {
			h.Set("Retry-After", s.then.String())
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: h, ContentLength: -1, Body: body, Request: req,
		}, nil
	}
	return s
}

// cut is an answer of which the rest is missing.
func cut(as meaning, status int, body string) scene {
	return repliesWith(as, status, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(body), brokenReader{}), io.NopCloser(nil)})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errHungUp }

// lost is an attempt of which nothing is known.
func lost() scene {
	return scene{seen: retrysafe.Fact{Doubtful: 1}, trip: func(*http.Request) (*http.Response, error) {
		return nil, errHungUp
	}}
}

// unsent is an attempt that never had a connection.
func unsent() scene {
	return scene{trip: func(req *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(req.Context()).GetConn("api.test:443")
		return nil, errHungUp
	}}
}

// unprocessed is an attempt that the server said it did not process.
func unprocessed() scene {
	return scene{trip: func(req *http.Request) (*http.Response, error) {
		deliver(req)
		return nil, errors.New(`http2: Transport received GOAWAY from server ErrCode:NO_ERROR, debug=""`)
	}}
}

func deliver(req *http.Request) {
	trace := httptrace.ContextClientTrace(req.Context())
	trace.GetConn("api.test:443")
	trace.GotConn(httptrace.GotConnInfo{})
	trace.WroteHeaders()
}

// repeated is s after a delivery that net/http repeated by itself.
func repeated(s scene) scene {
	trip := s.trip
	s.seen.Doubtful++
	s.trip = func(req *http.Request) (*http.Response, error) {
		deliver(req)
		deliver(req)
		return trip(req)
	}
	return s
}

func (s scene) taking(d time.Duration) scene {
	s.takes = d
	return s
}

// advising is s with a Retry-After of so many seconds.
func (s scene) advising(seconds string) scene {
	s.then, _ = time.ParseDuration(seconds + "s")
	trip := s.trip
	s.trip = func(req *http.Request) (*http.Response, error) {
		resp, err := trip(req)
		if err == nil {
			resp.Header.Set("Retry-After", seconds)
		}
		return resp, err
	}
	return s
}

func (s scene) asking() scene {
	s.asked = true
	return s
}

// The scenes of the zero profile.
func yes() scene             { return replies(done, 201, `{"id":"ch_1","amount":4200}`) }
func yesCut() scene          { return cut(doneLost, 201, `{"id":"ch_`) }
func yesUndecodable() scene  { return replies(doneLost, 201, `{"id":17}`) }
func bad() scene             { return replies(refusedAlone, 400, `{}`) }
func unauthorizedNow() scene { return replies(refusedAlone, 401, `{}`) }
func unavailable() scene     { return replies(againInDoubt, 503, `{}`) }
func tooMany() scene         { return replies(againNotRun, 429, `{}`) }
func inFlight() scene        { return replies(meaning{Verdict: retrysafe.Wait}, 409, `{}`) }
func unpaid() scene {
	return replies(meaning{Verdict: retrysafe.Refused, Presumed: true}, 402, `{}`)
}
func airport() scene {
	return replies(againInDoubt, 200, "<html>log in</html>", "Content-Type", "text/html")
}

// The scenes of ruled.
func declined() scene {
	return replies(meaning{Verdict: retrysafe.Refused, Stored: true}, 402, `{"code":"declined"}`)
}
func invalidNow() scene {
	return replies(meaning{Verdict: retrysafe.Refused, LookedUp: true}, 422, `{}`)
}
func mismatched() scene {
	return replies(meaning{Verdict: retrysafe.Mismatch}, 400, `{"code":"mismatch"}`)
}
func expired() scene { return replies(meaning{Verdict: retrysafe.Gone}, 400, `{"code":"expired"}`) }
func failedForGood() scene {
	return replies(meaning{Verdict: retrysafe.Stuck, Stored: true}, 500, `{"code":"stored"}`)
}
func captured() scene {
	return replies(refusedEcho, 400, `{"code":"captured"}`)
}
func linked(link string) scene {
	return replies(elsewhere, 409, `{"link":"`+link+`"}`)
}

var elsewhere = meaning{Verdict: retrysafe.Elsewhere, Link: retrysafe.Link{At: "/link"}}

// ruled is a profile with a rule for everything that the zero profile lacks.
func ruled() retrysafe.Profile {
	return retrysafe.Profile{
		Name: "ruled", Window: time.Hour, LongestExecution: 30 * time.Second, ComparesPayload: true,
		Rules: []retrysafe.Rule{
			{Status: 402, At: "/code", Is: "declined", Verdict: retrysafe.Refused, Stored: true},
			{Status: 422, Verdict: retrysafe.Refused, LookedUp: true},
			{Status: 400, At: "/code", Is: "mismatch", Verdict: retrysafe.Mismatch},
			{Status: 400, At: "/code", Is: "expired", Verdict: retrysafe.Gone},
			{Status: 400, At: "/code", Is: "captured", Verdict: retrysafe.Refused, Echo: true},
			{Status: 500, At: "/code", Is: "stored", Verdict: retrysafe.Stuck, Stored: true},
			{Status: 409, At: "/link", Verdict: retrysafe.Elsewhere, Link: elsewhere.Link},
		},
	}
}

func keyless() retrysafe.Profile {
	return retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}}
}

func withoutReplay() retrysafe.Profile { return retrysafe.Profile{NoReplay: true} }

// story is a row of DESIGN's table: the attempts of one call, and what is said
// at its end. The last attempt is the last that the policy allows, unless more
// is set.
type story struct {
	name    string
	profile retrysafe.Profile
	method  string
	rerun   bool
	call    retrysafe.Call
	more    bool // another attempt would be allowed, and is not to be made
	scenes  []scene

	outcome, this retrysafe.Outcome // this is left out where it is the same
	evidence      retrysafe.Evidence
	retryable     bool
	is            []error // no error at all if empty
	noResult      bool
}

var first = retrysafe.Call{First: true}

func tell(t *testing.T, stories ...story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			if s.this == retrysafe.Unknown && s.evidence != retrysafe.EvidenceEarlierCall && s.evidence != retrysafe.EvidenceMismatch {
				s.this = s.outcome
			}
			t.Run("tally", s.tally)
			t.Run("call", func(t *testing.T) { synctest.Test(t, s.play) })
		})
	}
}

// tally asks the pure functions.
func (s *story) tally(t *testing.T) {
	var tally retrysafe.Tally
	now := time.Unix(1_000_000, 0)
	for _, scene := range s.scenes {
		if scene.asked {
			continue
		}
		scene.seen.Start = now
		now = now.Add(scene.takes)
		scene.seen.At = now
		tally.Add(scene.seen, s.profile.LongestExecution)
		now = now.Add(max(scene.then, time.Second))
	}
	outcome, evidence := tally.Outcome(s.call.First)
	if outcome != s.outcome || tally.ThisCall() != s.this {
		t.Errorf("%v, this call %v; want %v and %v", outcome, tally.ThisCall(), s.outcome, s.this)
	}
	if len(s.is) > 0 && evidence != s.evidence {
		t.Errorf("evidence is %q, want %q", evidence, s.evidence)
	}
}

// play asks a client.
func (s *story) play(t *testing.T) {
	made := 0
	transport := playedTrip(func(req *http.Request) (*http.Response, error) {
		if made++; made > len(s.scenes) {
			t.Errorf("attempt %d is made", made)
			return nil, errHungUp
		}
		io.Copy(io.Discard, req.Body)
		scene := s.scenes[made-1]
		time.Sleep(scene.takes)
		return scene.trip(req)
	})
	attempts := len(s.scenes)
	if s.more {
		attempts++
	}
	client, err := retrysafe.NewClient("https://api.test", &retrysafe.Options{
		Profile: s.profile, HTTPClient: &http.Client{Transport: transport},
		Retry: retrysafe.RetryPolicy{
			MaxAttempts: attempts, AttemptTimeout: time.Hour, MaxElapsed: retrysafe.Unlimited, MaxRetryAfter: time.Hour,
			Backoff: retrysafe.Backoff{Base: time.Second, Cap: time.Second, Jitter: retrysafe.NoJitter},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	command := retrysafe.Command[charge, charged]{Name: "charges.create", Method: s.method, Path: "/v1/charges", Rerun: s.rerun}
	res, err := command.With(s.call).Do(context.Background(), client, "order-1234", charge{Amount: 4200})
	if made != len(s.scenes) {
		t.Errorf("%d attempts, want %d", made, len(s.scenes))
	}
	s.checkResult(t, res, err)
	s.checkError(t, err)
}

type playedTrip func(*http.Request) (*http.Response, error)

func (f playedTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	return f(req)
}

func (s *story) checkResult(t *testing.T, res *retrysafe.Result[charged], err error) {
	t.Helper()
	switch {
	case (res == nil) != s.noResult:
		t.Errorf("result is %v", res)
	case err == nil && res.Value != charged{ID: "ch_1", Amount: 4200}:
		t.Errorf("value is %+v", res.Value)
	case err != nil && res != nil && (res.Value != charged{} || res.Status == 0 || res.Header == nil):
		t.Errorf("beside an error the result is %v with value %+v and header %v", res, res.Value, res.Header)
	}
}

func (s *story) checkError(t *testing.T, err error) {
	t.Helper()
	if got := retrysafe.OutcomeOf(err); got != s.outcome {
		t.Errorf("outcome is %v, want %v", got, s.outcome)
	}
	if len(s.is) == 0 {
		if err != nil {
			t.Errorf("error: %v", err)
		}
		return
	}
	var e *retrysafe.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T: %v", err, err)
	}
	if e.Outcome != s.outcome || e.ThisCall != s.this || e.Evidence != s.evidence {
		t.Errorf("%v, this call %v, %q; want %v, %v, %q", e.Outcome, e.ThisCall, e.Evidence, s.outcome, s.this, s.evidence)
	}
	if got := retrysafe.Retryable(err); got != s.retryable {
		t.Errorf("retryable is %t, want %t", got, s.retryable)
	}
	for _, sentinel := range outcomeSentinels {
		if want := slices.Contains(s.is, sentinel); errors.Is(err, sentinel) != want {
			t.Errorf("is %q: %t, want %t", sentinel, !want, want)
		}
	}
}

var outcomeSentinels = []error{
	retrysafe.ErrInvalid, retrysafe.ErrRefused, retrysafe.ErrInFlight, retrysafe.ErrKeyReused, retrysafe.ErrKeyExpired,
	retrysafe.ErrStuck, retrysafe.ErrAnswerLost, retrysafe.ErrConflict, retrysafe.ErrAttemptsExhausted,
	retrysafe.ErrBudgetExhausted, retrysafe.ErrNoTimeLeft, retrysafe.ErrNotResent, retrysafe.ErrAuthorize,
	retrysafe.ErrAttemptTimeout, retrysafe.ErrDeliveryLimit,
}

// Short names for what the tables say most.
const (
	unknown    = retrysafe.Unknown
	notApplied = retrysafe.NotApplied
	applied    = retrysafe.Applied
)

var (
	isRefused   = []error{retrysafe.ErrRefused}
	isExhausted = []error{retrysafe.ErrAttemptsExhausted}
	isLost      = []error{retrysafe.ErrAnswerLost}
	isNotResent = []error{retrysafe.ErrNotResent}
)
