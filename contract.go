package retrysafe

import (
	"cmp"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/internal/pointer"
)

// contract is a declaration that was found to be right, made ready for a client.
type contract struct {
	declaration
	template pathTemplate
	places   []field // of the template's placeholders
	binding  *binding
	prof     *Profile
	rules    []Rule
	policy   RetryPolicy
	timeout  time.Duration // the client's, for an attempt
	budget   *Budget
	line     *line // of the budget, for the client's own host
	media    media
	fixed    *url.URL // where requests without placeholders and query go
	keyed    bool
	handsOn  bool // a transport's: what is answered goes to whoever sent the request
	// Shared by all requests, never changed.
	accepts, contentType []string
}

// compile makes a contract, or says what is wrong with the declaration.
func (c *Client) compile(d declaration) (*contract, error) {
	k := &contract{declaration: d, prof: c.profile, policy: c.policy, timeout: c.timeout, budget: c.budget}
	for _, step := range []func() error{
		k.checkName, k.readPath, k.readProfile, k.readPolicy, k.readMedia, k.checkVolatile, k.checkHeaders,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	k.fixed, k.line = c.at(k.template.literals[0], ""), k.budget.line(c.origin)
	return k, nil
}

func (k *contract) checkName() error {
	switch {
	case k.name == "":
		return invalid("has no name")
	case len(k.name) > 100 || !utf8.ValidString(k.name) || strings.ContainsFunc(k.name, unprintable):
		return invalid("name is longer than 100 bytes or has spaces or control characters")
	case !isMethod(k.method) || k.method == http.MethodConnect:
		return invalid("method is not one that can be sent")
	case k.body != JSON && k.body != Form:
		return invalid("unknown encoding %d", k.body)
	case k.window < 0:
		return invalid("negative window")
	case k.retention < 0:
		return invalid("negative retention")
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }

func (k *contract) readPath() (err error) {
	if k.template, err = parsePath(k.path); err != nil {
		return err
	}
	if k.binding, err = bind(k.req); err != nil {
		return err
	}
	for _, name := range k.template.names {
		f, ok := k.binding.path[name]
		if !ok {
			return invalid("no field has the tag path:%q", name)
		}
		k.places = append(k.places, f)
	}
	for name := range k.binding.path {
		if !slices.Contains(k.template.names, name) {
			return invalid("path %q has no {%s}", k.path, name)
		}
	}
	if !k.hasBody() && k.binding.req.Kind() != reflect.Struct && !k.binding.pointer && k.req.Kind() != reflect.Map {
		return invalid("%s cannot be a query", k.req)
	}
	return nil
}

// hasBody reports whether the untagged fields are in the body.
func (k *contract) hasBody() bool {
	return !k.query || k.method != http.MethodGet && k.method != http.MethodHead
}

func (k *contract) readProfile() error {
	if k.profile != nil {
		if err := k.profile.validate(); err != nil {
			return err
		}
		k.prof = k.profile.canonical()
	}
	if err := validateRules(k.prof, k.declaration.rules); err != nil {
		return err
	}
	if err := k.checkRules(); err != nil {
		return err
	}
	k.rules = canonicalRules(k.declaration.rules)
	k.keyed = !k.query && k.prof.Key.covers(k.method)
	return k.checkKeyField()
}

// keyWindow is how long a key may still be sent: what the command says, else
// the profile.
func (k *contract) keyWindow() time.Duration { return cmp.Or(k.window, k.prof.Window) }

// checkRules finds rules of the command's own that can never apply, and those
// that would take what the profile knows to be about the key for something else.
func (k *contract) checkRules() error {
	for i, own := range k.declaration.rules {
		if own.Method != "" && own.Method != k.method {
			return invalid("rule %d: is for %s, and this is %s", i+1, own.Method, k.method)
		}
		own.Method = ""
		for _, r := range k.prof.Rules {
			aboutKey := r.Verdict == Wait || r.Verdict == Mismatch || r.Verdict == Gone
			if aboutKey && r.Verdict != own.Verdict && own.covers(&r) {
				return invalid("rule %d: hides the profile's rule that means %s", i+1, r.Verdict)
			}
		}
	}
	return nil
}

// checkKeyField finds a key's place in the body that this body cannot have.
func (k *contract) checkKeyField() error {
	if !k.keyed || k.prof.Key.Place != KeyInBody {
		return nil
	}
	if isPointer := k.prof.Key.Field[0] == '/'; isPointer != (k.body == JSON) {
		return invalid("the key's field %q does not fit the body's encoding", k.prof.Key.Field)
	}
	return nil
}

func (k *contract) readPolicy() (err error) {
	if k.retry != nil {
		if k.policy, err = k.retry.resolve(k.timeout); err != nil {
			return err
		}
		if k.policy.Budget != nil {
			k.budget = k.policy.Budget
		}
	}
	return nil
}

func (k *contract) readMedia() error {
	k.media.raw = k.res == reflect.TypeFor[[]byte]()
	for _, m := range k.accept {
		m = strings.ToLower(m)
		family, name, ok := strings.Cut(m, "/")
		if !ok || !isToken(family) || name != "*" && !isToken(name) {
			return invalid("%q is not a media type", m)
		}
		k.media.accept = append(k.media.accept, m)
	}
	k.accepts, k.contentType = []string{k.media.header(decodes(k.res))}, []string{mediaJSON}
	if k.body == Form {
		k.contentType = []string{mediaForm}
	}
	return nil
}

func (k *contract) checkVolatile() error {
	if len(k.volatile) > 0 && k.prof.ComparesPayload && k.keyed && !k.identity {
		return invalid("volatile fields, but the provider compares payloads under one key")
	}
	for _, v := range k.volatile {
		switch {
		case v == "":
			return invalid("a volatile field has no name")
		case v[0] == '/':
			if k.body != JSON {
				return invalid("volatile %q is a pointer into JSON", v)
			}
			if _, err := pointer.Parse(v); err != nil {
				return invalid("volatile %q is not a pointer", v)
			}
		case k.body != Form && !strings.HasPrefix(v, "header:") && !strings.HasPrefix(v, "query:"):
			return invalid("volatile %q is a form's field, and the body is JSON", v)
		}
	}
	return nil
}

// checkHeaders finds fields that would take the place of the key.
func (k *contract) checkHeaders() error {
	for _, f := range k.binding.header {
		if isKeyHeader(f.name, k.prof) {
			return invalid("field %s: the key is set by Call.Key alone", f.goes)
		}
	}
	return nil
}

// isKeyHeader reports whether a header holds a key, or makes net/http believe
// that it does and send the request twice.
func isKeyHeader(name string, p *Profile) bool {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Idempotency-Key", "X-Idempotency-Key":
		return true
	default:
		return name == p.Key.header()
	}
}

// key returns the key of an operation, empty if none is sent.
func (k *contract) key(c *Client, call *Call, id string) (Key, error) {
	if err := checkID(id); err != nil {
		return "", err
	}
	if err := checkAccount(call.Account); err != nil {
		return "", err
	}
	format := k.prof.Key.format()
	switch {
	case !k.keyed && call.Key != "":
		return "", invalid("Call.Key, but the profile sends no key with %s", k.method)
	case !k.keyed:
		return "", nil
	case call.Key != "":
		if err := format.Check(string(call.Key)); err != nil {
			return "", invalid("Call.Key: %w", err)
		}
		return call.Key, nil
	default:
		return Key(format.Render(key.Derive(c.accountOf(call), k.name, id, 0))), nil
	}
}
