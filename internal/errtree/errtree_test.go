package errtree_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/retrysafe/retrysafe/internal/errtree"
)

type pointed struct{ err error }

func (p *pointed) Error() string { return "pointed" }
func (p *pointed) Unwrap() error { return p.err }

func TestWalkVisitsEverythingOnceInOrder(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	joined := errors.Join(a, (*pointed)(nil), &pointed{b}, nil)
	top := fmt.Errorf("top: %w", joined)
	var seen []error
	errtree.Walk(top, func(err error) bool { seen = append(seen, err); return true })
	if len(seen) != 5 || seen[0] != top || seen[2] != a || seen[4] != b {
		t.Errorf("visited %v", seen)
	}
	var above []error
	errtree.Walk(top, func(err error) bool { above = append(above, err); return err != joined })
	if !slices.Equal(above, []error{top, joined}) {
		t.Errorf("visited %v, want nothing below the joined error", above)
	}
	errtree.Walk(nil, func(error) bool { t.Error("visited nil"); return true })
}
