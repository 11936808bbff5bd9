package retrysafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
)

// Over HTTP/2 a request's body is closed while it is still being read. The race
// detector is what looks.
func TestALongRequestMayBeClosedWhileItIsRead(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "{}")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client, err := retrysafe.NewClient(server.URL, &retrysafe.Options{HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 8<<20+1)
	for i := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(100+20*i)*time.Millisecond)
		ctx, report := retrysafe.WithOperation(ctx, "files.create", fmt.Sprint("file-", i))
		got, err := send(ctx, transportOf(t, client, nil), "POST", server.URL, body)
		if (got.status != http.StatusBadRequest && err == nil) || report.Outcome() == retrysafe.Applied {
			t.Errorf("%d %v %v", got.status, err, report.Err())
		}
		cancel()
	}
}

// closable is a body that cannot be read once it is closed, as net/http's.
type closable struct {
	io.Reader
	closed atomic.Bool
}

func (c *closable) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return c.Reader.Read(p)
}

func (c *closable) Close() error {
	c.closed.Store(true)
	return nil
}

func TestALongErrorThatWasGivenUpIsNotHandedOn(t *testing.T) {
	sent := 0
	inner := transportFunc(func(req *http.Request) (*http.Response, error) {
		if sent++; sent > 1 {
			return nil, errors.New("connection lost")
		}
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable, ContentLength: -1, Header: http.Header{},
			Body: &closable{Reader: strings.NewReader(strings.Repeat("x", 8<<20+1))},
		}, nil
	})
	synctest.Test(t, func(t *testing.T) {
		sdk := sdkOver(t, retrysafe.Options{HTTPClient: &http.Client{Transport: inner}}, nil)
		got, err := send(t.Context(), sdk, "GET", sdkURL, "")
		if !errors.Is(err, retrysafe.ErrAttemptsExhausted) || sent != 5 {
			t.Errorf("the SDK sees %d with %d bytes and %v, %v, after %d attempts", got.status, len(got.body), got.cut, err, sent)
		}
	})
}

func TestHEADKeepsTheLengthOfWhatIsThere(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusNotFound} {
		sdk, url := servedSDK(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "123")
			w.WriteHeader(status)
		}, retrysafe.Options{})
		resp, err := sdk.Head(url)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.ContentLength != 123 || resp.StatusCode != status {
			t.Errorf("%d: length %d, want 123", resp.StatusCode, resp.ContentLength)
		}
	}
}

func TestACutSuccessIsHandedOnWhateverWasHeardLater(t *testing.T) {
	script := []mock.Fault{mock.CutBody(3), mock.Unavailable("").Times(4)}
	overSDK(t, &mock.Options{Script: script}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1234")
		got, err := pay(ctx, sdk)
		if err != nil || got.status != http.StatusCreated || !errors.Is(got.cut, retrysafe.ErrAnswerLost) {
			t.Errorf("the SDK sees %+v, %v", got, err)
		}
		if report.Outcome() != retrysafe.Applied || len(report.Attempts()) != 5 {
			t.Errorf("%v after %d attempts", report.Err(), len(report.Attempts()))
		}
	})
}

func TestTheBodyIsClosedIfNamePanics(t *testing.T) {
	sdk := sdkOver(t, retrysafe.Options{}, &retrysafe.TransportOptions{
		Name: func(*http.Request) (string, string) { panic("no name") },
	})
	body := &closable{Reader: strings.NewReader("{}")}
	req, err := http.NewRequest("POST", sdkURL, body)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() != "no name" || !body.closed.Load() {
			t.Errorf("closed: %v", body.closed.Load())
		}
	}()
	sdk.Transport.RoundTrip(req)
}

func TestAKeyGoesIntoAFormAndIntoNothingElse(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	for name, c := range map[string]struct{ field, media, body, want string }{
		"form":                 {"idempotency_key", form, "amount=1&idempotency_key=own&to=a", "idempotency_key=KEY&amount=1&to=a"},
		"no body":              {"idempotency_key", "", "", "idempotency_key=KEY"},
		"no body, JSON":        {"/idempotency_key", "", "", `{"idempotency_key":"KEY"}`},
		"form's key in JSON":   {"idempotency_key", json, `{"amount":1}`, ""},
		"form's key in a file": {"idempotency_key", "text/csv", "a,b", ""},
		"JSON's key in a form": {"/idempotency_key", form, "amount=1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			sent, media := "", ""
			sdk, url := servedSDK(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				sent, media = string(body), r.Header.Get("Content-Type")
				w.Header().Set("Content-Type", json)
				fmt.Fprint(w, "{}")
			}, retrysafe.Options{
				Profile: retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: c.field}},
			})
			ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
			req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.media != "" {
				req.Header.Set("Content-Type", c.media)
			}
			resp, err := sdk.Do(req)
			if err == nil {
				resp.Body.Close()
			}
			if want := strings.Replace(c.want, "KEY", string(report.Key()), 1); sent != want || (want == "") != errors.Is(err, retrysafe.ErrInvalid) {
				t.Errorf("sent %q, %v, want %q", sent, err, want)
			}
			if c.want != "" && (media != form) != (c.field[0] == '/') {
				t.Errorf("sent as %q", media)
			}
		})
	}
}

func TestARequestThatIsNeverWholeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sdk := sdkOver(t, retrysafe.Options{HTTPClient: &http.Client{Transport: always(200, "{}")}}, nil)
		sdk.Timeout = time.Second
		ctx, report := retrysafe.WithOperation(t.Context(), "files.create", "file-1")
		body, writer := io.Pipe()
		defer writer.Close()
		go writer.Write([]byte("half"))
		req, err := http.NewRequestWithContext(ctx, "POST", sdkURL, body)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = sdk.Do(req)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		got := asError(t, report.Err())
		if got.Outcome != retrysafe.Unknown || got.ThisCall != retrysafe.NotApplied || errors.Is(got, retrysafe.ErrInvalid) || !retrysafe.Retryable(got) {
			t.Errorf("the report: %v", got)
		}
	})
}

func TestWhoWaitedForA401IsGivenIt(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		sent := atomic.Int32{}
		client := restart(func(o *retrysafe.Options) {
			o.HTTPClient = &http.Client{Transport: transportFunc(func(req *http.Request) (*http.Response, error) {
				sent.Add(1)
				time.Sleep(time.Second)
				if req.Header.Get("Authorization") == "Bearer new" {
					return trapAnswer(200, "{}", "Content-Type", "application/json"), nil
				}
				return trapAnswer(401, "{}", "Content-Type", "application/json"), nil
			})}
		})
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if got, err := pay(ctx, transportOf(t, client, nil)); err != nil || got.status != 401 {
					t.Errorf("%+v %v", got, err)
				}
			})
		}
		all.Wait()
		if n := sent.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		got, err := send(ctx, transportOf(t, client, nil), "POST", sdkURL, `{"amount":4200}`, "Authorization", "Bearer new")
		if err != nil || got.status != 200 || report.Err() != nil {
			t.Errorf("with other credentials: %+v %v %v", got, err, report.Err())
		}
	})
}

func TestWhatARecordWouldChangeIsRefused(t *testing.T) {
	storeBubble(t, nil, func(t *testing.T, p *mock.Provider, s durable, restart restarter) {
		for url, header := range map[string]string{sdkURL: "caf\xe9", sdkURL + "?q=caf\xe9": "cafe"} {
			ctx, _ := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
			_, err := send(ctx, transportOf(t, restart(), nil), "POST", url, "{}", "Prefer", header)
			if !errors.Is(err, retrysafe.ErrInvalid) || len(p.Requests()) != 0 {
				t.Errorf("%q: %v, %d requests", url, err, len(p.Requests()))
			}
		}
	})
}

func TestAnObservedGETMayHaveSpacesAroundAValue(t *testing.T) {
	sdk := sdkOver(t, retrysafe.Options{
		HTTPClient: &http.Client{Transport: always(200, "{}")}, Observer: &changer{unchanged, unchanged},
	}, nil)
	if got, err := send(t.Context(), sdk, "GET", sdkURL, "", "X-Note", "a "); err != nil || got.status != 200 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestAnSDKsGETKeepsItsOwnCredentials(t *testing.T) {
	asked := 0
	wire := transportFunc(func(req *http.Request) (*http.Response, error) {
		if got := req.Header.Get("Authorization"); got != "Bearer its-own" {
			t.Errorf("sent with %q", got)
		}
		return trapAnswer(200, "{}"), nil
	})
	sdk := sdkOver(t, retrysafe.Options{HTTPClient: &http.Client{Transport: wire}, Authorize: func(req *http.Request) error {
		asked++
		req.Header.Set("Authorization", "Bearer ours")
		return nil
	}}, nil)
	if _, err := send(t.Context(), sdk, "GET", sdkURL, "", "Authorization", "Bearer its-own"); err != nil || asked != 0 {
		t.Errorf("%v, authorized %d times", err, asked)
	}
}

func TestTrailersAreHandedOn(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		sdk, url := servedSDK(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{}")
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-Sum", "1") // Not announced.
		}, retrysafe.Options{})
		ctx, _ := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		req, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := sdk.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "{}" || resp.Trailer.Get("X-Sum") != "1" {
			t.Errorf("%s: %q %v, trailers %v", method, body, err, resp.Trailer)
		}
	}
}

func TestAnAnswerThatIsCutAtTheLimitIsCut(t *testing.T) {
	inner := transportFunc(func(*http.Request) (*http.Response, error) {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 8<<20)), iotest.ErrReader(io.ErrUnexpectedEOF))
		return &http.Response{
			StatusCode: 200, ContentLength: -1, Header: http.Header{"Content-Type": {"application/pdf"}}, Body: io.NopCloser(body),
		}, nil
	})
	o := retrysafe.Options{HTTPClient: &http.Client{Transport: inner}}
	o.Retry.MaxAttempts = 1
	ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
	got, err := pay(ctx, sdkOver(t, o, nil))
	if err != nil || len(got.body) != 8<<20 || !errors.Is(got.cut, retrysafe.ErrAnswerLost) || report.Outcome() != retrysafe.Applied {
		t.Errorf("%d bytes, %v, %v, %v", len(got.body), got.cut, err, report.Err())
	}
}
