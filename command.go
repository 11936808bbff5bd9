package retrysafe

import (
	"context"
	"net/http"
	"reflect"
	"time"
)

// None stands for no value: as Req there is no body, as Res the answer is not
// decoded.
type None = struct{}

// Encoding is how a request's body is written. Answers are decoded by their
// own Content-Type.
type Encoding int

const (
	// JSON is encoding/json with its own tags. It is the zero value.
	JSON Encoding = iota
	// Form is application/x-www-form-urlencoded with `form:"name"` tags and
	// bracketed nesting: a[b]=c, items[0][price]=x.
	Form
)

// Command declares a call that has an effect. Declare it once, as a variable;
// it is a value, safe to copy and for concurrent use.
//
// Fields of Req with a tag `path:"charge"`, `query:"limit"` or
// `header:"Stripe-Account"` go there; the rest is the body, by the encoding's
// own tags. Res takes the decoded answer; a Res of []byte takes its bytes.
type Command[Req, Res any] struct {
	// Name is the command's own, stable for ever: it is part of the key. One
	// client has one command of a name.
	Name string
	// Method defaults to POST.
	Method string
	// Path begins with a slash and follows the client's base URL, with a
	// {placeholder} for every field with a path tag.
	Path string
	// Body defaults to JSON.
	Body Encoding
	// Identity names the business values that make one request different from
	// another, for the fingerprint: strings, integers, booleans, times, bytes,
	// and lists of them. Nil means everything that is sent.
	Identity func(Req) []any
	// Failure decodes a typed error body (Answer.Decode). What it returns joins
	// the errors that *Error unwraps to. It is called for an answer that is not
	// a success, with the answer as it came; nil means there is none.
	Failure func(Answer) error
	// Profile and Retry replace the client's.
	Profile *Profile
	Retry   *RetryPolicy
	// Rules are looked at before the profile's.
	Rules []Rule
	// Accept lists media types of an answer, beside JSON and form; "image/*"
	// stands for a family.
	Accept []string
	// Volatile lists what may differ between two calls of one operation and is
	// left out of the fingerprint: a JSON pointer into the body, a form field's
	// name, "header:Name" or "query:name". Where the provider compares payloads
	// such a declaration is refused: the key would be bound to the first one.
	Volatile []string
	// Rerun says that sending the request again without a key does no harm, as
	// with a PUT of a whole state.
	Rerun bool
	// Window replaces the profile's: how long a key may still be sent.
	Window time.Duration
	// Retention is how long after an operation's end its request and answer are
	// kept in the client's store. Only how it ended is kept longer. Zero: until
	// the application decides.
	Retention time.Duration

	call Call
}

// Call holds what differs from call to call. The zero value changes nothing.
type Call struct {
	// Account replaces Options.Account.
	Account string
	// Key replaces the derived key. It must satisfy the profile.
	Key Key
	// Header is added to the request. It is part of what is asked for, so
	// credentials do not belong here but into Options.Authorize.
	Header http.Header
	// NoWait ends the call with ErrInFlight, instead of waiting, when the
	// provider, or another call that shares the store, is at work on the
	// operation.
	NoWait bool
	// Force begins what waits for a runner or for its time, unless the wait is
	// the server's advice. Without a store it means nothing.
	Force bool
	// First promises that no earlier call of this operation can have sent
	// anything. Then a refusal of the only delivery means NotApplied.
	First bool
}

// With returns a copy of the command for one call.
func (c Command[Req, Res]) With(call Call) Command[Req, Res] {
	c.call = call
	return c
}

// Do performs the operation that id names: business data such as "order-1234",
// never a timestamp or the number of a try. The same ID gives the same key on
// every attempt, in every call and every process.
//
// A nil error means Applied, with the answer in the result. Otherwise the
// error is an *Error that says how the operation ended (OutcomeOf) and whether
// calling again under the same ID may help (Retryable). The result is not nil
// whenever an answer exists, also beside an error: always when the outcome is
// Applied, though its value is zero if there is no answer (any more), or if the
// error is ErrKeyReused: what was applied then is another request.
//
// With a store (Options.Store) the operation is written down before its first
// byte is sent. If it is there already, its recorded answer or error comes back
// and nothing is sent; if another call or process is at work on it, this one
// waits for it; if its end is unknown and sending it again can still tell, this
// one carries it on, with the recorded bytes and key.
func (c Command[Req, Res]) Do(ctx context.Context, client *Client, id string, req Req) (*Result[Res], error) {
	res, d := new(Result[Res]), c.declaration()
	t := task{call: c.call, id: id, req: req, into: &res.Value, failure: c.Failure}
	if identity := c.Identity; identity != nil { // Captured by itself: the command stays on the stack.
		t.identity = func() []any { return identity(req) }
	}
	return res.ended(client.perform(ctx, &d, t))
}

// Key returns what will be on the wire for id, without quoting. It is empty if
// the profile sends no key with the command's method.
func (c Command[Req, Res]) Key(client *Client, id string) (Key, error) {
	if err := client.usable(); err != nil {
		return "", err
	}
	d := c.declaration()
	contract, err := client.contract(&d)
	if err != nil {
		return "", err
	}
	return contract.key(client, &c.call, id)
}

// Fingerprint returns the SHA-256 over what the request asks for: everything
// that is sent but the key and the volatile fields, or the values of Identity
// (requirements FPR-1 and following of spec/identity.md).
func (c Command[Req, Res]) Fingerprint(client *Client, req Req) ([32]byte, error) {
	if err := client.usable(); err != nil {
		return [32]byte{}, err
	}
	d := c.declaration()
	contract, err := client.contract(&d)
	if err != nil {
		return [32]byte{}, err
	}
	if c.Identity != nil {
		return contract.fingerprintValues(client, &c.call, c.Identity(req))
	}
	return contract.fingerprint(client, &c.call, req)
}

// Validate reports what is wrong with the declaration: its name, method, path,
// tags, encoding, profile, policy or rules, or another command of the same
// name on this client. The error wraps ErrInvalid. The first call finds the
// same.
func (c Command[Req, Res]) Validate(client *Client) error {
	if err := client.usable(); err != nil {
		return err
	}
	d := c.declaration()
	_, err := client.contract(&d)
	return err
}

func (c *Command[Req, Res]) declaration() declaration {
	method := c.Method
	if method == "" {
		method = http.MethodPost
	}
	return declaration{
		name: c.Name, method: method, path: c.Path, body: c.Body,
		req: reflect.TypeFor[Req](), res: reflect.TypeFor[Res](),
		profile: c.Profile, retry: c.Retry, rules: c.Rules, accept: c.Accept,
		volatile: c.Volatile, rerun: c.Rerun, window: c.Window, retention: c.Retention, identity: c.Identity != nil,
	}
}
