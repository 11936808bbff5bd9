package retrysafe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/retrysafe/retrysafe"
)

// kept is a request as a store keeps it, in the words of the record's format.
type kept struct {
	Version int               `json:"v"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   string            `json:"query,omitempty"`
	Values  map[string]string `json:"values,omitempty"`
	Header  http.Header       `json:"header,omitempty"`
	Body    []byte            `json:"body,omitempty"`
}

func (k kept) bytes(t testing.TB) []byte {
	t.Helper()
	k.Version = 1
	if k.Method == "" {
		k.Method = "POST"
	}
	if k.Path == "" {
		k.Path = "/v1/charges"
	}
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func differencesOf(t testing.TB, recorded, own kept) []string {
	t.Helper()
	names, err := retrysafe.Differences(recorded.bytes(t), own.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func keptBody(media, body string) kept {
	return kept{Header: http.Header{"Content-Type": {media}}, Body: []byte(body)}
}

func TestWhatDiffersIsNamed(t *testing.T) {
	header := func(pairs ...string) kept {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
		}
		return kept{Header: h}
	}
	value := func(path string, values ...string) kept {
		k := kept{Path: path, Values: map[string]string{}}
		for i := 0; i < len(values); i += 2 {
			k.Values[values[i]] = values[i+1]
		}
		return k
	}
	for name, test := range map[string]struct {
		recorded, own kept
		want          []string
	}{
		"nothing":                       {kept{}, kept{}, nil},
		"method":                        {kept{}, kept{Method: "PUT"}, []string{"method"}},
		"path":                          {kept{}, kept{Path: "/v2/charges"}, []string{"path"}},
		"a placeholder":                 {value("/a/1", "charge", "1"), value("/a/2", "charge", "2"), []string{"{charge}"}},
		"one of two placeholders":       {value("/1/2", "a", "1", "b", "2"), value("/1/3", "a", "1", "b", "3"), []string{"{b}"}},
		"a placeholder and the path":    {value("/a/1", "charge", "1"), value("/b/2", "charge", "2"), []string{"{charge}"}},
		"the path around a placeholder": {value("/a/1", "charge", "1"), value("/b/1", "charge", "1"), []string{"path"}},
		"a placeholder's name":          {value("/a/1", "charge", "1"), value("/a/1", "id", "1"), []string{"{charge}", "{id}"}},
		"a query":                       {kept{Query: "limit=1&to=2"}, kept{Query: "limit=2&to=2"}, []string{"query:limit"}},
		"a query that is not there":     {kept{Query: "limit=1"}, kept{}, []string{"query:limit"}},
		"a query that is there twice":   {kept{Query: "id=1"}, kept{Query: "id=1&id=1"}, []string{"query:id"}},
		"a query's order":               {kept{Query: "a=1&b=2"}, kept{Query: "b=2&a=1"}, []string{"query"}},
		"a nested query":                {kept{Query: "at%5Bfrom%5D=1"}, kept{Query: "at[from]=2"}, []string{"query:at[from]"}},
		"a query of no pairs":           {kept{Query: canaryQuery}, kept{Query: "a=1"}, []string{"query"}},
		"a query with a broken escape":  {kept{Query: "%zz=1"}, kept{Query: "a=1"}, []string{"query"}},
		"a header":                      {header("Stripe-Version", "1"), header("Stripe-Version", "2"), []string{"header:Stripe-Version"}},
		"a header that is not there":    {header(), header("X-A", ""), []string{"header:X-A"}},
		"a header that is there twice":  {header("X-A", "1"), header("X-A", "1", "X-A", "1"), []string{"header:X-A"}},
		"several": {
			kept{Method: "PUT", Path: "/a", Query: "b=1", Header: http.Header{"C": {"1"}}, Body: []byte("1")}, kept{},
			[]string{"body", "header:C", "method", "path", "query:b"},
		},
	} {
		t.Run(name, func(t *testing.T) { checkDifferences(t, test.recorded, test.own, test.want) })
	}
}

func checkDifferences(t *testing.T, recorded, own kept, want []string) {
	t.Helper()
	if got := differencesOf(t, recorded, own); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := differencesOf(t, own, recorded); !slices.Equal(got, want) {
		t.Errorf("the other way round: got %q, want %q", got, want)
	}
}

func TestWhatDiffersInABodyIsNamed(t *testing.T) {
	const isJSON, isForm = "application/json; charset=utf-8", "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		media         string
		recorded, own string
		want          []string
	}{
		"a member":                       {isJSON, `{"amount":1,"currency":"eur"}`, `{"amount":2,"currency":"eur"}`, []string{"/amount"}},
		"two members":                    {isJSON, `{"a":1,"b":"x","c":null}`, `{"a":2,"b":"x","c":false}`, []string{"/a", "/c"}},
		"a member that is missing":       {isJSON, `{"a":1,"b":2}`, `{"a":1}`, []string{"/b"}},
		"a member of a list":             {isJSON, `{"items":[{"price":"a","n":1},{"n":2}]}`, `{"items":[{"price":"b","n":1},{"n":2}]}`, []string{"/items/0/price"}},
		"a longer list":                  {isJSON, `{"items":[1,2]}`, `{"items":[1,2,3,4]}`, []string{"/items/2", "/items/3"}},
		"an empty list":                  {isJSON, `{"items":[ ]}`, `{"items":[{}]}`, []string{"/items/0"}},
		"another kind":                   {isJSON, `{"a":{"b":1}}`, `{"a":[1]}`, []string{"/a"}},
		"a number's digits":              {isJSON, `[1.0]`, `[1]`, []string{"/0"}},
		"a text's escapes":               {isJSON, `["\u0041"]`, `["A"]`, []string{"/0"}},
		"texts with brackets and quotes": {isJSON, `{"a":"}\\\"{[","b":[1,"]",{"c":","}]}`, `{"a":"}\\\"{[","b":[1,"]",{"c":":"}]}`, []string{"/b/2/c"}},
		"members in another order":       {isJSON, `{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3,"c":4},"a":1}`, []string{"/b/c"}},
		"only the order":                 {isJSON, `{"a":1,"b":2}`, `{"b":2,"a":1}`, []string{"body"}},
		"only white space":               {isJSON, `{"a":[1,2]}`, " {\n\"a\" : [1 ,\t2]\r} ", []string{"body"}},
		"only a repeated name":           {isJSON, `{"a":1,"a":2}`, `{"a":3,"a":2}`, []string{"body"}},
		"a name that is escaped":         {isJSON, `{"a/b~c":1,"\u0065":1}`, `{"a/b~c":2,"e":2}`, []string{"/a~1b~0c", "/e"}},
		"an empty name":                  {isJSON, `{"":{"":1}}`, `{"":{"":2}}`, []string{"//"}},
		"a name that breaks a line":      {isJSON, `{"a\n\u001b[31m":1}`, `{}`, []string{"/a\uFFFD\uFFFD[31m"}},
		"the whole":                      {isJSON, `1`, `"` + canaryBody + `"`, []string{"body"}},
		"the whole, of another kind":     {isJSON, `{}`, `[]`, []string{"body"}},
		"no JSON":                        {isJSON, `{"a":1}`, `{"a":` + canaryBody, []string{"body"}},
		"no body":                        {isJSON, `{"a":1}`, ``, []string{"body"}},
		"JSON by another name":           {"text/plain", `{"a":1}`, `{"a":2}`, []string{"/a"}},
		"a field":                        {isForm, "amount=1&currency=eur", "amount=2&currency=eur", []string{"amount"}},
		"a nested field":                 {isForm, "items[0][price]=a&x=1", "items%5B0%5D%5Bprice%5D=b&x=1", []string{"items[0][price]"}},
		"a field that is missing":        {isForm, "a=1", "a=1&b=", []string{"b"}},
		"a form without fields":          {isForm, "", "b=1", []string{"b"}},
		"only the form's order":          {isForm, "a=1&b=2", "b=2&a=1", []string{"body"}},
		"only the form's escapes":        {isForm, "a=%2E", "a=.", []string{"a"}},
		"no form":                        {isForm, "a=1", canaryBody, []string{"body"}},
		"a form by another name":         {"text/plain", "a=1", "a=2", []string{"body"}},
	} {
		t.Run(name, func(t *testing.T) {
			checkDifferences(t, keptBody(test.media, test.recorded), keptBody(test.media, test.own), test.want)
		})
	}
	t.Run("another encoding", func(t *testing.T) {
		checkDifferences(t, keptBody("application/json", `{"a":1}`), keptBody(isForm, "a=1"), []string{"body", "header:Content-Type"})
	})
}

// membersOf returns a JSON object with n members, of which the names are made
// by name.
func membersOf(n int, name func(int) string, value string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",%q:%s", name(i), value)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func TestTenNamesAreToldAndTheOthersCounted(t *testing.T) {
	byNumber := func(i int) string { return fmt.Sprintf("m%03d", i) }
	for n, want := range map[int]string{
		9:  "/m000 /m001 /m002 /m003 /m004 /m005 /m006 /m007 /m008",
		10: "/m000 /m001 /m002 /m003 /m004 /m005 /m006 /m007 /m008 /m009",
		11: "/m000 /m001 /m002 /m003 /m004 /m005 /m006 /m007 /m008 /m009 and 1 more",
		50: "/m000 /m001 /m002 /m003 /m004 /m005 /m006 /m007 /m008 /m009 and 40 more",
	} {
		got := differencesOf(t, keptBody("", membersOf(n, byNumber, "1")), keptBody("", membersOf(n, byNumber, "2")))
		if strings.Join(got, " ") != want {
			t.Errorf("%d members: %q", n, got)
		}
	}
}

func TestAFormOfMoreFieldsThanCanBeReadDiffersAsAWhole(t *testing.T) {
	const isForm = "application/x-www-form-urlencoded"
	fields := strings.Repeat("a=1&", 9_999)
	checkDifferences(t, keptBody(isForm, fields+"b=1"), keptBody(isForm, fields+"b=2"), []string{"b"})
	checkDifferences(t, keptBody(isForm, "a=1&"+fields+"b=1"), keptBody(isForm, fields+"b=2"), []string{"body"})
}

func TestLongNamesAreClippedAndToldOnce(t *testing.T) {
	long := func(i int) string { return strings.Repeat("é", 400) + fmt.Sprint(i) }
	got := differencesOf(t, keptBody("", membersOf(3, long, "1")), keptBody("", membersOf(3, long, "2")))
	if len(got) != 1 || len(got[0]) > 500 || !strings.HasPrefix(got[0], "/éé") {
		t.Errorf("got %d names: %.100q", len(got), got)
	}
	inside := func(i int) string { return `{"` + strings.Repeat("x", 600) + `":{"y":` + fmt.Sprint(i) + `}}` }
	got = differencesOf(t, keptBody("", inside(1)), keptBody("", inside(2)))
	if len(got) != 1 || len(got[0]) != 500 {
		t.Errorf("got %d names: %.100q", len(got), got)
	}
}

func TestADeepDifferenceIsNamedFromAbove(t *testing.T) {
	nested := func(depth int, leaf string) kept {
		return keptBody("", strings.Repeat(`{"a":`, depth)+leaf+strings.Repeat("}", depth))
	}
	checkDifferences(t, nested(16, "1"), nested(16, "2"), []string{strings.Repeat("/a", 16)})
	checkDifferences(t, nested(20, "1"), nested(20, "2"), []string{strings.Repeat("/a", 16)})
	checkDifferences(t, nested(9000, "1"), nested(9000, "2"), []string{strings.Repeat("/a", 16)})
	checkDifferences(t, nested(20_000, "1"), nested(20_000, "2"), []string{"body"}) // encoding/json reads no deeper than 10,000
}

// TestHostileBodiesAreComparedInBoundedTime has large bodies in the shapes that
// cost most. Whatever is more than linear in them would take minutes.
func TestHostileBodiesAreComparedInBoundedTime(t *testing.T) {
	const size = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	numbered := func(value string) string {
		return membersOf(size/12, func(i int) string { return fmt.Sprintf("%06x", i) }, value)
	}
	deep := func(leaf string) string {
		const depth = 9000 // what encoding/json still reads
		return strings.Repeat(`{"a":[`, depth/2) + `"` + strings.Repeat(leaf, size-4*depth) + `"` + strings.Repeat("]}", depth/2)
	}
	longNames := func(value string) string {
		inner := membersOf(size/24, func(i int) string { return fmt.Sprint(i) }, value)
		return `{"` + strings.Repeat("n", size/2) + `":` + inner + `}`
	}
	const isForm = "application/x-www-form-urlencoded"
	for name, bodies := range map[string][2]kept{
		"many members":      {keptBody("", numbered("1")), keptBody("", numbered("2"))},
		"many elements":     {keptBody("", "["+fill("1,")+"1]"), keptBody("", "["+fill("2,")+"2]")},
		"many empty lists":  {keptBody("", "["+fill("[],")+"[]]"), keptBody("", "["+fill("{},")+"{}]")},
		"deep":              {keptBody("", deep("a")), keptBody("", deep("b"))},
		"deeper":            {keptBody("", fill("[")), keptBody("", fill("{"))},
		"long names":        {keptBody("", longNames("1")), keptBody("", longNames("2"))},
		"one name":          {keptBody("", "{"+fill(`"a":1,`)+`"a":1}`), keptBody("", "{"+fill(`"a":2,`)+`"a":2}`)},
		"an escaped text":   {keptBody("", `"`+fill(`\\`)+`"`), keptBody("", `["`+fill(`\"`)+`"]`)},
		"white space":       {keptBody("", "[1"+fill(" ")+"]"), keptBody("", "[1"+fill("\n")+",2]")},
		"many pairs":        {keptBody(isForm, fill("a=1&")), keptBody(isForm, fill("a=2&"))},
		"many empty pairs":  {keptBody(isForm, fill("&")), keptBody(isForm, fill("&&=1"))},
		"one name of pairs": {keptBody(isForm, fill("a")+"=1"), keptBody(isForm, fill("b")+"=1")},
	} {
		t.Run(name, func(t *testing.T) {
			recorded, own := bodies[0].bytes(t), bodies[1].bytes(t)
			began := time.Now()
			names, err := retrysafe.Differences(recorded, own)
			if err != nil || len(names) == 0 || len(names) > 11 {
				t.Errorf("%d names, %v", len(names), err)
			}
			for _, n := range names {
				if len(n) > 1500 {
					t.Errorf("a name of %d bytes", len(n))
				}
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// FuzzDifferences compares two bodies, whatever they are.
func FuzzDifferences(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\"}"}]}`), []byte(`{"a":[1,{"b":2},3]}`), "application/json")
	f.Add([]byte("a[b]=1&c=%20"), []byte("a[b]=2&c=+"), "application/x-www-form-urlencoded")
	f.Add([]byte(`{"a":1} `), []byte(`{"a":`), "")
	f.Add([]byte(`"`), []byte(`[[],{"":"\\"}]`), "")
	f.Fuzz(func(t *testing.T, recorded, own []byte, media string) {
		a, b := kept{Query: string(own), Header: http.Header{"Content-Type": {media}}, Body: recorded}, keptBody(media, string(own))
		names := differencesOf(t, a, b)
		same := len(own) == 0 && bytes.Equal(recorded, own)
		if (len(names) == 0) != same || len(names) > 11 {
			t.Errorf("%d names: %.100q", len(names), names)
		}
		if other := differencesOf(t, b, a); !slices.Equal(names, other) {
			t.Errorf("%q, and the other way round %q", names, other)
		}
		told := names[:min(len(names), 10)]
		if !slices.IsSorted(told) || len(slices.Compact(slices.Clone(told))) != len(told) {
			t.Errorf("not sorted, or twice: %q", names)
		}
		for _, name := range names {
			if len(name) > 1500 || strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
				t.Errorf("%d bytes: %.100q", len(name), name)
			}
		}
	})
}

// TestADifferenceOfJSONIsThatOfWhatItMeans compares with encoding/json: what is
// named is what differs between the decoded documents.
func TestADifferenceOfJSONIsThatOfWhatItMeans(t *testing.T) {
	for seed := range uint64(2000) {
		d := newDraw(seed)
		a, b := table(d, d.any), table(d, d.any)
		if b == nil || d.some() {
			b = maps.Clone(a)
		}
		if d.some() && b != nil {
			b["one more"] = d.any()
		}
		one, _ := json.MarshalIndent(a, "", " ")
		two, _ := json.Marshal(b)
		want := memberDifferences("", a, b)
		slices.Sort(want)
		if len(want) == 0 && !bytes.Equal(one, two) {
			want = []string{"body"}
		}
		if len(want) > 10 {
			continue
		}
		if got := differencesOf(t, kept{Body: one}, kept{Body: two}); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q of\n%s\n%s", got, want, one, two)
		}
	}
}

// memberDifferences compares decoded documents.
func memberDifferences(at string, a, b any) (names []string) {
	x, object := a.(map[string]any)
	y, objects := b.(map[string]any)
	if object && objects && (at != "" || x != nil && y != nil) {
		all := maps.Clone(x)
		if all == nil {
			all = map[string]any{}
		}
		maps.Copy(all, y)
		for name := range all {
			p, in := x[name]
			q, both := y[name]
			place := at + "/" + strings.ReplaceAll(strings.ReplaceAll(printableName(name), "~", "~0"), "/", "~1")
			if in && both {
				names = append(names, memberDifferences(place, p, q)...)
			} else {
				names = append(names, place)
			}
		}
		return names
	}
	v, isList := a.([]any)
	w, areLists := b.([]any)
	if isList && areLists {
		for i := range max(len(v), len(w)) {
			place := fmt.Sprintf("%s/%d", at, i)
			if i < min(len(v), len(w)) {
				names = append(names, memberDifferences(place, v[i], w[i])...)
			} else {
				names = append(names, place)
			}
		}
		return names
	}
	if !reflect.DeepEqual(a, b) {
		if at == "" {
			at = "body"
		}
		names = append(names, at)
	}
	return names
}

func printableName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == '\u2028' {
			return '\uFFFD'
		}
		return r
	}, name)
}
