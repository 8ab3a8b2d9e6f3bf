package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/drover-llm/drover/"

// mayImport says which packages of ours a package may import; a name stands for
// the packages below it too. What is not listed imports nothing of ours.
var mayImport = map[string][]string{
	"cmd/drover":       {"configs", "gateway", "policy", "pricing"},
	"configs":          {"gateway", "policy", "pricing"}, // every package that has a Config
	"gateway":          {"gateway/search", "gateway/upstream", "gateway/sandbox", "gateway/openai", "policy", "pricing"},
	"gateway/admin":    {"policy", "policy/lab", "pricing"},
	"gateway/search":   {"gateway/openai", "gateway/sandbox", "pricing"},
	"gateway/standin":  {"gateway/openai"},
	"gateway/upstream": {"gateway/openai"},
	"policy":           {"pricing"},
	"policy/lab":       {"policy", "pricing", "gateway/openai", "gateway/sandbox"},
	"policy/ledger":    {"policy", "pricing"},
}

// ledgerDoor are the packages that may import the ledger; it is handed to the others.
var ledgerDoor = []string{"cmd/drover", "configs", "policy/ledger"}

// doors are the libraries that one place alone may use.
var doors = map[string][]string{
	"github.com/labstack/echo/v4":          {"gateway", "gateway/admin"},
	"github.com/prometheus/client_golang":  {"gateway/admin"},
	"github.com/sony/gobreaker/v2":         {"gateway/upstream"},
	"github.com/failsafe-go/failsafe-go":   {"gateway/upstream"},
	"github.com/tmaxmax/go-sse":            {"gateway/upstream"},
	"github.com/pkoukk/tiktoken-go":        {"pricing"},
	"github.com/pkoukk/tiktoken-go-loader": {"pricing"},
	"go.etcd.io/bbolt":                     {"policy/ledger"},
	"gonum.org/v1/plot":                    {"policy/lab"},
	"github.com/jackc/pgx/v5":              {"policy/ledger"},
	"github.com/govalues/decimal":          {"pricing"},
	"golang.org/x/net":                     {"gateway/sandbox"},
	"go.yaml.in/yaml/v4":                   {"configs"},
	"github.com/alecthomas/kong":           {"cmd/drover"},
	"github.com/fsnotify/fsnotify":         {"cmd/drover"},
	"github.com/jedib0t/go-pretty/v6":      {"cmd/drover"},
	"os/exec":                              {"gateway/sandbox"},
}

// without are the packages of the standard library that a package does without:
// what is pure is handed its clock, its draws and its samples.
var without = map[string][]string{
	"gateway/search": {"net", "os", "math/rand", "crypto/rand", "syscall"},
	"policy":         {"net", "os", "math/rand", "crypto/rand", "syscall"},
	"pricing":        {"net/http", "os", "math/rand", "crypto/rand", "syscall"},
	"gateway/openai": {"net", "os"},
}

// forTests may be imported by tests alone.
var forTests = []string{"github.com/google/go-cmp", "github.com/invopop/jsonschema", "github.com/openai/openai-go", "github.com/santhosh-tekuri/jsonschema", "go.uber.org/goleak", "pgregory.net/rapid", "testing"}

// within says whether an imported package is another, or below it.
func within(imported, other string) bool {
	return imported == other || strings.HasPrefix(imported, other+"/")
}

// TestImportsKeepToTheHouse reads the sources themselves: a test that asked the
// go tool would be cached and prove nothing.
func TestImportsKeepToTheHouse(t *testing.T) {
	root := "../.."
	seen := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && file != root || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(relative))
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		seen++
		if top, _, _ := strings.Cut(pkg, "/"); !slices.Contains([]string{"cmd", "configs", "gateway", "policy", "pricing"}, top) {
			t.Errorf("%s: another package at the top", relative)
		}
		for _, spec := range source.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if wrong := checkImport(pkg, imported); wrong != "" {
				t.Errorf("%s: %s", relative, wrong)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d files were read", seen)
	}
}

// checkImport says what is wrong with an import, "" for nothing.
func checkImport(pkg, imported string) string {
	for library, allowed := range doors {
		if within(imported, library) && !slices.Contains(allowed, pkg) {
			return imported + " has one door: " + strings.Join(allowed, ", ")
		}
	}
	for _, library := range without[pkg] {
		if within(imported, library) {
			return "does without " + imported
		}
	}
	for _, library := range forTests {
		if within(imported, library) {
			return imported + " is for tests"
		}
	}
	ours, internal := strings.CutPrefix(imported, module)
	if !internal || ours == pkg || strings.HasPrefix(ours, pkg+"/internal") {
		return ""
	}
	if ours == "policy/ledger" && !slices.Contains(ledgerDoor, pkg) {
		return "only cmd and configs import the ledger"
	}
	for _, allowed := range mayImport[pkg] {
		if ours == allowed || pkg == "cmd/drover" && strings.HasPrefix(ours, allowed+"/") || pkg == "configs" && strings.HasPrefix(ours, allowed+"/") {
			return ""
		}
	}
	return "must not import " + ours
}

func TestCheckImportRefuses(t *testing.T) {
	for _, c := range []struct{ pkg, imported string }{
		{"pricing", module + "policy"},
		{"policy", module + "policy/ledger"},
		{"gateway", module + "policy/ledger"},
		{"gateway/admin", module + "gateway"},
		{"gateway/search", module + "policy"},
		{"policy", "go.etcd.io/bbolt"},
		{"gateway", "os/exec"},
		{"pricing", "github.com/labstack/echo/v4/middleware"},
		{"gateway/search", "net/http"},
		{"gateway/search", "net"},
		{"gateway/search", "os/exec"},
		{"gateway/search", module + "gateway/upstream"},
		{"policy", "math/rand/v2"},
		{"policy", module + "gateway/openai"},
		{"policy/lab", module + "policy/ledger"},
		{"gateway/admin", module + "configs"},
		{"gateway/standin", module + "pricing"},
		{"gateway/openai", module + "pricing"},
		{"gateway/sandbox", module + "gateway/openai"},
		{"gateway/upstream", module + "gateway/search"},
		{"gateway", module + "gateway/standin"},
		{"gateway", "pgregory.net/rapid"},
	} {
		if checkImport(c.pkg, c.imported) == "" {
			t.Errorf("%s may import %s", c.pkg, c.imported)
		}
	}
	for pkg, imported := range map[string]string{"gateway": module + "gateway/openai", "pricing": "net", "gateway/search": "encoding/json", "policy/lab": "net/http"} {
		if wrong := checkImport(pkg, imported); wrong != "" {
			t.Errorf("%s: %s", pkg, wrong)
		}
	}
}

// TestEnvironmentAndClockAreReadInOnePlace holds the other rules of the house that a
// compiler does not: the environment is read in cmd and configs only, and what is
// pure is handed its clock.
func TestEnvironmentAndClockAreReadInOnePlace(t *testing.T) {
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}
	for _, folder := range []string{"gateway", "policy", "pricing"} {
		err := filepath.WalkDir("../../"+folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				return err
			}
			if call := callOf(source, "os", "Getenv", "LookupEnv", "Environ"); call != "" {
				t.Errorf("%s calls %s: the environment is read in cmd and configs only", file, call)
			}
			pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../../")
			if call := callOf(source, "time", clock...); call != "" && slices.Contains([]string{"gateway/search", "policy", "pricing"}, pkg) {
				t.Errorf("%s calls %s: the time is handed to %s", file, call, pkg)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallsAreFound(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "a.go", "package a\nfunc f() { g(time.Unix(1, 0)) }\nvar now = time.Now\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := callOf(source, "time", "Now"); got != "time.Now" {
		t.Errorf("found %q", got)
	}
	if got := callOf(source, "time", "Since") + callOf(source, "os", "Now"); got != "" {
		t.Errorf("found %q", got)
	}
}

// callOf finds a use of one of a package's functions in a file.
func callOf(source *ast.File, pkg string, names ...string) string {
	found := ""
	ast.Inspect(source, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == pkg && slices.Contains(names, s.Sel.Name) {
				found = pkg + "." + s.Sel.Name
			}
		}
		return true
	})
	return found
}
