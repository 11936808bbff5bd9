package retrysafe_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/mock"
	"github.com/retrysafe/retrysafe/store"
)

// FuzzTransport sends what no SDK would: names, headers, paths and bodies of any
// bytes. Whatever is sent has the operation's key, what is refused was not sent,
// the body is closed, the request is as it was, and no credential is recorded.
func FuzzTransport(f *testing.F) {
	f.Add("charges.create", "order-1", "POST", "/v1/charges", "a=b", "X-Odd", "1", `{"amount":1}`)
	f.Add("", "", "PATCH", "", "", "idempotency-key", "x", "")
	f.Add("a b", "\x00", "post", "/%2e%2e/", "%", "X\n", "\r\nKey: v", "grant_type=x")
	f.Add("a", "b", "DELETE", "//x", "", "x-IDEMPOTENCY-key", " padded ", "{")
	f.Add("a", "b", "GET", "/", "", "Upgrade", "websocket", "")
	f.Fuzz(func(t *testing.T, command, id, method, path, query, name, value, body string) {
		p, err := mock.NewProvider(nil)
		if err != nil {
			t.Fatal(err)
		}
		memory := store.NewMemory()
		client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
			Account: "acme/test", HTTPClient: p.Client(), Store: memory, Retry: retrysafe.RetryPolicy{MaxAttempts: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		transport, err := retrysafe.NewTransport(client, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, report := retrysafe.WithOperation(t.Context(), command, id)
		given := &countedBody{Reader: strings.NewReader(body)}
		req := (&http.Request{
			Method: method, URL: &url.URL{Scheme: "https", Host: "api.example.com", Path: path, RawQuery: query},
			Header: http.Header{name: {value}, "Authorization": {"Bearer sk_secret"}}, Body: given, ContentLength: int64(len(body)),
		}).WithContext(ctx)
		resp, err := transport.RoundTrip(req)
		if (err == nil) == (resp == nil) {
			t.Fatalf("%v and %v", resp, err)
		}
		if resp != nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if given.closed.Load() == 0 {
			t.Error("the body is not closed")
		}
		if len(req.Header) > 2 || req.URL.Path != path || req.Header[name][0] != value && http.CanonicalHeaderKey(name) != "Authorization" {
			t.Error("the request was changed")
		}
		key := string(retrysafe.DeriveKey("acme/test", command, id))
		for _, r := range p.Requests() {
			if report.Key() != "" && r.Key != key {
				t.Errorf("sent with the key %q", r.Key)
			}
		}
		if report.Err() == nil && p.Effects(key) != 1 {
			t.Errorf("applied, with %d effects", p.Effects(key))
		}
		rec, err := memory.Get(t.Context(), store.Name{Scope: "acme/test", Kind: command, ID: id})
		if err == nil && strings.Contains(string(rec.Request), "sk_secret") && !strings.Contains(path+query+body+value, "sk_secret") {
			t.Error("a credential is recorded")
		}
	})
}
