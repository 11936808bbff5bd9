package sdktest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Page checks a guide: its rows, and that all its Go code stands in a file of
// the package under test, but for white space.
func Page(t *testing.T, path string, cases ...Case) {
	t.Helper()
	Rows(t, path, cases...)
	code, blocks := sources(t), goBlocks(read(t, path))
	if len(blocks) == 0 {
		t.Errorf("%s shows no Go code", path)
	}
	for _, block := range blocks {
		if !strings.Contains(code, normal(block)) {
			t.Errorf("%s shows code that no file here has:\n%s", path, block)
		}
	}
}

// Rows checks that the tables of a guide are the cases, word for word: none is
// missing, and none is there that was not run.
func Rows(t *testing.T, path string, cases ...Case) {
	t.Helper()
	rows := rowsOf(read(t, path))
	for _, c := range cases {
		if !slices.Contains(rows, c.String()) {
			t.Errorf("%s has no row\n%v", path, c)
		}
	}
	if len(rows) != len(cases) {
		t.Errorf("%s has %d rows in its tables of faults, want %d", path, len(rows), len(cases))
	}
}

// rowsOf returns the rows of all tables whose first column is the fault.
func rowsOf(page string) []string {
	var rows []string
	inTable := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| fault |"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "|---"):
			rows = append(rows, line)
		}
	}
	return rows
}

func read(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// sources returns the Go files of the package under test.
func sources(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no Go files: %v", err)
	}
	var all strings.Builder
	for _, name := range names {
		all.WriteString(normal(read(t, name)))
		all.WriteByte('\n')
	}
	return all.String()
}

func goBlocks(page string) []string {
	var blocks []string
	for {
		_, rest, found := strings.Cut(page, "```go\n")
		if !found {
			return blocks
		}
		block, after, _ := strings.Cut(rest, "```")
		blocks, page = append(blocks, block), after
	}
}

func normal(code string) string { return strings.Join(strings.Fields(code), " ") }
