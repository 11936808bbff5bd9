package spec_test

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/retrysafe/retrysafe/internal/key"
	"github.com/retrysafe/retrysafe/spec"
)

// withoutVectors are the requirements that no vector of this kind can show:
// they bind people, wires and stores.
var withoutVectors = []string{
	"ID-1", "ID-2", "ID-3", "ID-4", "ID-5",
	"KEY-5", "KEY-6", "KEY-7",
	"FMT-9",
	"PLC-1", "PLC-2", "PLC-3", "PLC-4", "PLC-5", "PLC-6",
	"CHK-6", "CHK-7",
	"FPR-4", "FPR-5", "FPR-6", "FPR-11", "FPR-12",
}

var (
	definition = regexp.MustCompile(`(?m)^\*\*([A-Z]{2,3}-\d+)\*\* (.+)`)
	reference  = regexp.MustCompile(`\b[A-Z]{2,3}-\d+\b`)
	level      = regexp.MustCompile(`\b(MUST|SHOULD|MAY)\b`)
)

// requirements returns the numbered paragraphs of all chapters.
func requirements(t *testing.T) map[string]string {
	t.Helper()
	chapters, err := fs.Glob(spec.FS(), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, chapter := range chapters {
		text, err := fs.ReadFile(spec.FS(), chapter)
		if err != nil {
			t.Fatal(err)
		}
		for _, paragraph := range strings.Split(string(text), "\n\n") {
			if m := definition.FindStringSubmatch(paragraph); m != nil {
				if found[m[1]] != "" {
					t.Errorf("%s is defined twice", m[1])
				}
				found[m[1]] = paragraph
			}
		}
	}
	return found
}

func TestEveryRequirementSaysHowMuchItBinds(t *testing.T) {
	for id, paragraph := range requirements(t) {
		if !level.MatchString(paragraph) {
			t.Errorf("%s has no MUST, SHOULD or MAY", id)
		}
	}
}

func TestEveryRequirementHasAVectorOrAReasonForHavingNone(t *testing.T) {
	shown := map[string]int{}
	for _, name := range suiteNames(t) {
		for _, g := range readSuite(t, name).Groups {
			for _, v := range g.Tests {
				for _, id := range v.Req {
					shown[id]++
				}
			}
		}
	}
	defined := requirements(t)
	for id := range shown {
		if defined[id] == "" {
			t.Errorf("vectors name %s, which no chapter defines", id)
		}
	}
	for id := range defined {
		if exempt := slices.Contains(withoutVectors, id); exempt == (shown[id] > 0) {
			t.Errorf("%s: shown by %d vectors, listed as without vectors: %v", id, shown[id], exempt)
		}
	}
	t.Logf("%d requirements, %d of them shown by vectors", len(defined), len(shown))
}

func TestChaptersReferToRequirementsThatExist(t *testing.T) {
	defined := requirements(t)
	for _, chapter := range []string{"README.md", "identity.md"} {
		text, err := fs.ReadFile(spec.FS(), chapter)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range reference.FindAllString(string(text), -1) {
			if defined[id] == "" && !slices.Contains([]string{"SHA-256", "UTF-8"}, id) {
				t.Errorf("%s refers to %s, which no chapter defines", chapter, id)
			}
		}
	}
	for _, id := range withoutVectors {
		if defined[id] == "" {
			t.Errorf("%s is listed as without vectors and no chapter defines it", id)
		}
	}
}

func TestWorkedExamplesAreWhatTheVectorsSay(t *testing.T) {
	chapter, err := fs.ReadFile(spec.FS(), "identity.md")
	if err != nil {
		t.Fatal(err)
	}
	derived := key.Derive("acme/stripe/live", "charges.create", "order-1234", 0)
	for _, want := range []string{
		hex.EncodeToString(derived[:]),
		key.Format{}.Render(derived),
		key.Format{MaxLength: 35}.Render(derived),
		key.Format{Alphabet: "0123456789abcdef"}.Render(derived),
		key.Format{Alphabet: "0123456789"}.Render(derived),
		exampleOf(t, "fingerprint"),
		exampleOf(t, "fingerprint-values"),
	} {
		if !strings.Contains(string(chapter), want) {
			t.Errorf("identity.md does not show %s", want)
		}
	}
}

// exampleOf returns the fingerprint of a suite's first vector.
func exampleOf(t *testing.T, name string) string {
	t.Helper()
	var expected struct{ Fingerprint string }
	if err := json.Unmarshal(readSuite(t, name).Groups[0].Tests[0].Expected, &expected); err != nil {
		t.Fatal(err)
	}
	return expected.Fingerprint
}

func TestEnvelopesAreWellFormed(t *testing.T) {
	for _, name := range suiteNames(t) {
		s := readSuite(t, name)
		if s.Schema != "urn:retrysafe:vectors:1" || s.Spec != "1" || s.Suite != name {
			t.Errorf("%s: schema %q, spec %q, suite %q", name, s.Schema, s.Spec, s.Suite)
		}
		ids := map[string]bool{}
		for _, g := range s.Groups {
			for _, v := range g.Tests {
				checkEnvelope(t, s, v)
				if ids[v.ID] {
					t.Errorf("%s is there twice", v.ID)
				}
				ids[v.ID] = true
			}
		}
		if len(ids) != s.NumberOfTests {
			t.Errorf("%s: %d tests, numberOfTests is %d", name, len(ids), s.NumberOfTests)
		}
	}
}

func checkEnvelope(t *testing.T, s suite, v vector) {
	t.Helper()
	if v.ID == "" || v.Comment == "" || len(v.Req) == 0 || v.Input == nil || (v.Expected == nil) == (v.Error == nil) {
		t.Errorf("%q: want id, comment, req, input, and one of expected and error", v.ID)
	}
	for _, flag := range v.Flags {
		if s.Notes[flag].Description == "" {
			t.Errorf("%s: the flag %q has no note", v.ID, flag)
		}
	}
}
