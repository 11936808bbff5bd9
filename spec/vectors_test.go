package spec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/spec"
)

// suite is the envelope of a file of vectors, see README.md.
type suite struct {
	Schema        string          `json:"schema"`
	Spec          string          `json:"spec"`
	Suite         string          `json:"suite"`
	NumberOfTests int             `json:"numberOfTests"`
	Notes         map[string]note `json:"notes"`
	Groups        []group         `json:"groups"`
}

type note struct {
	Kind        string   `json:"kind"`
	Description string   `json:"description"`
	Req         []string `json:"req"`
}

type group struct {
	ID       string   `json:"id"`
	Comment  string   `json:"comment"`
	Requires []string `json:"requires"`
	Tests    []vector `json:"tests"`
}

type vector struct {
	ID       string          `json:"id"`
	Comment  string          `json:"comment"`
	Req      []string        `json:"req"`
	Flags    []string        `json:"flags"`
	Input    json.RawMessage `json:"input"`
	Expected json.RawMessage `json:"expected"`
	Error    *struct {
		Class string `json:"class"`
	} `json:"error"`
}

func readSuite(t *testing.T, name string) suite {
	t.Helper()
	data, err := fs.ReadFile(spec.FS(), "vectors/"+name+".json")
	if err != nil {
		t.Fatal(err)
	}
	var s suite
	if err := decodeStrictly(data, &s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func decodeStrictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// classes names the errors of one suite as its vectors do.
type classes map[string]error

func (c classes) of(err error) string {
	for class, sentinel := range c {
		if errors.Is(err, sentinel) {
			return class
		}
	}
	return fmt.Sprintf("no class: %v", err)
}

// runSuite applies the Go implementation to every vector of a suite, of which
// there must be at least atLeast: vectors are added and never taken away.
// A vector whose input has a member that this runner does not know belongs to
// a later specification and is skipped; ours have none.
func runSuite[In, Out any](t *testing.T, name string, atLeast int, errorClasses classes, apply func(In) (Out, error)) {
	t.Helper()
	s := readSuite(t, name)
	ran, skipped := 0, 0
	for _, g := range s.Groups {
		for _, v := range g.Tests {
			var input In
			if err := decodeStrictly(v.Input, &input); err != nil || len(g.Requires) > 0 {
				t.Logf("skipped %s: requires %q: %v", v.ID, g.Requires, err)
				skipped++
				continue
			}
			ran++
			t.Run(v.ID, func(t *testing.T) { checkVector(t, v, input, errorClasses, apply) })
		}
	}
	t.Logf("%s: %d vectors ran, %d skipped", name, ran, skipped)
	if ran != s.NumberOfTests || ran < atLeast || skipped != 0 {
		t.Errorf("%d vectors ran and %d were skipped of %d, want all, at least %d", ran, skipped, s.NumberOfTests, atLeast)
	}
}

func checkVector[In, Out any](t *testing.T, v vector, input In, errorClasses classes, apply func(In) (Out, error)) {
	t.Helper()
	got, err := apply(input)
	switch {
	case v.Error != nil && err == nil:
		t.Errorf("%s: accepted, want an error of class %s", v.Comment, v.Error.Class)
	case v.Error != nil && errorClasses.of(err) != v.Error.Class:
		t.Errorf("%s: error of class %s, want %s: %v", v.Comment, errorClasses.of(err), v.Error.Class, err)
	case v.Error == nil && err != nil:
		t.Errorf("%s: %v", v.Comment, err)
	case v.Error == nil:
		var want Out
		if err := decodeStrictly(v.Expected, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", v.Comment, got, want)
		}
	}
}

// octets are bytes as the vectors carry them: {"utf8": text} or {"hex": digits}.
type octets string

func (o *octets) UnmarshalJSON(data []byte) error {
	var carried struct{ UTF8, Hex *string }
	if err := decodeStrictly(data, &carried); err != nil {
		return err
	}
	switch {
	case carried.UTF8 != nil && carried.Hex == nil:
		*o = octets(*carried.UTF8)
		return nil
	case carried.Hex != nil && carried.UTF8 == nil:
		decoded, err := hex.DecodeString(*carried.Hex)
		*o = octets(decoded)
		return err
	}
	return errors.New("want one of utf8 and hex")
}

func suiteNames(t *testing.T) []string {
	t.Helper()
	paths, err := fs.Glob(spec.FS(), "vectors/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(path, "vectors/"), ".json")
	}
	return paths
}
