package retrysafe_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
)

type capture struct {
	Charge string `path:"charge" json:"-"`
	Amount int64  `json:"amount"`
}

var captureCharge = retrysafe.Command[capture, charged]{Name: "charges.capture", Path: "/v1/charges/{charge}/capture"}

// badPathValues would lead to another resource than the declared one, or to
// another one than the caller means.
var badPathValues = map[string]string{
	"empty": "", "dot": ".", "dots": "..", "slash": "/", "a slash inside": "a/b", "a way up": "../refunds", "a way up inside": "x/../../refunds",
	"backslash": `a\b`, "a way up by backslash": `..\refunds`, "NUL": "a\x00", "newline": "a\nb", "line break": "a\r\nX-Evil: 1", "tab": "\t", "DEL": "a\x7f",
	"not UTF-8": "a\xff", "an overlong slash": "\xc0\xaf", "half a rune": "\xe2\x82", "2 kB": strings.Repeat("x", 2000),
}

func TestAPathValueThatLeadsElsewhereIsRefused(t *testing.T) {
	for name, value := range badPathValues {
		t.Run(name, func(t *testing.T) {
			transport := counting()
			_, err := captureCharge.Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", capture{Charge: value, Amount: 1})
			checkRefused(t, transport, err)
			if len(value) > 1 && strings.Contains(err.Error(), value) {
				t.Errorf("the error shows the value: %.200v", err)
			}
		})
	}
}

func TestAPathValueThatIsMissingIsRefused(t *testing.T) {
	type byPointer struct {
		Charge *string `path:"charge"`
	}
	cmd := retrysafe.Command[byPointer, charged]{Name: "charges.capture", Path: "/v1/charges/{charge}/capture"}
	transport := counting()
	_, err := cmd.Do(t.Context(), ours(t, transport, retrysafe.Options{}), "order-1234", byPointer{})
	checkRefused(t, transport, err)
}

func TestAPathValueStaysWhatItIs(t *testing.T) {
	server := muxOf(t)
	for _, value := range []string{
		"ch_1", "a b", "a+b", "a%2Fb", "%2e%2e", "%", "%zz", "%00", "...", ".hidden", "a..b", "?x=1", "#top", "a;b=c", "a,b", "a:b", "a@b", "a&b=c", "{charge}",
		"ä€😀", "\u202e", "\u2215", "\uff0f", "a\u0301", "~", "-", "*", "$", "!", "'", "(", ")", `"`, "<", "|", "^", "`", strings.Repeat("é", 512),
	} {
		server.check(t, value)
	}
}

// pathServer is a real server's way from a request's line to a path value.
type pathServer struct {
	mux    *http.ServeMux
	client *retrysafe.Client
	sent   *trapTransport
	got    []string
}

func muxOf(t testing.TB) *pathServer {
	s := &pathServer{mux: http.NewServeMux(), sent: counting()}
	s.mux.HandleFunc("POST /v1/charges/{charge}/capture", func(_ http.ResponseWriter, req *http.Request) {
		s.got = append(s.got, req.PathValue("charge"))
	})
	client, err := retrysafe.NewClient("http://provider.test", &retrysafe.Options{HTTPClient: &http.Client{Transport: s.sent}})
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	return s
}

// check sends value and compares what a server makes of the bytes.
func (s *pathServer) check(t *testing.T, value string) {
	t.Helper()
	s.got, s.sent.requests, s.sent.bodies = nil, nil, nil
	_, err := captureCharge.Do(t.Context(), s.client, "order-1234", capture{Charge: value, Amount: 1})
	if errors.Is(err, retrysafe.ErrInvalid) && len(s.sent.requests) == 0 {
		return
	}
	if err != nil || len(s.sent.requests) != 1 {
		t.Fatalf("value %q: %d requests, %v", value, len(s.sent.requests), err)
	}
	target := s.sent.requests[0].URL.RequestURI()
	u, err := url.ParseRequestURI(target)
	if err != nil || strings.Count(u.EscapedPath(), "/") != 4 || u.Path != "/v1/charges/"+value+"/capture" || u.RawQuery != "" || u.Fragment != "" {
		t.Fatalf("value %q is sent as %q, which is read as %+v, %v", value, target, u, err)
	}
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST " + target + " HTTP/1.1\r\nHost: provider.test\r\n\r\n"))))
	if err != nil {
		t.Fatalf("value %q is sent as %q: %v", value, target, err)
	}
	answer := httptest.NewRecorder()
	s.mux.ServeHTTP(answer, req)
	if len(s.got) != 1 || s.got[0] != value || answer.Code != http.StatusOK {
		t.Fatalf("value %q is sent as %q, the server takes it for %q (%d)", value, target, s.got, answer.Code)
	}
}

// FuzzPathValue: whatever is accepted stays exactly one segment of the declared
// path, with the value that the caller gave.
func FuzzPathValue(f *testing.F) {
	for _, value := range badPathValues {
		f.Add(value)
	}
	for _, value := range []string{"ch_1", "%2F", "%2e%2e", "a b", "?", "#", ";", "ä", "\ufeff", "..;", "%25"} {
		f.Add(value)
	}
	server := muxOf(f)
	f.Fuzz(func(t *testing.T, value string) { server.check(t, value) })
}
