package retrysafe_test

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

func TestAKeyThatMayHaveLapsedByTheNextAttemptIsNotSentAgain(t *testing.T) {
	known, unnamed := retrysafe.Profile{Window: time.Hour}, retrysafe.Profile{}
	for name, c := range map[string]struct {
		profile   retrysafe.Profile
		window    time.Duration // the command's
		scenes    []scene
		outcome   retrysafe.Outcome
		retryable bool
	}{
		"in doubt, advice within":          {known, 0, []scene{unavailable().advising("3599")}, unknown, true},
		"in doubt, advice to its end":      {known, 0, []scene{unavailable().advising("3600")}, unknown, false},
		"in doubt, advice beyond":          {known, 0, []scene{unavailable().advising("90000")}, unknown, false},
		"lost, then advice beyond":         {known, 0, []scene{lost(), tooMany().advising("90000")}, unknown, false},
		"in flight, advice beyond":         {known, 0, []scene{inFlight().advising("90000")}, unknown, false},
		"applied, advice within":           {known, 0, []scene{yesCut(), unavailable().advising("600")}, applied, true},
		"applied, advice beyond":           {known, 0, []scene{yesCut(), unavailable().advising("90000")}, applied, false},
		"applied, a refused one beyond":    {known, 0, []scene{yesCut(), tooMany().advising("90000")}, applied, false},
		"nothing ran, advice beyond":       {known, 0, []scene{tooMany().advising("90000")}, notApplied, true},
		"no window known":                  {unnamed, 0, []scene{unavailable().advising("90000")}, unknown, true},
		"the command's is shorter":         {known, time.Minute, []scene{unavailable().advising("90")}, unknown, false},
		"the command's is longer":          {known, 48 * time.Hour, []scene{unavailable().advising("90000")}, unknown, true},
		"the command's, of a profile's no": {unnamed, time.Minute, []scene{unavailable().advising("90")}, unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := wireClient(t, playing(c.scenes...), retrysafe.Options{Profile: c.profile})
				cmd := createCharge
				cmd.Window = c.window
				_, err := cmd.With(first).Do(t.Context(), client, "order-1", charge{})
				e := asError(t, err)
				if e.Outcome != c.outcome || retrysafe.Retryable(err) != c.retryable || e.RetryAt.IsZero() {
					t.Errorf("outcome %v, retryable %t, RetryAt %v: %v; want %v, %t and a time",
						e.Outcome, retrysafe.Retryable(err), e.RetryAt, err, c.outcome, c.retryable)
				}
				if !c.retryable && strings.Contains(err.Error(), "call again") {
					t.Errorf("%v, want nobody told to call again", err)
				}
			})
		})
	}
}

// playing answers with one scene after the other.
func playing(scenes ...scene) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		if len(scenes) == 0 {
			return nil, errors.New("one request too many")
		}
		next := scenes[0]
		scenes = scenes[1:]
		return next.trip(req)
	}
}

func TestTheTextSaysFromWhenAndBeforeWhenToCallAgain(t *testing.T) {
	for name, c := range map[string]struct {
		profile retrysafe.Profile
		window  time.Duration // the command's
		before  time.Duration // 0: not known
	}{
		"no window":   {retrysafe.Profile{}, 0, 0},
		"profile's":   {retrysafe.Profile{Window: time.Hour}, 0, time.Hour},
		"command's":   {retrysafe.Profile{Window: time.Hour}, 2 * time.Hour, 2 * time.Hour},
		"without key": {keyless(), 2 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := wireClient(t, playing(tooMany().advising("600")), retrysafe.Options{Profile: c.profile})
				cmd := createCharge
				cmd.Window = c.window
				want := "call again under the same ID from " + inText(10*time.Minute)
				if c.before > 0 {
					want += " before " + inText(c.before)
				}
				_, err := cmd.Do(t.Context(), client, "order-1", charge{})
				if !retrysafe.Retryable(err) || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%v, want it to end with %q", err, want)
				}
			})
		})
	}
}

// inText is how an error writes a time so long from now.
func inText(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }

func TestNoAttemptBeginsAfterTheWindow(t *testing.T) {
	for name, c := range map[string]struct{ profile, command time.Duration }{
		"profile's":                {time.Minute, 0},
		"command's":                {0, time.Minute},
		"command's, the shorter":   {time.Hour, time.Minute},
		"command's, the longer":    {time.Second, 3 * time.Minute},
		"command's, a second long": {time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				client := wireClient(t, alwaysFail(func() (*http.Response, error) { return nil, errHungUp }), retrysafe.Options{
					Profile: retrysafe.Profile{Window: c.profile},
					Retry:   retrysafe.RetryPolicy{MaxElapsed: retrysafe.Unlimited, MaxAttempts: retrysafe.Unlimited, Budget: plenty()},
				})
				cmd, window := createCharge, cmp.Or(c.command, c.profile)
				cmd.Window = c.command
				_, err := cmd.Do(t.Context(), client, "order-1", charge{})
				checkEnding(t, err, unknown, retrysafe.ErrNoTimeLeft)
				e := asError(t, err)
				last := e.Attempts[len(e.Attempts)-1].Start.Sub(start)
				if last >= window || window > time.Minute && last < time.Minute || e.RetryAt.Sub(start) < window || retrysafe.Retryable(err) {
					t.Errorf("last attempt after %v, the next after %v, retryable %t; want one before %v, one after, and no",
						last, e.RetryAt.Sub(start), retrysafe.Retryable(err), window)
				}
			})
		})
	}
}

// The application does as it is told: it calls again, at RetryAt, if that is
// said to be safe.
func TestWhoeverCallsAgainOnlyWhereItIsSafeCausesOneEffect(t *testing.T) {
	for advice, answered := range map[string]bool{"600": true, "86000": false, "90000": false} {
		t.Run(advice, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				provider, err := mock.NewProvider(&mock.Options{Retention: 24 * time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				// A gateway in front of it gives up once, after the effect.
				gaveUp := false
				gateway := playedTrip(func(req *http.Request) (*http.Response, error) {
					resp, err := provider.RoundTrip(req)
					if gaveUp || err != nil {
						return resp, err
					}
					gaveUp = true
					resp.Body.Close()
					return trapAnswer(http.StatusServiceUnavailable, `{}`, "Retry-After", advice), nil
				})
				client := wireClient(t, gateway, retrysafe.Options{Profile: retrysafe.Profile{Window: 23 * time.Hour}})
				_, err = createCharge.Do(t.Context(), client, "order-1", charge{Amount: 1})
				for calls := 1; calls < 3 && retrysafe.Retryable(err); calls++ {
					time.Sleep(time.Until(asError(t, err).RetryAt))
					_, err = createCharge.Do(t.Context(), client, "order-1", charge{Amount: 1})
				}
				if provider.EffectCount() != 1 || (err == nil) != answered {
					t.Errorf("%d effects, %v; want 1 and answered: %t", provider.EffectCount(), err, answered)
				}
			})
		})
	}
}

func TestAWindowIsOfKeysAndLimitsNoQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := transportFunc(func(*http.Request) (*http.Response, error) { return response(503, "application/json", "{}"), nil })
		client := wireClient(t, busy, retrysafe.Options{
			Profile: retrysafe.Profile{Window: time.Second},
			Retry:   retrysafe.RetryPolicy{MaxAttempts: 3, Backoff: retrysafe.Backoff{Base: 10 * time.Second, Jitter: retrysafe.NoJitter}},
		})
		query := retrysafe.Query[retrysafe.None, charged]{Name: "get", Path: "/v1/charges/ch_1"}
		if _, err := query.Do(t.Context(), client, retrysafe.None{}); !errors.Is(err, retrysafe.ErrAttemptsExhausted) {
			t.Errorf("%v, want all three attempts", err)
		}
	})
}

func TestTheTextNamesNoLastMomentBeforeTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := transportFunc(func(*http.Request) (*http.Response, error) {
			resp := response(429, "application/json", "{}")
			resp.Header.Set("Retry-After", "90000")
			return resp, nil
		})
		client := wireClient(t, limited, retrysafe.Options{Profile: retrysafe.Profile{Window: time.Hour}})
		_, err := createCharge.With(first).Do(t.Context(), client, "order-1", charge{})
		if !retrysafe.Retryable(err) || strings.Contains(err.Error(), "before") {
			t.Errorf("%v: retryable %t; want yes, as nothing ran, and no last moment", err, retrysafe.Retryable(err))
		}
		_, err = createCharge.Do(t.Context(), client, "order-1", charge{})
		if retrysafe.Retryable(err) {
			t.Errorf("%v: retryable, want no: an earlier call may have run, and its key is gone by then", err)
		}
	})
}

// TestAnEarlierCallsDoubtCountsForTheWindow: the second call sends nothing that
// runs, but the first one did.
func TestAnEarlierCallsDoubtCountsForTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, err := mock.NewProvider(&mock.Options{Retention: 24 * time.Hour, Script: []mock.Fault{
			mock.FailAfterEffect(503), mock.TooManyRequests("90000"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		client := wireClient(t, provider, retrysafe.Options{
			Profile: retrysafe.Profile{Window: 23 * time.Hour}, Retry: retrysafe.RetryPolicy{MaxAttempts: 1},
		})
		_, err = createCharge.Do(t.Context(), client, "order-1", charge{Amount: 1})
		for calls := 1; calls < 4 && retrysafe.Retryable(err); calls++ {
			time.Sleep(time.Until(asError(t, err).RetryAt))
			_, err = createCharge.Do(t.Context(), client, "order-1", charge{Amount: 1})
		}
		if provider.EffectCount() != 1 || len(provider.Requests()) != 2 {
			t.Errorf("%d effects of %d requests, %v; want 1 of 2", provider.EffectCount(), len(provider.Requests()), err)
		}
	})
}
