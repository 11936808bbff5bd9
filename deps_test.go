package retrysafe_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/retrysafe/retrysafe"

// importRule says what a package may import beside the standard library, of
// this module by its path from the root ("." is the root package), and why.
var importRule = []struct {
	pkg     string
	allowed []string
	why     string
}{
	{"internal/key", nil, "identity must not change because something else does"},
	{"internal/sfv", nil, "the grammar of the wire stands alone"},
	{"internal/errtree", nil, "everybody wraps errors"},
	{"internal/problem", nil, "RFC 9457 is read and written on both sides of the wire"},
	{"internal/form", nil, "an encoding knows nothing of who uses it"},
	{"internal/pointer", nil, "RFC 6901 stands alone"},
	{"internal/tick", nil, "a clock that never goes back needs the machine's alone"},
	{"internal/watch", nil, "waking who waits needs no more than a lock"},
	{"spec", nil, "other languages read it, so it depends on nothing"},
	{"store", []string{"internal/"}, "the record is the base of everything, so it stands on nothing"},
	{"store/sqlstore", []string{"store", "internal/"}, "it names no driver, and stands on the record alone"},
	{"store/storetest", []string{"store", "internal/"}, "whoever writes a store runs it, without the client"},
	{"store/faultstore", []string{"store", "internal/"}, "whoever tests against a store uses it, without the client"},
	{".", []string{"store", "internal/", "github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/go-cleanhttp", "github.com/google/uuid"},
		"users of the client link no store, no mock and no driver"},
	{"provider", []string{"."}, "a profile is data for the client and nothing else"},
	{"mock", []string{"internal/", "github.com/jarcoal/httpmock"},
		"dialects are written from documentation, never from a profile, so the client is out of reach"},
}

// TestImportsFollowTheRule keeps the arrows of the design's map: std <-
// internal <- store <- root <- provider, mock.
func TestImportsFollowTheRule(t *testing.T) {
	for _, rule := range importRule {
		for _, imported := range directImports(t, rule.pkg) {
			if !allowed(imported, rule.allowed) {
				t.Errorf("package %s imports %s.\n\tIt may import std and %v, because %s.", rule.pkg, imported, rule.allowed, rule.why)
			}
		}
	}
}

func TestTheImportRuleCoversEveryPackage(t *testing.T) {
	for _, pkg := range goList(t, "{{.ImportPath}}", "./...") {
		path := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		if path == "" {
			path = "."
		}
		known := strings.HasPrefix(path, "examples/")
		for _, rule := range importRule {
			known = known || rule.pkg == path
		}
		if !known {
			t.Errorf("package %s has no import rule: add it to importRule with a reason", path)
		}
	}
}

// TestOnlyTestsImportTesting: what links testing into a user's program also
// registers its flags there.
func TestOnlyTestsImportTesting(t *testing.T) {
	for _, rule := range importRule {
		if rule.pkg == "store/storetest" {
			continue // It is a suite of tests.
		}
		for _, imported := range goList(t, `{{join .Imports "\n"}}`, "./"+rule.pkg) {
			if strings.HasPrefix(imported, "testing") || imported == "net/http/httptest" {
				t.Errorf("package %s imports %s, which belongs into _test files", rule.pkg, imported)
			}
		}
	}
}

func TestNoLibraryPackageImportsTheMock(t *testing.T) {
	for _, rule := range importRule {
		if slices.Contains(directImports(t, rule.pkg), module+"/mock") {
			t.Errorf("package %s imports mock, which is for tests, examples and the CLI", rule.pkg)
		}
	}
}

func directImports(t *testing.T, pkg string) []string {
	t.Helper()
	var foreign []string
	for _, imported := range goList(t, `{{join .Imports "\n"}}`, "./"+pkg) {
		if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
			foreign = append(foreign, imported)
		}
	}
	return foreign
}

func allowed(imported string, list []string) bool {
	for _, a := range list {
		ours := module + "/" + a
		switch {
		case a == "." && imported == module:
			return true
		case imported == a, imported == ours:
			return true
		case strings.HasSuffix(a, "/") && strings.HasPrefix(imported, ours):
			return true
		}
	}
	return false
}

func goList(t *testing.T, format string, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-f", format}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}
