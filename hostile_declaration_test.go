package retrysafe_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// declared is a command without its types, to be tried.
type declared struct {
	validate func(*retrysafe.Client) error
	do       func(*testing.T, *retrysafe.Client) error
}

func declare[Req, Res any](cmd retrysafe.Command[Req, Res]) declared {
	if cmd.Name == "" {
		cmd.Name = "charges.create"
	}
	if cmd.Path == "" {
		cmd.Path = "/v1/charges"
	}
	return declared{
		validate: cmd.Validate,
		do: func(t *testing.T, c *retrysafe.Client) error {
			var req Req
			_, err := cmd.Do(t.Context(), c, "order-1234", req)
			return err
		},
	}
}

var _ = hiddenPath{}.charge // Nobody else can use it, which is the point.

// with is a good declaration but for one thing.
func with(change func(*retrysafe.Command[charge, charged])) declared {
	cmd := createCharge
	change(&cmd)
	return declared{validate: cmd.Validate, do: func(t *testing.T, c *retrysafe.Client) error {
		_, err := cmd.Do(t.Context(), c, "order-1234", charge{Amount: 1})
		return err
	}}
}

func at[Req any](path string) declared {
	return declare(retrysafe.Command[Req, charged]{Path: path})
}

type (
	noPath  struct{ Amount int64 }
	onePath struct {
		Charge string `path:"charge"`
	}
	twoPaths struct {
		Charge string `path:"charge"`
		Refund string `path:"charge"`
	}
	hiddenPath struct {
		charge string `path:"charge"`
	}
	floatPath struct {
		Charge float64 `path:"charge"`
	}
	listPath struct {
		Charge []string `path:"charge"`
	}
	structPath struct {
		Charge noPath `path:"charge"`
	}
	anyPath struct {
		Charge any `path:"charge"`
	}
	namelessPath struct {
		Charge string `path:""`
	}
	twoPlaces struct {
		Charge string `path:"charge" query:"charge"`
	}
	keyHeader struct {
		Key string `header:"idempotency-key"`
	}
	otherKey struct {
		Key string `header:"X-Idempotency-Key"`
	}
	credential struct {
		Token string `header:"Authorization"`
	}
	framing struct {
		Length string `header:"Content-Length"`
	}
	badHeader struct {
		Note string `header:"X Note"`
	}
	floatHeader struct {
		Note float64 `header:"X-Note"`
	}
	mapHeader struct {
		Note map[string]string `header:"X-Note"`
	}
	Base struct {
		Amount int64  `json:"amount"`
		Note   string `header:"X-Note"`
	}
	Plain         struct{ Currency string }
	embedsPointer struct {
		*Base
		Charge string `path:"charge"`
	}
	embedsPointerAlone struct{ *Base }
	embedsBeside       struct {
		Plain
		Charge string `path:"charge"`
	}
	sameNameTwice struct {
		Base
		Amount int64
	}
	twoNames struct {
		A int    `json:"a"`
		B int    `json:"b"`
		C string `query:"c"`
	}
)

type encodesItself struct {
	Charge string `path:"charge"`
}

func (encodesItself) MarshalJSON() ([]byte, error) { return json.Marshal("x") }

func TestADeclarationThatIsWrongIsAClearError(t *testing.T) {
	type command = retrysafe.Command[charge, charged]
	compares := &retrysafe.Profile{ComparesPayload: true, Rules: []retrysafe.Rule{{Status: 422, Verdict: retrysafe.Mismatch}}}
	for name, d := range map[string]declared{
		"no name":                         with(func(c *command) { c.Name = "" }),
		"a name with a space":             with(func(c *command) { c.Name = "charges create" }),
		"a name with a line break":        with(func(c *command) { c.Name = "charges\r\nX-Evil: 1" }),
		"a name that is not UTF-8":        with(func(c *command) { c.Name = "\xff" }),
		"a name of 10 kB":                 with(func(c *command) { c.Name = strings.Repeat("x", 10_000) }),
		"no path":                         with(func(c *command) { c.Path = "" }),
		"a path without slash":            with(func(c *command) { c.Path = "v1/charges" }),
		"1 MB without a slash":            with(func(c *command) { c.Path = strings.Repeat("x/", 1<<19) }),
		"a whole URL":                     with(func(c *command) { c.Path = "https://evil.test/v1" }),
		"a path with a query":             with(func(c *command) { c.Path = "/v1?x=1" }),
		"a path with a fragment":          with(func(c *command) { c.Path = "/v1#x" }),
		"a path with a space":             with(func(c *command) { c.Path = "/v1/a b" }),
		"a path with a backslash":         with(func(c *command) { c.Path = `/v1\a` }),
		"a path with a line break":        with(func(c *command) { c.Path = "/v1\r\nX-Evil: 1" }),
		"a path with NUL":                 with(func(c *command) { c.Path = "/v1\x00" }),
		"a path with dots":                with(func(c *command) { c.Path = "/v1/../v2" }),
		"a path with escaped dots":        with(func(c *command) { c.Path = "/v1/%2E%2e/v2" }),
		"a path with a bad escape":        with(func(c *command) { c.Path = "/v1/%zz" }),
		"a path of 1 MB":                  with(func(c *command) { c.Path = "/v1" + strings.Repeat("/x", 1<<19) }),
		"an open brace":                   at[onePath]("/v1/{charge"),
		"a closed brace":                  at[onePath]("/v1/charge}"),
		"a brace in a brace":              at[onePath]("/v1/{{charge}}"),
		"a nameless placeholder":          at[onePath]("/v1/{}"),
		"a placeholder with a slash":      at[onePath]("/v1/{a/b}"),
		"an unknown placeholder":          at[noPath]("/v1/{charge}"),
		"a second unknown placeholder":    at[onePath]("/v1/{charge}/{refund}"),
		"a field without a placeholder":   at[onePath]("/v1/charges"),
		"two fields of one placeholder":   at[twoPaths]("/v1/{charge}"),
		"a tag on an unexported field":    at[hiddenPath]("/v1/{charge}"),
		"a tag without a name":            at[namelessPath]("/v1"),
		"a field in two places":           at[twoPlaces]("/v1/{charge}"),
		"a float in the path":             at[floatPath]("/v1/{charge}"),
		"a list in the path":              at[listPath]("/v1/{charge}"),
		"a struct in the path":            at[structPath]("/v1/{charge}"),
		"anything in the path":            at[anyPath]("/v1/{charge}"),
		"a type that encodes itself":      at[encodesItself]("/v1/{charge}"),
		"embedded by pointer":             at[embedsPointer]("/v1/{charge}"),
		"nothing but an embedded pointer": at[embedsPointerAlone]("/v1"),
		"embedded beside tags":            at[embedsBeside]("/v1/{charge}"),
		"one name twice":                  at[sameNameTwice]("/v1"),
		"the key's header":                at[keyHeader]("/v1"),
		"net/http's other key header":     at[otherKey]("/v1"),
		"a credential":                    at[credential]("/v1"),
		"a framing header":                at[framing]("/v1"),
		"a header's name with a space":    at[badHeader]("/v1"),
		"a float in a header":             at[floatHeader]("/v1"),
		"a map in a header":               at[mapHeader]("/v1"),
		"a method with a space":           with(func(c *command) { c.Method = "PO ST" }),
		"a method with a line break":      with(func(c *command) { c.Method = "POST /x HTTP/1.1\r\n" }),
		"CONNECT":                         with(func(c *command) { c.Method = http.MethodConnect }),
		"an unknown encoding":             with(func(c *command) { c.Body = 99 }),
		"an encoding below zero":          with(func(c *command) { c.Body = -1 }),
		"a window below zero":             with(func(c *command) { c.Window = -time.Second }),
		"a policy below zero":             with(func(c *command) { c.Retry = &retrysafe.RetryPolicy{MaxAttempts: -5} }),
		"a profile that contradicts":      with(func(c *command) { c.Profile = &retrysafe.Profile{ComparesPayload: true} }),
		"a rule without condition":        with(func(c *command) { c.Rules = []retrysafe.Rule{{Verdict: retrysafe.Done}} }),
		"a rule without verdict":          with(func(c *command) { c.Rules = []retrysafe.Rule{{Status: 200}} }),
		"a media type that is none":       with(func(c *command) { c.Accept = []string{"pdf"} }),
		"a media type with a line break":  with(func(c *command) { c.Accept = []string{"a/b\r\nX-Evil: 1"} }),
		"an empty volatile field":         with(func(c *command) { c.Volatile = []string{""} }),
		"a volatile pointer that is none": with(func(c *command) { c.Volatile = []string{"/~"} }),
		"a volatile form field of JSON":   with(func(c *command) { c.Volatile = []string{"note"} }),
		"a volatile pointer into a form":  with(func(c *command) { c.Body, c.Volatile = retrysafe.Form, []string{"/note"} }),
		"volatile, payloads compared":     with(func(c *command) { c.Profile, c.Volatile = compares, []string{"/currency"} }),
	} {
		t.Run(name, func(t *testing.T) {
			transport := counting()
			client := ours(t, transport, retrysafe.Options{})
			if err := d.validate(client); !errors.Is(err, retrysafe.ErrInvalid) {
				t.Fatalf("Validate: %v, want ErrInvalid", err)
			} else {
				checkText(t, err)
			}
			checkRefused(t, transport, d.do(t, client))
		})
	}
}

func TestADeclarationThatLooksOddButIsRight(t *testing.T) {
	for name, d := range map[string]declared{
		"no body":                declare(retrysafe.Command[retrysafe.None, retrysafe.None]{}),
		"anything":               declare(retrysafe.Command[any, any]{}),
		"bytes":                  declare(retrysafe.Command[[]byte, []byte]{}),
		"a list":                 declare(retrysafe.Command[[]int, []int]{}),
		"a time":                 declare(retrysafe.Command[time.Time, map[string]any]{}),
		"raw JSON of a pointer":  declare(retrysafe.Command[map[string]json.RawMessage, *charged]{}),
		"an embedded struct":     declare(retrysafe.Command[Base, charged]{}),
		"a nested unknown type":  declare(retrysafe.Command[struct{ A **Plain }, charged]{}),
		"unexported fields only": declare(retrysafe.Command[struct{ a int }, charged]{}),
		"tags beside the body":   declare(retrysafe.Command[twoNames, charged]{}),
		"a method of one's own":  with(func(c *retrysafe.Command[charge, charged]) { c.Method = "CHARGE" }),
		"GET with an effect":     with(func(c *retrysafe.Command[charge, charged]) { c.Method = http.MethodGet }),
	} {
		t.Run(name, func(t *testing.T) {
			transport := &trapTransport{answer: func(int, *http.Request) (*http.Response, error) {
				return trapAnswer(http.StatusNoContent, ""), nil
			}}
			client := ours(t, transport, retrysafe.Options{})
			if err := d.validate(client); err != nil {
				t.Fatal(err)
			}
			if err := d.do(t, client); err != nil || len(transport.requests) != 1 {
				t.Errorf("%d requests, %v", len(transport.requests), err)
			}
		})
	}
}

func TestTwoCommandsOfOneNameAreRefused(t *testing.T) {
	type command = retrysafe.Command[charge, charged]
	query := retrysafe.Query[charge, charged]{Name: createCharge.Name, Path: createCharge.Path, Method: http.MethodPost}
	for name, second := range map[string]declared{
		"another path":     with(func(c *command) { c.Path = "/v2/charges" }),
		"another method":   with(func(c *command) { c.Method = http.MethodPut }),
		"another encoding": with(func(c *command) { c.Body = retrysafe.Form }),
		"another request":  declare(retrysafe.Command[noPath, charged]{}),
		"another answer":   declare(retrysafe.Command[charge, retrysafe.None]{}),
		"another policy":   with(func(c *command) { c.Retry = &retrysafe.RetryPolicy{MaxAttempts: 1} }),
		"another rule":     with(func(c *command) { c.Rules = []retrysafe.Rule{{Status: 404, Verdict: retrysafe.Refused}} }),
		"another window":   with(func(c *command) { c.Window = time.Hour }),
		"rerun":            with(func(c *command) { c.Rerun = true }),
		"an identity":      with(func(c *command) { c.Identity = func(charge) []any { return nil } }),
		"a query": {validate: query.Validate, do: func(t *testing.T, c *retrysafe.Client) error {
			_, err := query.Do(t.Context(), c, charge{})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			transport := counting()
			client := ours(t, transport, retrysafe.Options{})
			if err := createCharge.Validate(client); err != nil {
				t.Fatal(err)
			}
			if err := second.validate(client); !errors.Is(err, retrysafe.ErrInvalid) {
				t.Errorf("Validate: %v", err)
			}
			checkRefused(t, transport, second.do(t, client))
			if _, err := ourCharge(t.Context(), client); err != nil {
				t.Errorf("the first one: %v, want it to work still", err)
			}
		})
	}
}

// A profile that many commands name must not be wrong for one and right for
// another because of what an earlier client made of it.
func TestAProfileIsNotChangedByItsClient(t *testing.T) {
	profile := retrysafe.Profile{
		Rules: []retrysafe.Rule{{Header: "x-pay-state", Value: "done", Verdict: retrysafe.Done}}, Marks: []string{"x-pay"},
		Replayed: []retrysafe.Mark{{Name: "x-replayed"}},
	}
	if _, err := retrysafe.NewClient("http://provider.test", &retrysafe.Options{Profile: profile}); err != nil {
		t.Fatal(err)
	}
	if profile.Rules[0].Header != "x-pay-state" || profile.Marks[0] != "x-pay" || profile.Replayed[0].Name != "x-replayed" {
		t.Errorf("the caller's profile was changed: %+v", profile)
	}
}
