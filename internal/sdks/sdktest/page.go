package sdktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Page checks a guide: that it has the rows of the cases, word for word, and
// that all its Go code stands in a file of the package under test, but for
// white space.
func Page(t *testing.T, path string, cases ...Case) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		rows[strings.TrimSpace(line)] = true
	}
	for _, c := range cases {
		if !rows[c.String()] {
			t.Errorf("%s has no row\n%v", path, c)
		}
	}
	code := sources(t)
	blocks := goBlocks(string(page))
	if len(blocks) == 0 {
		t.Errorf("%s shows no Go code", path)
	}
	for _, block := range blocks {
		if !strings.Contains(code, normal(block)) {
			t.Errorf("%s shows code that no file here has:\n%s", path, block)
		}
	}
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
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(normal(string(file)))
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
