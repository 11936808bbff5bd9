package spec_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/retrysafe/retrysafe/spec"
)

func TestVectorsAreWhatTheGeneratorWrites(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is not installed: the vectors are NOT CHECKED against their generator")
		}
		t.Skip("python3 is not installed: the vectors are NOT CHECKED against their generator")
	}
	written := t.TempDir()
	if output, err := exec.Command(python, filepath.Join("generate", "generate.py"), written).CombinedOutput(); err != nil {
		t.Fatalf("generate.py: %v\n%s", err, output)
	}
	generated, err := filepath.Glob(filepath.Join(written, "*.json"))
	if err != nil || len(generated) == 0 {
		t.Fatalf("generate.py wrote nothing: %v", err)
	}
	for _, path := range generated {
		name := filepath.Base(path)
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(spec.FS(), "vectors/"+name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("vectors/%s differs from what generate.py writes (%v): run python3 spec/generate/generate.py spec/vectors", name, err)
		}
	}
}
