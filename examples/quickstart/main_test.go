package main

import (
	"os"
	"strings"
	"testing"
)

func Example() {
	main()
	// Output: charged once: eff_1 after 2 attempts, 1 effect
}

// TestTheReadmeShowsThisProgram keeps what a newcomer copies the same as what
// is tested.
func TestTheReadmeShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(program), "package main")
	if !strings.Contains(string(readme), "```go\npackage main"+code+"```\n") {
		t.Error("the README's program is not main.go")
	}
}
