package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/retrysafe/retrysafe/store"
)

// slack is how much later than the rule was applied the store may have made a
// move: times, and fences made of them, may be off by so much.
type slack struct{ from, to time.Duration }

func (k slack) times(got, want time.Time) bool {
	if got.IsZero() || want.IsZero() {
		return got.IsZero() && want.IsZero()
	}
	off := got.Sub(want)
	return got.Location() == time.UTC && k.from <= off && off <= k.to
}

func (k slack) fences(got, want int64) bool {
	off := time.Duration(got-want) * time.Microsecond
	return got == want || k.from <= off && off <= k.to
}

// records returns how a record differs from what the rule says, "" if it does
// not. An empty slice is as good as none.
func (k slack) records(got, want store.Record) string {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		field := g.Type().Field(i).Name
		a, b := g.Field(i).Interface(), w.Field(i).Interface()
		if field == "Fence" && k.fences(got.Fence, want.Fence) || field == "GenerationFence" && k.fences(got.GenerationFence, want.GenerationFence) {
			continue
		}
		if !k.values(a, b) {
			return fmt.Sprintf("%s is %v, want %v", field, a, b)
		}
	}
	return ""
}

func (k slack) values(a, b any) bool {
	switch a := a.(type) {
	case time.Time:
		return k.times(a, b.(time.Time))
	case []byte:
		return bytes.Equal(a, b.([]byte))
	case []store.Entry:
		return k.trails(a, b.([]store.Entry))
	}
	return a == b
}

func (k slack) trails(got, want []store.Entry) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if !k.entries(got[i], want[i]) {
			return false
		}
	}
	return true
}

func (k slack) entries(g, w store.Entry) bool {
	return k.times(g.At, w.At) && k.fences(g.Fence, w.Fence) && tells(g, w)
}

// tells reports whether two entries tell the same, whenever.
func tells(g, w store.Entry) bool {
	return g.Generation == w.Generation && g.Event == w.Event && g.State == w.State && g.Reason == w.Reason &&
		g.Actor == w.Actor && g.Evidence == w.Evidence && bytes.Equal(g.Result, w.Result)
}

// answers returns how an answer differs from what the rule says.
func (k slack) answers(got, want answer) string {
	switch {
	case got.Status != want.Status:
		return fmt.Sprintf("the answer is %q, want %q", got.Status, want.Status)
	case got.From != want.From || got.Reason != want.Reason:
		return fmt.Sprintf("it was %s %s, want %s %s", got.From, got.Reason, want.From, want.Reason)
	case !k.times(got.Doubt, want.Doubt):
		return fmt.Sprintf("doubt until %v, want %v", got.Doubt, want.Doubt)
	case !k.times(got.Now, want.Now):
		return fmt.Sprintf("the store's time is %v, want %v", got.Now, want.Now)
	}
	if diff := k.records(got.Record, want.Record); diff != "" {
		return "in the answer " + diff
	}
	return ""
}

var classes = []error{store.ErrInvalid, store.ErrIllegal, store.ErrNotFound}

// class returns which of the store's errors err is.
func class(err error) error {
	for _, c := range classes {
		if errors.Is(err, c) {
			return c
		}
	}
	return err
}
