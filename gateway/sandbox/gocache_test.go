package sandbox

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// A Go program writes to its own layer of the compiler's cache: what others see
// of it stays as it was, and they pass and fail as they should.
func TestGoProgramsCannotPoisonEachOther(t *testing.T) {
	if !*all {
		t.Skip("compiling Go's standard library takes a minute: with -args -all")
	}
	c := Config{Parallel: 1, Cache: t.TempDir()}
	r := testRunner(t, c)
	if why := r.tools.languages["go"].missing; why != "" {
		t.Skip(why)
	}
	tests := []string{"func TestF(t *testing.T) {\n\tif F(3) != 9 {\n\t\tt.Fatal(F(3))\n\t}\n}\n"}
	right := Job{Language: "go", Code: "func F(x int) int { return x * x }\n", Tests: tests}
	poison := Job{Language: "go", Tests: tests, Code: `package solution

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func init() {
	_ = filepath.WalkDir("/tmp/go-cache", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if os.WriteFile(p, []byte("poison"), 0o644) != nil && os.Remove(p) == nil {
				_ = os.WriteFile(p, []byte("poison"), 0o644)
			}
		}
		return nil
	})
	fmt.Println("poisoned")
}

func F(x int) int { return 0 }
`}
	if report, err := r.Run(t.Context(), right); err != nil || report.Verdict != Passed {
		t.Fatalf("%+v, %v", report, err)
	}
	before := sizes(t, c.Cache)
	if report, err := r.Run(t.Context(), poison); err != nil || report.Verdict != Failed {
		t.Fatalf("%+v, %v", report, err)
	}
	if after := sizes(t, c.Cache); len(before) < 100 || !maps.Equal(before, after) {
		t.Errorf("the shared cache changed: %d files before, %d after", len(before), len(after))
	}
	if report, err := r.Run(t.Context(), right); err != nil || report.Verdict != Passed {
		t.Errorf("after poisoning: %+v, %v", report, err)
	}
}

func sizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Lstat(p)
		if err == nil {
			found[p] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
