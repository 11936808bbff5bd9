package retrysafe

import (
	"context"
	"iter"
	"net/http"
	"reflect"
)

// Query declares a call that has no effect. It needs no ID and no key, and is
// tried again freely. Its outcome in case of an error is NotApplied.
//
// Fields of Req go where their tags say, the rest into the query by their
// `query` or `form` tags, with bracketed nesting. A query with a method other
// than GET and HEAD has a body, for the fields without a tag.
type Query[Req, Res any] struct {
	// Name is for errors and logs, and is the query's alone on a client.
	Name string
	// Method defaults to GET.
	Method string
	// Path is as in Command.
	Path string
	// Body defaults to JSON.
	Body Encoding
	// Failure, Profile, Retry, Rules and Accept are as in Command.
	Failure func(Answer) error
	Profile *Profile
	Retry   *RetryPolicy
	Rules   []Rule
	Accept  []string

	call Call
}

// With returns a copy of the query for one call. Key, NoWait and First mean
// nothing to a query.
func (q Query[Req, Res]) With(call Call) Query[Req, Res] {
	q.call = call
	return q
}

// Do asks. The error is an *Error. A redirect is followed within the client's
// own origin only.
func (q Query[Req, Res]) Do(ctx context.Context, client *Client, req Req) (*Result[Res], error) {
	res, d := new(Result[Res]), q.declaration()
	end := client.perform(ctx, &d, task{call: q.call, req: req, into: &res.Value, failure: q.Failure})
	return res.ended(end)
}

// Pages asks page after page. After each, next is given the request and its
// answer and returns the request for the following page, or false after the
// last one. The sequence ends after an error, and with ErrInvalid if next asks
// for the same page twice in a row.
func (q Query[Req, Res]) Pages(
	ctx context.Context, client *Client, req Req, next func(Req, *Result[Res]) (Req, bool),
) iter.Seq2[*Result[Res], error] {
	return func(yield func(*Result[Res], error) bool) {
		for {
			page, err := q.Do(ctx, client, req)
			if !yield(page, err) || err != nil {
				return
			}
			following, more := next(req, page)
			if !more {
				return
			}
			if reflect.DeepEqual(following, req) {
				yield(nil, invalid("the next page is the same as the last one"))
				return
			}
			req = following
		}
	}
}

// Validate is as Command.Validate.
func (q Query[Req, Res]) Validate(client *Client) error {
	if err := client.usable(); err != nil {
		return err
	}
	d := q.declaration()
	_, err := client.contract(&d)
	return err
}

func (q *Query[Req, Res]) declaration() declaration {
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	return declaration{
		query: true, name: q.Name, method: method, path: q.Path, body: q.Body,
		req: reflect.TypeFor[Req](), res: reflect.TypeFor[Res](),
		profile: q.Profile, retry: q.Retry, rules: q.Rules, accept: q.Accept,
	}
}
