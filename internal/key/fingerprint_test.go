package key_test

import (
	"crypto/sha256"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/key"
)

func charge() key.Request {
	return key.Request{
		Account: "acme/stripe/live", Kind: "charges.create", Method: "POST",
		Path:   []key.Pair{{Name: "charge", Value: "ch_1"}},
		Query:  "expand=customer",
		Header: []key.Pair{{Name: "Stripe-Account", Value: "acct_1"}, {Name: "A", Value: "1"}},

		ContentType: "application/json", Body: []byte(`{"amount":1200}`),
	}
}

func TestFingerprintIsTheHashOfTheFraming(t *testing.T) {
	if got, want := key.Fingerprint(charge()), sha256.Sum256(key.Framing(charge())); got != want {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestFingerprintLeavesTheRequestAlone(t *testing.T) {
	r := charge()
	key.Fingerprint(r)
	if !reflect.DeepEqual(r, charge()) {
		t.Errorf("changed to %+v", r)
	}
}

func TestFingerprintChangesWithEverythingThatIsAsked(t *testing.T) {
	seen := map[[32]byte]string{key.Fingerprint(charge()): "unchanged"}
	for name, change := range map[string]func(*key.Request){
		"account":      func(r *key.Request) { r.Account += "x" },
		"kind":         func(r *key.Request) { r.Kind += "x" },
		"method":       func(r *key.Request) { r.Method = "PUT" },
		"path name":    func(r *key.Request) { r.Path[0].Name = "x" },
		"path value":   func(r *key.Request) { r.Path[0].Value = "x" },
		"path pair":    func(r *key.Request) { r.Path = append(r.Path, key.Pair{}) },
		"query":        func(r *key.Request) { r.Query = "" },
		"header name":  func(r *key.Request) { r.Header[0].Name += "x" },
		"header value": func(r *key.Request) { r.Header[0].Value += "x" },
		"no header":    func(r *key.Request) { r.Header = nil },
		"content type": func(r *key.Request) { r.ContentType = "application/json; charset=utf-8" },
		"body":         func(r *key.Request) { r.Body = []byte(`{"amount": 1200}`) },
		"no body":      func(r *key.Request) { r.Body = nil },
	} {
		r := charge()
		change(&r)
		if other, taken := seen[key.Fingerprint(r)]; taken {
			t.Errorf("%s: the fingerprint is that of %s", name, other)
		}
		seen[key.Fingerprint(r)] = name
	}
}

func TestFingerprintIgnoresCaseAndOrderOfHeaderNames(t *testing.T) {
	r := charge()
	r.Header = []key.Pair{{Name: "a", Value: "1"}, {Name: "STRIPE-account", Value: "acct_1"}}
	if key.Fingerprint(r) != key.Fingerprint(charge()) {
		t.Error("another case and order of names gives another fingerprint")
	}
}

// FuzzFraming cuts the input at newlines into the fields of a request, so that
// the fuzzer moves bytes over every boundary, and reads its framing back.
func FuzzFraming(f *testing.F) {
	f.Add("a\nk\nPOST\nq\nct\nbody\np\nv\nh\nw", uint8(1))
	f.Add("\n\n\n\n\n\n\n\n\n\n\x00\n\x00\x00\x00\x00\x00\x00\x00\x01", uint8(2))
	f.Add("a\nb\nc\nd\ne\nf\nB\n1\na\n2\nb\n3\nA\n4", uint8(0))
	f.Fuzz(func(t *testing.T, input string, pathPairs uint8) {
		r := cut(input, int(pathPairs))
		got := readRequest(t, key.Framing(r))
		if want := canonical(r); !reflect.DeepEqual(got, want) {
			t.Fatalf("framed %+v, read %+v", want, got)
		}
	})
}

func cut(input string, pathPairs int) key.Request {
	fields := strings.Split(input, "\n")
	next := func() (field string) {
		if len(fields) > 0 {
			field, fields = fields[0], fields[1:]
		}
		return field
	}
	r := key.Request{Account: next(), Kind: next(), Method: next(), Query: next(), ContentType: next(), Body: []byte(next())}
	for ; pathPairs > 0 && len(fields) > 0; pathPairs-- {
		r.Path = append(r.Path, key.Pair{Name: next(), Value: next()})
	}
	for len(fields) > 0 {
		r.Header = append(r.Header, key.Pair{Name: next(), Value: next()})
	}
	return r
}

func canonical(r key.Request) key.Request {
	r.Header = slices.Clone(r.Header)
	for i := range r.Header {
		var name []byte
		for _, c := range []byte(r.Header[i].Name) {
			if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ", c) >= 0 {
				c |= 0x20
			}
			name = append(name, c)
		}
		r.Header[i].Name = string(name)
	}
	slices.SortStableFunc(r.Header, func(a, b key.Pair) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func readRequest(t *testing.T, framing []byte) key.Request {
	t.Helper()
	in := &reader{t: t, rest: framing}
	in.expect("retrysafe/fingerprint/1")
	var r key.Request
	r.Account, r.Kind, r.Method = in.part(), in.part(), in.part()
	r.Path = readPairs(in)
	r.Query = in.part()
	r.Header = readPairs(in)
	r.ContentType = in.part()
	r.Body = []byte(in.part())
	in.end()
	return r
}

func readPairs(in *reader) []key.Pair {
	var pairs []key.Pair
	for range in.count() {
		pairs = append(pairs, key.Pair{Name: in.part(), Value: in.part()})
	}
	return pairs
}

func BenchmarkFingerprint(b *testing.B) {
	for name, body := range map[string][]byte{"200B": make([]byte, 200), "1MiB": make([]byte, 1<<20)} {
		b.Run(name, func(b *testing.B) {
			r := charge()
			r.Body = body
			for b.Loop() {
				key.Fingerprint(r)
			}
		})
	}
}
