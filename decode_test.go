package retrysafe_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe"
)

// command returns a command in that encoding whose path has the placeholders.
func command[Req any](body retrysafe.Encoding, path string) retrysafe.Command[Req, charged] {
	return retrysafe.Command[Req, charged]{Name: "things.make", Path: path, Body: body}
}

func recordingClient(t testing.TB, opts *retrysafe.Options) *retrysafe.Client {
	t.Helper()
	client, err := retrysafe.NewClient("https://api.example.com/base", opts)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// comesBack records values and reads them back.
func comesBack[Req any](c retrysafe.Command[Req, charged], value func(draw) Req) func(*testing.T) {
	return func(t *testing.T) {
		client := recordingClient(t, nil)
		for seed := range uint64(300) {
			req := value(newDraw(seed))
			recorded, err := c.Recorded(client, req)
			if err != nil {
				t.Fatalf("%+v: %v", req, err)
			}
			var read Req
			if err := c.ReadRecorded(client, recorded, &read); err != nil {
				t.Fatalf("seed %d: %v: %s", seed, err, recorded)
			}
			if !reflect.DeepEqual(read, req) {
				t.Fatalf("seed %d: read\n%#v\nwant\n%#v\nof %s", seed, read, req, recorded)
			}
			if again, err := c.Recorded(client, read); err != nil || !bytes.Equal(again, recorded) {
				t.Fatalf("seed %d: recorded again\n%s, %v, want\n%s", seed, again, err, recorded)
			}
		}
	}
}

func TestARecordedRequestIsReadAsItWas(t *testing.T) {
	type onlyPath struct {
		Charge string `path:"charge"`
	}
	for _, encoding := range []struct {
		name string
		is   retrysafe.Encoding
	}{{"JSON", retrysafe.JSON}, {"form", retrysafe.Form}} {
		t.Run(encoding.name, func(t *testing.T) {
			e := encoding.is
			t.Run("every kind in the path", comesBack(command[places](e, allPlaces), draw.places))
			t.Run("every kind in headers", comesBack(command[headers](e, "/a"), draw.headers))
			t.Run("the query", comesBack(command[queried](e, "/a"), draw.queried))
			t.Run("a pointer, with a query", comesBack(command[*queried](e, "/a"), func(d draw) *queried { return pointer(d.queried()) }))
			t.Run("all of them, embedded", comesBack(command[mixed](e, "/a/{charge}/b"), draw.mixed))
			t.Run("a pointer to all of them", comesBack(command[*mixed](e, "/a/{charge}/b"), func(d draw) *mixed { return pointer(d.mixed()) }))
			t.Run("embedded", comesBack(command[embedding](e, "/a"), draw.embedding))
			t.Run("a pointer to a pointer", comesBack(command[**embedding](e, "/a"), func(d draw) **embedding {
				return pointer(pointer(d.embedding()))
			}))
			t.Run("nothing", comesBack(command[retrysafe.None](e, "/a"), func(draw) retrysafe.None { return retrysafe.None{} }))
			t.Run("a pointer to nothing", comesBack(command[*retrysafe.None](e, "/a"), func(draw) *retrysafe.None { return &retrysafe.None{} }))
			t.Run("no body", comesBack(command[onlyPath](e, "/a/{charge}"), func(d draw) onlyPath { return onlyPath{d.segment()} }))
			t.Run("a map", comesBack(command[map[named]string](e, "/a"), func(d draw) map[named]string {
				return map[named]string{"é/\x00 ]=&": d.string()}
			}))
			t.Run("a map of lists", comesBack(command[map[string][]string](e, "/a"), func(d draw) map[string][]string {
				return table(d, func() []string { return []string{d.string(), d.string()} })
			}))
			t.Run("a pointer to a map", comesBack(command[*map[string]Address](e, "/a"), func(d draw) *map[string]Address {
				return pointer(table(d, d.address))
			}))
			t.Run("a nil map", comesBack(command[map[string]any](e, "/a"), func(draw) map[string]any { return nil }))
			t.Run("an any without a value", comesBack(command[any](e, "/a"), func(draw) any { return nil }))
		})
	}
	t.Run("what only JSON has", comesBack(command[embedding](retrysafe.JSON, "/a"), draw.loud))
	t.Run("in a form, what only JSON writes otherwise", comesBack(command[map[string]writtenJSON](retrysafe.Form, "/a"), func(d draw) map[string]writtenJSON {
		return table(d, func() writtenJSON { return writtenJSON(d.int()) })
	}))
	t.Run("what encodes itself", comesBack(command[shout](retrysafe.JSON, "/a"), func(d draw) shout { return shout{d.string()} }))
	t.Run("bytes", comesBack(command[[]byte](retrysafe.JSON, "/a"), func(d draw) []byte { return list(d, func() byte { return byte(d.int()) }) }))
	t.Run("a list", comesBack(command[[]mixed](retrysafe.JSON, "/a"), func(d draw) []mixed { return list(d, d.mixed) }))
	t.Run("a text", comesBack(command[string](retrysafe.JSON, "/a"), draw.string))
	t.Run("a number", comesBack(command[int64](retrysafe.JSON, "/a"), draw.int))
	t.Run("raw JSON", comesBack(command[json.RawMessage](retrysafe.JSON, "/a"), func(d draw) json.RawMessage {
		raw, _ := json.Marshal(d.any())
		return raw
	}))
	t.Run("an any", comesBack(command[any](retrysafe.JSON, "/a"), func(d draw) any { return d.any() }))
	t.Run("a map of any", comesBack(command[map[string]any](retrysafe.JSON, "/a"), func(d draw) map[string]any { return table(d, d.any) }))
	t.Run("a form of any", comesBack(command[any](retrysafe.Form, "/a"), func(d draw) any {
		return map[string]any{"a": d.string(), "b": []any{d.string(), d.string()}, "c": map[string]any{"d e": d.string()}}
	}))
}

// TestAHeaderIsReadAsItWasSent: the client's and the call's headers are sent in
// the place of the request's, or where it has none.
func TestAHeaderIsReadAsItWasSent(t *testing.T) {
	type asking struct {
		Version string  `header:"X-Version"`
		Account *string `header:"X-Account"`
	}
	client := recordingClient(t, &retrysafe.Options{Header: http.Header{"x-account": {"acct_client"}}})
	c := command[asking](retrysafe.JSON, "/a").With(retrysafe.Call{Header: http.Header{"X-Version": {"2"}}})
	recorded, err := c.Recorded(client, asking{Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	var read asking
	if err := c.ReadRecorded(client, recorded, &read); err != nil {
		t.Fatal(err)
	}
	if read.Version != "2" || read.Account == nil || *read.Account != "acct_client" {
		t.Errorf("read %+v", read)
	}
}

func TestTheRecordedBodyHasNoKeyInIt(t *testing.T) {
	for encoding, field := range map[retrysafe.Encoding]string{retrysafe.JSON: "/idempotency_key", retrysafe.Form: "idempotency_key"} {
		client := recordingClient(t, &retrysafe.Options{Profile: retrysafe.Profile{
			Key: retrysafe.KeyRules{Place: retrysafe.KeyInBody, Field: field},
		}})
		c := command[map[string]string](encoding, "/a")
		recorded, err := c.Recorded(client, map[string]string{"amount": "4200"})
		if err != nil {
			t.Fatal(err)
		}
		var read map[string]string
		if err := c.ReadRecorded(client, recorded, &read); err != nil || len(read) != 1 || read["amount"] != "4200" {
			t.Errorf("encoding %d: read %v, %v", encoding, read, err)
		}
	}
}

// The types of the next test write themselves and cannot read themselves.
type writtenText string

func (writtenText) MarshalText() ([]byte, error) { return []byte(canaryBody), nil }

type writtenJSON int

func (writtenJSON) MarshalJSON() ([]byte, error) { return []byte("4242"), nil }

type writtenByValue int

func (writtenByValue) MarshalText() ([]byte, error) { return []byte("4242"), nil }

type writtenByPointer struct{ Text string }

func (*writtenByPointer) MarshalText() ([]byte, error) { return []byte(canaryBody), nil }

// strict refuses, and says what.
type strict struct{}

func (strict) MarshalText() ([]byte, error)     { return []byte(canaryBody), nil }
func (*strict) UnmarshalText(text []byte) error { return fmt.Errorf("strict: %s", text) }

// unread reads one value's recorded request as another type, which must fail.
func unread[Old, New any](old retrysafe.Command[Old, charged], req Old, read retrysafe.Command[New, charged]) func(*testing.T) {
	return func(t *testing.T) {
		recorded, err := old.Recorded(recordingClient(t, nil), req)
		if err != nil {
			t.Fatal(err)
		}
		var zero, into New
		err = read.ReadRecorded(recordingClient(t, nil), recorded, &into)
		if !errors.Is(err, retrysafe.ErrUnreadable) {
			t.Errorf("error is %v, value %+v", err, into)
		}
		if !reflect.DeepEqual(into, zero) {
			t.Errorf("the value is %+v beside %v", into, err)
		}
		checkNoCanary(t, fmt.Sprint(err))
	}
}

func checkNoCanary(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "CANARY") || strings.Contains(text, "4242") {
		t.Errorf("text has a value: %s", text)
	}
}

func TestWhatCannotBeReadIsAnErrorWithoutValues(t *testing.T) {
	type one struct {
		Charge string `path:"charge"`
		Body   string `json:"body" form:"body"`
	}
	type other struct {
		Refund string `path:"refund"`
		Body   string `json:"body" form:"body"`
	}
	type pathless struct {
		Body string `json:"body" form:"body"`
	}
	type pathNumber struct {
		Charge int8   `path:"charge"`
		Body   string `json:"body"`
	}
	type pathFlag struct {
		Charge bool `path:"charge"`
	}
	type pathUint struct {
		Charge uint16 `path:"charge"`
	}
	type pathStrict struct {
		Charge strict `path:"charge"`
	}
	type pathWritten struct {
		Charge *writtenText `path:"charge"`
	}
	type pathByPointer struct {
		Charge *writtenByPointer `path:"charge"`
	}
	type pathInterface struct {
		Charge encoding.TextMarshaler `path:"charge"`
	}
	type inHeader[T any] struct {
		Secret T `header:"X-Secret"`
	}
	type inQuery[T any] struct {
		Secret T `query:"secret"`
	}
	type inBody[T any] struct {
		Secret T `json:"secret" form:"secret"`
	}
	type nested[T any] struct {
		Inner []map[string]*inBody[T] `json:"inner" form:"inner"`
	}
	type bracketed struct {
		Number string `form:"card[number],omitempty"`
		Limit  string `query:"at[most],omitempty"`
	}
	const json, form = retrysafe.JSON, retrysafe.Form
	text, number := canaryBody, 4242
	charge := command[one](json, "/a/{charge}")
	charged := one{text, text}
	for name, test := range map[string]func(*testing.T){
		"a placeholder has gone":           unread(charge, charged, command[pathless](json, "/a")),
		"a placeholder has come":           unread(command[pathless](json, "/a"), pathless{text}, charge),
		"a placeholder has another name":   unread(charge, charged, command[other](json, "/a/{refund}")),
		"a path is no number":              unread(charge, charged, command[pathNumber](json, "/a/{charge}")),
		"a path is too large":              unread(charge, one{"4242", text}, command[pathNumber](json, "/a/{charge}")),
		"a path is negative":               unread(charge, one{"-4242", text}, command[pathUint](json, "/a/{charge}")),
		"a path is no bool":                unread(charge, one{"4242", text}, command[pathFlag](json, "/a/{charge}")),
		"a path is refused by its type":    unread(charge, charged, command[pathStrict](json, "/a/{charge}")),
		"a path's type only writes":        unread(command[pathWritten](json, "/a/{charge}"), pathWritten{new(writtenText)}, command[pathWritten](json, "/a/{charge}")),
		"a path's pointer only writes":     unread(command[pathByPointer](json, "/a/{charge}"), pathByPointer{&writtenByPointer{}}, command[pathByPointer](json, "/a/{charge}")),
		"a path's type is an interface":    unread(command[pathInterface](json, "/a/{charge}"), pathInterface{word{text}}, command[pathInterface](json, "/a/{charge}")),
		"a header is no number":            unread(command[inHeader[string]](json, "/a"), inHeader[string]{text}, command[inHeader[int]](json, "/a")),
		"a header is there twice":          unread(command[inHeader[[]string]](json, "/a"), inHeader[[]string]{[]string{text, text}}, command[inHeader[string]](json, "/a")),
		"one of many headers is no number": unread(command[inHeader[[]string]](json, "/a"), inHeader[[]string]{[]string{"4242", text}}, command[inHeader[[]int]](json, "/a")),
		"a header's type only writes":      unread(command[inHeader[writtenText]](json, "/a"), inHeader[writtenText]{}, command[inHeader[writtenText]](json, "/a")),
		"a query is no number":             unread(command[inQuery[string]](json, "/a"), inQuery[string]{text}, command[inQuery[int]](json, "/a")),
		"a query's type only writes":       unread(command[inQuery[writtenText]](json, "/a"), inQuery[writtenText]{}, command[inQuery[writtenText]](json, "/a")),
		"a nested query's type only writes": unread(command[inQuery[nested[writtenText]]](json, "/a"), inQuery[nested[writtenText]]{},
			command[inQuery[nested[writtenText]]](json, "/a")),
		"a JSON body does not fit":  unread(command[inBody[int]](json, "/a"), inBody[int]{number}, command[inBody[string]](json, "/a")),
		"a JSON body is too large":  unread(command[inBody[int]](json, "/a"), inBody[int]{number}, command[inBody[int8]](json, "/a")),
		"a JSON body is another's":  unread(command[[]string](json, "/a"), []string{text}, command[inBody[string]](json, "/a")),
		"a JSON body is refused":    unread(command[inBody[string]](json, "/a"), inBody[string]{text}, command[inBody[strict]](json, "/a")),
		"a JSON type only writes":   unread(command[inBody[writtenJSON]](json, "/a"), inBody[writtenJSON]{}, command[inBody[writtenJSON]](json, "/a")),
		"a JSON body only writes":   unread(command[writtenJSON](json, "/a"), 0, command[writtenJSON](json, "/a")),
		"a text type only writes":   unread(command[inBody[writtenText]](json, "/a"), inBody[writtenText]{}, command[inBody[writtenText]](json, "/a")),
		"a pointer only writes":     unread(command[inBody[*writtenByPointer]](json, "/a"), inBody[*writtenByPointer]{}, command[inBody[*writtenByPointer]](json, "/a")),
		"a nested type only writes": unread(command[nested[writtenJSON]](json, "/a"), nested[writtenJSON]{}, command[nested[writtenJSON]](json, "/a")),
		"a map's key only writes": unread(command[map[writtenByValue]string](json, "/a"), map[writtenByValue]string{1: text},
			command[map[writtenByValue]string](json, "/a")),
		"a form does not fit": unread(command[inBody[string]](form, "/a"), inBody[string]{text}, command[inBody[int]](form, "/a")),
		"a form is refused":   unread(command[inBody[string]](form, "/a"), inBody[string]{text}, command[inBody[strict]](form, "/a")),
		"a form type only writes": unread(command[nested[writtenText]](form, "/a"),
			nested[writtenText]{[]map[string]*inBody[writtenText]{{"a": {"b"}}}}, command[nested[writtenText]](form, "/a")),
		"a form's key only writes": unread(command[map[writtenText]string](form, "/a"), map[writtenText]string{"a": text},
			command[map[writtenText]string](form, "/a")),
		"a form's name has brackets":    unread(command[map[string]any](form, "/a"), map[string]any{"a[b]": text}, command[map[string]any](form, "/a")),
		"a field's name has brackets":   unread(command[bracketed](form, "/a"), bracketed{Number: text}, command[bracketed](form, "/a")),
		"a query's name has brackets":   unread(command[bracketed](json, "/a"), bracketed{Limit: text}, command[bracketed](json, "/a")),
		"a form is JSON now":            unread(command[pathless](form, "/a"), pathless{text}, command[pathless](json, "/a")),
		"JSON is a form now":            unread(command[pathless](json, "/a"), pathless{text}, command[pathless](form, "/a")),
		"a body is nothing now":         unread(command[pathless](json, "/a"), pathless{text}, command[retrysafe.None](json, "/a")),
		"nothing is a body now":         unread(command[retrysafe.None](json, "/a"), retrysafe.None{}, command[pathless](json, "/a")),
		"a list in a form is a map now": unread(command[inBody[[]string]](form, "/a"), inBody[[]string]{[]string{text}}, command[inBody[map[int]int]](form, "/a")),
	} {
		t.Run(name, test)
	}
}

// TestAKeyOfTextIsNoneThatOnlyWrites: JSON writes keys of a string kind as they are.
func TestAKeyOfTextIsNoneThatOnlyWrites(t *testing.T) {
	comesBack(command[map[writtenText]string](retrysafe.JSON, "/a"), func(d draw) map[writtenText]string {
		return map[writtenText]string{writtenText(d.string()): d.string()}
	})(t)
}

func TestWhatCannotBeReadLeavesNothing(t *testing.T) {
	type one struct {
		Charge string `path:"charge"`
		Amount string `json:"amount"`
	}
	type now struct {
		Charge string `path:"charge"`
		Amount int    `json:"amount"`
	}
	client := recordingClient(t, nil)
	recorded, err := command[one](retrysafe.JSON, "/a/{charge}").Recorded(client, one{"ch_1", "much"})
	if err != nil {
		t.Fatal(err)
	}
	into := now{"ch_0", 1}
	if err := command[now](retrysafe.JSON, "/a/{charge}").ReadRecorded(recordingClient(t, nil), recorded, &into); err == nil || into != (now{}) {
		t.Errorf("value is %+v beside %v", into, err)
	}
}

func TestAMemberThatIsGoneIsPassedOver(t *testing.T) {
	type before struct {
		Limit    int    `query:"limit"`
		Old      int    `query:"old"`
		Gone     string `header:"X-Gone"`
		Amount   int    `json:"amount" form:"amount"`
		Currency string `json:"currency" form:"currency"`
	}
	type now struct {
		Limit  int    `query:"limit"`
		New    *int   `query:"new"`
		Come   string `header:"X-Come"`
		Amount int    `json:"amount" form:"amount"`
		Note   string `json:"note" form:"note"`
	}
	for _, encoding := range []retrysafe.Encoding{retrysafe.JSON, retrysafe.Form} {
		recorded, err := command[before](encoding, "/a").Recorded(recordingClient(t, nil), before{1, 2, "x", 3, "eur"})
		if err != nil {
			t.Fatal(err)
		}
		var read now
		if err := command[now](encoding, "/a").ReadRecorded(recordingClient(t, nil), recorded, &read); err != nil || read != (now{Limit: 1, Amount: 3}) {
			t.Errorf("encoding %d: read %+v, %v", encoding, read, err)
		}
	}
}

func TestWhereTheValueGoesMustBeOfTheRequestsType(t *testing.T) {
	client := recordingClient(t, nil)
	c := command[string](retrysafe.JSON, "/a")
	recorded, err := c.Recorded(client, "text")
	if err != nil {
		t.Fatal(err)
	}
	for _, into := range []any{nil, "", new(int), (*string)(nil), new(any), c} {
		wantInvalid(t, c.ReadRecorded(client, recorded, into))
	}
}

// refuzz reads fuzzed bytes as a command's request. What could be read and can
// be sent is recorded as what it is.
func refuzz[Req any](t *testing.T, client *retrysafe.Client, c retrysafe.Command[Req, charged], recorded []byte) {
	t.Helper()
	var read, zero Req
	if err := c.ReadRecorded(client, recorded, &read); err != nil {
		if !errors.Is(err, retrysafe.ErrUnreadable) || !reflect.DeepEqual(read, zero) {
			t.Errorf("value %+v beside %v", read, err)
		}
		return
	}
	again, err := c.Recorded(client, read)
	if err != nil {
		return // A path with a slash, say.
	}
	var reread Req
	if err := c.ReadRecorded(client, again, &reread); err != nil {
		t.Fatalf("%v: %s", err, again)
	}
	if last, err := c.Recorded(client, reread); err != nil || !bytes.Equal(last, again) {
		t.Errorf("recorded\n%s, %v, and before\n%s", last, err, again)
	}
}

func FuzzReadRequest(f *testing.F) {
	inJSON, inForm := command[mixed](retrysafe.JSON, "/a/{charge}/b"), command[mixed](retrysafe.Form, "/a/{charge}/b")
	inJSON.Name, inForm.Name = "json", "form"
	path, header, query, any := command[places](retrysafe.JSON, allPlaces), command[headers](retrysafe.Form, "/a"),
		command[*queried](retrysafe.JSON, "/a"), command[any](retrysafe.JSON, "/a")
	path.Name, header.Name, query.Name, any.Name = "path", "header", "query", "any"
	client := recordingClient(f, nil)
	all := func(t *testing.T, recorded []byte) {
		refuzz(t, client, inJSON, recorded)
		refuzz(t, client, inForm, recorded)
		refuzz(t, client, path, recorded)
		refuzz(t, client, header, recorded)
		refuzz(t, client, query, recorded)
		refuzz(t, client, any, recorded)
	}
	add := func(recorded []byte, err error) {
		if err != nil {
			f.Fatal(err)
		}
		var k kept
		if err := json.Unmarshal(recorded, &k); err != nil {
			f.Fatal(err)
		}
		f.Add(recorded, "charge", "ch_1", k.Query, k.Body)
	}
	for seed := range uint64(3) {
		d := newDraw(seed)
		add(inJSON.Recorded(client, d.mixed()))
		add(inForm.Recorded(client, d.mixed()))
		add(path.Recorded(client, d.places()))
		add(header.Recorded(client, d.headers()))
		add(query.Recorded(client, pointer(d.queried())))
	}
	f.Add([]byte(`{"v":1,"method":"POST","path":"/a"}`), "X-Times", "2026-01-02T03:04:05Z", "at[rate]=1&labels[]=1&words=", []byte("a[b]=1&a=2"))
	f.Add([]byte(`{"v":2}`), "X-Bool", "t", "%", []byte(`{"amount":"18446744073709551615","items":[{}],"by_count":{"7":"w:"},"when":null}`))
	f.Fuzz(func(t *testing.T, recorded []byte, name, text, query string, body []byte) {
		all(t, recorded)
		k := kept{Query: query, Header: http.Header{http.CanonicalHeaderKey(name): {text}}, Body: body}
		all(t, k.bytes(t))
		k.Values = map[string]string{name: text}
		all(t, k.bytes(t))
		k.Values = map[string]string{"charge": text}
		all(t, k.bytes(t))
	})
}
