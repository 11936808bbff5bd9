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
)

func TestWhatCannotBeSentIsRefusedBeforeItIs(t *testing.T) {
	for name, c := range map[string]struct {
		command, id string
		change      func(*http.Request)
	}{
		"no command": {"", "order-1", nil},
		"no ID":      {"charges.create", "", nil},
		"long ID":    {"charges.create", strings.Repeat("x", 256), nil},
		"header":     {"charges.create", "order-1", func(r *http.Request) { r.Header["X-Odd"] = []string{"a\nb"} }},
		"host":       {"charges.create", "order-1", func(r *http.Request) { r.Host = "evil.example.com" }},
		"length":     {"charges.create", "order-1", func(r *http.Request) { r.ContentLength, r.GetBody = 99, nil }},
		"broken": {"charges.create", "order-1", func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failingReader{}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			overSDK(t, nil, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
				ctx, report := retrysafe.WithOperation(t.Context(), c.command, c.id)
				req, _ := http.NewRequestWithContext(ctx, "POST", sdkURL, strings.NewReader(`{}`))
				if c.change != nil {
					c.change(req)
				}
				_, err := sdk.Do(req)
				wantInvalid(t, err)
				wantInvalid(t, report.Err())
				if e := asError(t, err); e.ThisCall != retrysafe.NotApplied || len(p.Requests()) != 0 || len(report.Attempts()) != 0 {
					t.Errorf("%+v, %d requests", e, len(p.Requests()))
				}
			})
		})
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestAReportOfNothingIsNoSuccess(t *testing.T) {
	_, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
	if e := asError(t, report.Err()); e.Outcome != retrysafe.Unknown || e.ThisCall != retrysafe.NotApplied || report.Key() != "" || report.Attempts() != nil {
		t.Errorf("%+v", e)
	}
	var none *retrysafe.Report
	if none.Err() == nil || none.Outcome() != retrysafe.Unknown || none.Key() != "" {
		t.Error("a nil report says more than nothing")
	}
	//lint:ignore SA1012 that is what is tested
	ctx, _ := retrysafe.WithOperation(nil, "a", "b")
	if ctx == nil {
		t.Error("no context")
	}
}

func TestTransportOptionsAreChecked(t *testing.T) {
	client := wireClient(t, always(200, ""), retrysafe.Options{})
	for _, origin := range []string{"", "api.example.com", "ftp://x", "https://", "https://a/b", "https://u@a", "https://a?b", "https://a#b", "://", "https://bücher.example"} {
		_, err := retrysafe.NewTransport(client, &retrysafe.TransportOptions{Origins: []string{origin}})
		if !errors.Is(err, retrysafe.ErrInvalid) {
			t.Errorf("%q: %v", origin, err)
		}
	}
	abroad, err := retrysafe.NewClient("https://bücher.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = retrysafe.NewTransport(abroad, nil)
	wantInvalid(t, err)
	_, err = retrysafe.NewTransport(nil, nil)
	wantInvalid(t, err)
	_, err = retrysafe.NewTransport(&retrysafe.Client{}, nil)
	wantInvalid(t, err)
}

func TestARedirectOfANamedCommandIsAnError(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		asked := 0
		sdk := sdkOver(t, retrysafe.Options{HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
			asked++
			return trapAnswer(status, "{}", "Location", "https://evil.example.com/"), nil
		})}}, nil)
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		_, err := pay(ctx, sdk)
		if e := asError(t, err); e.Status != status || asked != 1 || report.Outcome() != retrysafe.Unknown || report.Err() != error(e) {
			t.Errorf("%d: %v, asked %d times", status, err, asked)
		}
	}
}

func TestTheReportComesBeforeTheSDKsTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		script []mock.Fault
		status int
	}{
		"between attempts": {[]mock.Fault{mock.Unavailable("1"), mock.Unavailable("30")}, 503},
		"inside one":       {[]mock.Fault{mock.StallAfterEffect(time.Minute)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			overSDK(t, &mock.Options{Script: c.script}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
				sdk.Timeout = 10 * time.Second
				begin := time.Now()
				ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
				got, err := pay(ctx, sdk)
				if got.status != c.status || time.Since(begin) >= sdk.Timeout || report.Outcome() != retrysafe.Unknown {
					t.Errorf("%+v %v after %v: %v", got, err, time.Since(begin), report.Err())
				}
				if c.status == 0 && (asError(t, err).Outcome != retrysafe.Unknown || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
					t.Errorf("%v, want the loop's own error", err)
				}
				time.Sleep(2 * time.Minute)
			})
		})
	}
}

func TestACancelChannelEndsTheLoop(t *testing.T) {
	overSDK(t, &mock.Options{Script: []mock.Fault{mock.Unavailable("20").Times(2)}}, nil, func(t *testing.T, p *mock.Provider, sdk *http.Client) {
		ctx, report := retrysafe.WithOperation(t.Context(), "charges.create", "order-1")
		req, _ := http.NewRequestWithContext(ctx, "POST", sdkURL, strings.NewReader(`{}`))
		cancel := make(chan struct{})
		//lint:ignore SA1019 old SDKs still set it
		req.Cancel = cancel
		time.AfterFunc(time.Second, func() { close(cancel) })
		begin := time.Now()
		_, err := sdk.Transport.RoundTrip(req)
		if time.Since(begin) != time.Second || report.Outcome() != retrysafe.Unknown || !errors.Is(report.Err(), context.Canceled) {
			t.Errorf("%v after %v: %v", err, time.Since(begin), report.Err())
		}
	})
}
