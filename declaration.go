package retrysafe

import (
	"reflect"
	"slices"
	"time"
)

// declaration is a command or query without its type parameters.
type declaration struct {
	query              bool
	name, method, path string
	body               Encoding
	req, res           reflect.Type
	profile            *Profile
	retry              *RetryPolicy
	rules              []Rule
	accept, volatile   []string
	rerun, identity    bool
	window, retention  time.Duration
}

// equal reports whether two declarations of one name are one declaration.
func (d *declaration) equal(o *declaration) bool {
	return d.query == o.query && d.method == o.method && d.path == o.path && d.body == o.body &&
		d.req == o.req && d.res == o.res && d.rerun == o.rerun && d.identity == o.identity && d.window == o.window && d.retention == o.retention &&
		(d.profile == o.profile || reflect.DeepEqual(d.profile, o.profile)) &&
		samePolicy(d.retry, o.retry) &&
		slices.Equal(d.rules, o.rules) && slices.Equal(d.accept, o.accept) && slices.Equal(d.volatile, o.volatile)
}

// samePolicy does not look into budgets that are in use: of two that differ,
// the numbers count.
func samePolicy(a, b *RetryPolicy) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Budget, y.Budget = nil, nil
	return x == y && sameBudget(a.Budget, b.Budget)
}

func sameBudget(a, b *Budget) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	return a.Capacity == b.Capacity && a.PerAnswer == b.PerAnswer
}

func (d *declaration) named(err error) error {
	what := "command"
	if d.query {
		what = "query"
	}
	return &declarationError{what: what, name: d.name, err: err}
}
