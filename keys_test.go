package retrysafe_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
	"github.com/retrysafe/retrysafe/spec"
)

// text is a string of a vector: UTF-8, or bytes that are none.
type text struct {
	UTF8 string `json:"utf8"`
	Hex  string `json:"hex"`
}

func (v text) String() string {
	if b, err := hex.DecodeString(v.Hex); err == nil && v.Hex != "" {
		return string(b)
	}
	return v.UTF8
}

type vector[In, Want any] struct {
	ID       string `json:"id"`
	Input    In     `json:"input"`
	Expected Want   `json:"expected"`
	Error    *struct {
		Class string `json:"class"`
	} `json:"error"`
}

func vectors[In, Want any](t *testing.T, suite string) []vector[In, Want] {
	t.Helper()
	raw, err := fs.ReadFile(spec.FS(), "vectors/"+suite+".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		Groups        []struct{ Tests []vector[In, Want] }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var all []vector[In, Want]
	for _, g := range file.Groups {
		all = append(all, g.Tests...)
	}
	if len(all) == 0 || len(all) != file.NumberOfTests {
		t.Fatalf("%s has %d vectors, its envelope says %d", suite, len(all), file.NumberOfTests)
	}
	return all
}

func TestVectors_DeriveKey(t *testing.T) {
	type input struct {
		Account, Command, ID text
		Generation           string
	}
	type expected struct{ UUID string }
	ran := 0
	for _, v := range vectors[input, expected](t, "key-derivation") {
		if v.Input.Generation != "0" {
			continue // raised by operators only, who are not there yet; internal/key runs these
		}
		ran++
		if got := retrysafe.DeriveKey(v.Input.Account.String(), v.Input.Command.String(), v.Input.ID.String()); string(got) != v.Expected.UUID {
			t.Errorf("%s: key is %s, want %s", v.ID, string(got), v.Expected.UUID)
		}
	}
	t.Logf("%d vectors ran", ran)
	if ran < 30 {
		t.Errorf("%d vectors ran, want at least 30", ran)
	}
}

type vectorFormat struct {
	Alphabet             text
	MinLength, MaxLength int
	UUID                 bool
}

func (f vectorFormat) rules() retrysafe.KeyRules {
	return retrysafe.KeyRules{Alphabet: f.Alphabet.String(), MinLength: f.MinLength, MaxLength: f.MaxLength, UUID: f.UUID}
}

// TestVectors_KeyFormat: a client can be built with every format that the
// specification allows, and with no other.
func TestVectors_KeyFormat(t *testing.T) {
	type input struct{ Format vectorFormat }
	for _, v := range vectors[input, json.RawMessage](t, "key-format") {
		_, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
			Profile: retrysafe.Profile{Key: v.Input.Format.rules()},
		})
		if (err != nil) != (v.Error != nil) {
			t.Errorf("%s: NewClient says %v, want an error: %t", v.ID, err, v.Error != nil)
		}
	}
}

// TestVectors_KeyCheck: a caller's own key is taken, or refused before
// anything is sent, as the specification says.
func TestVectors_KeyCheck(t *testing.T) {
	type input struct {
		Format vectorFormat
		Key    text
	}
	for _, v := range vectors[input, struct{ Accepted bool }](t, "key-check") {
		client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
			Profile: retrysafe.Profile{Key: v.Input.Format.rules()},
		})
		if err != nil {
			if v.Expected.Accepted {
				t.Errorf("%s: %v", v.ID, err)
			}
			continue
		}
		own := v.Input.Key.String()
		if own == "" {
			continue // no key of the caller's own
		}
		got, err := createCharge.With(retrysafe.Call{Key: retrysafe.Key(own)}).Key(client, "order-1")
		if accepted := err == nil; accepted != v.Expected.Accepted || accepted && string(got) != own {
			t.Errorf("%s: key %q, error %v, want accepted: %t", v.ID, got, err, v.Expected.Accepted)
		}
		if err != nil && len(own) > 3 && strings.Contains(err.Error(), own) {
			t.Errorf("%s: the error shows the key", v.ID)
		}
	}
}

// sent records the last request and answers as told.
type sent struct {
	req    *http.Request
	body   string
	answer func() *http.Response
}

func (s *sent) RoundTrip(req *http.Request) (*http.Response, error) {
	s.req, s.body = req, readAll(req.Body)
	if s.answer != nil {
		return s.answer(), nil
	}
	return response(200, "application/json", `{"id":"ch_1"}`), nil
}

func TestTheKeyIsWhereTheProfileWantsIt(t *testing.T) {
	const derived = "5e931bbb-40d8-4cae-a2d1-49b3ec84f0a3"
	type nested struct {
		Query     string `json:"query"`
		Variables struct {
			Amount int `json:"amount"`
		} `json:"variables"`
	}
	for name, c := range map[string]struct {
		rules  retrysafe.KeyRules
		do     func(*retrysafe.Client) error
		header string
		value  string
		body   string
	}{
		"the zero profile":   {header: "Idempotency-Key", value: derived},
		"another header":     {rules: retrysafe.KeyRules{Header: "paypal-request-id"}, header: "Paypal-Request-Id", value: derived},
		"quoted":             {rules: retrysafe.KeyRules{Quoted: true}, header: "Idempotency-Key", value: `"` + derived + `"`},
		"no room for a UUID": {rules: retrysafe.KeyRules{MaxLength: 30, Alphabet: "0123456789abcdefghijklmnopqrstuvwxyz"}, header: "Idempotency-Key", value: "5lkd636yyf10u1l71lwuosmg3"},
		"in JSON":            {rules: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/idempotency_key"}, body: `{"idempotency_key":"` + derived + `","amount":7,"currency":""}`},
		"deep in JSON": {
			rules: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/variables/key"},
			do: func(c *retrysafe.Client) error {
				cmd := retrysafe.Command[nested, retrysafe.None]{Name: "charges.create", Path: "/graphql"}
				_, err := cmd.Do(context.Background(), c, "order-1234", nested{Query: "m"})
				return err
			},
			body: `{"query":"m","variables":{"key":"` + derived + `","amount":0}}`,
		},
		"in JSON, with nothing else": {
			rules: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "/idempotency_key"},
			do: func(c *retrysafe.Client) error {
				cmd := retrysafe.Command[retrysafe.None, retrysafe.None]{Name: "charges.create", Path: "/v1"}
				_, err := cmd.Do(context.Background(), c, "order-1234", retrysafe.None{})
				return err
			},
			body: `{"idempotency_key":"` + derived + `"}`,
		},
		"in a form": {
			rules: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: "idempotency_key"},
			do: func(c *retrysafe.Client) error {
				cmd := retrysafe.Command[formCharge, retrysafe.None]{Name: "charges.create", Path: "/v1", Body: retrysafe.Form}
				_, err := cmd.Do(context.Background(), c, "order-1234", formCharge{Amount: 7})
				return err
			},
			body: "idempotency_key=" + derived + "&amount=7",
		},
		"not on this method": {
			rules:  retrysafe.KeyRules{Methods: []string{"PUT"}},
			header: "Idempotency-Key", value: "",
		},
		"nowhere": {rules: retrysafe.KeyRules{Place: retrysafe.KeyNowhere}, header: "Idempotency-Key", value: ""},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &sent{}
			client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
				Account: "acme/stripe/live", Profile: retrysafe.Profile{Key: c.rules}, HTTPClient: &http.Client{Transport: wire},
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.do == nil {
				c.do = func(client *retrysafe.Client) error {
					_, err := createCharge.Do(context.Background(), client, "order-1234", charge{Amount: 7})
					return err
				}
			}
			if err := c.do(client); err != nil {
				t.Fatal(err)
			}
			if got := wire.req.Header.Get(c.header); c.header != "" && got != c.value {
				t.Errorf("header %s is %q, want %q", c.header, got, c.value)
			}
			if c.body != "" && wire.body != c.body {
				t.Errorf("body is %s, want %s", wire.body, c.body)
			}
		})
	}
}

func TestABodyThatHasTheKeysFieldAlreadyIsRefused(t *testing.T) {
	type own struct {
		Key string `json:"idempotency_key" form:"idempotency_key"`
	}
	for name, c := range map[string]struct {
		field string
		body  retrysafe.Encoding
	}{"JSON": {"/idempotency_key", retrysafe.JSON}, "form": {"idempotency_key", retrysafe.Form}} {
		t.Run(name, func(t *testing.T) {
			wire := &sent{}
			client, err := retrysafe.NewClient("https://api.example.com", &retrysafe.Options{
				Profile:    retrysafe.Profile{Key: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: c.field}},
				HTTPClient: &http.Client{Transport: wire},
			})
			if err != nil {
				t.Fatal(err)
			}
			cmd := retrysafe.Command[own, retrysafe.None]{Name: "own", Path: "/", Body: c.body}
			_, err = cmd.Do(context.Background(), client, "order-1", own{Key: "mine"})
			wantInvalid(t, err)
			if wire.req != nil {
				t.Error("it was sent")
			}
		})
	}
}

func TestAnAccountOfTheCallsOwnGivesAnotherKey(t *testing.T) {
	client := newInMemory(t)
	own := createCharge.With(retrysafe.Call{Account: "other"})
	key, err := own.Key(client, "order-1234")
	if err != nil || key != retrysafe.DeriveKey("other", "charges.create", "order-1234") {
		t.Errorf("key is %q (%v), want that of the call's account", string(key), err)
	}
}

func TestNewIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := retrysafe.NewID()
		if len(id) != 36 || seen[id] {
			t.Fatalf("ID %q is no UUID, or was there before", id)
		}
		seen[id] = true
	}
}
