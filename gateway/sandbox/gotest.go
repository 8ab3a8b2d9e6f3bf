package sandbox

import (
	_ "embed"
	"fmt"
	"go/ast"
	goparser "go/parser"
	gotoken "go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed golang/token.go.txt
var goToken string

//go:embed golang/main_test.go.txt
var goMain string

//go:embed golang/assert.go.txt
var goAssert string

// testify is the module whose assertions many tests use. A stand-in of our own
// has the common ones.
const testify = "github.com/stretchr/testify"

// goProgram is a package of a solution and its tests.
type goProgram struct {
	code  string
	files map[string][]byte
}

// joinGo puts the package together: the solution, every test file, and the
// judge's TestMain, which is initialised before the solution.
func joinGo(j Job, prefix string) (g *goProgram, fault string) {
	g = &goProgram{code: j.Code, files: map[string][]byte{}}
	name := goPackage(j.Code)
	if name == "" {
		name, g.code = "solution", "package solution\n\n"+g.code
	}
	tests := j.Tests
	if !slices.ContainsFunc(tests, func(t string) bool { return goPackage(t) != "" }) {
		tests = []string{strings.Join(tests, "\n")}
	}
	for i, t := range tests {
		wanted := goPackage(t)
		if wanted == "" {
			t = "package " + name + "\n\n" + t
		} else if own := strings.TrimSuffix(wanted, "_test"); own != name {
			// The tests say what the package is called, whatever the answer called it.
			g.code = packageForm.ReplaceAllString(g.code, "package "+own)
			name = own
		}
		g.files[fmt.Sprintf("solution_%d_test.go", i)] = []byte(withImports(t))
	}
	all := strings.Join(tests, "\n")
	if shadow := shadowed(g.code, all, j.EntryPoint); shadow != "" {
		return nil, "the solution gives " + shadow + " another meaning, by which the tests would judge"
	}
	module := "module solution\n\ngo 1.21\n"
	if strings.Contains(all, strconv.Quote(testify+"/assert")) || strings.Contains(all, strconv.Quote(testify+"/require")) {
		module += "\nrequire " + testify + " v1.0.0\n\nreplace " + testify + " => ./" + prefix + "testify\n"
		maps.Copy(g.files, map[string][]byte{
			prefix + "testify/go.mod":             []byte("module " + testify + "\n\ngo 1.21\n"),
			prefix + "testify/assert/assert.go":   []byte(strings.ReplaceAll(goAssert, "NOW", "false")),
			prefix + "testify/require/require.go": []byte(strings.ReplaceAll(strings.Replace(goAssert, "package assert", "package require", 1), "NOW", "true")),
		})
	}
	g.files["go.mod"] = []byte(module)
	fill := strings.NewReplacer("PREFIX", prefix, "NAME", name, "RANDOM", strings.ToUpper(prefix[6:]))
	g.files[prefix+"/token.go"] = []byte(fill.Replace(goToken))
	if !strings.Contains(all, "func TestMain(") {
		g.files[prefix+"_test.go"] = []byte(fill.Replace(goMain))
	}
	return g, ""
}

var packageForm = regexp.MustCompile(`(?m)^package[ \t]+\w+`)

// goPackage is the name in a file's package clause; empty without one.
func goPackage(source string) string {
	file, err := goparser.ParseFile(gotoken.NewFileSet(), "", source, goparser.PackageClauseOnly)
	if err != nil || file.Name == nil {
		return ""
	}
	return file.Name.Name
}

// withImports adds the imports of the standard library that tests use and leave
// out: as often as not they were written for the end of the solution's own file.
func withImports(tests string) string {
	file, err := goparser.ParseFile(gotoken.NewFileSet(), "", tests, 0)
	if err != nil {
		return tests // the compiler will say so
	}
	here := map[string]bool{}
	for _, i := range file.Imports {
		name := path.Base(strings.Trim(i.Path.Value, `"`))
		if i.Name != nil {
			name = i.Name.Name
		}
		here[name] = true
	}
	var missing strings.Builder
	for _, name := range file.Unresolved {
		if at := slices.IndexFunc(goCommon, func(p string) bool { return path.Base(p) == name.Name }); at >= 0 && !here[name.Name] {
			here[name.Name] = true
			fmt.Fprintf(&missing, "; import %q", goCommon[at])
		}
	}
	end := int(file.Name.End()) - 1
	return tests[:end] + missing.String() + tests[end:]
}

// goCommon are packages whose names tests can hardly mean anything else by.
var goCommon = strings.Fields("bytes errors fmt math math/rand os reflect regexp slices sort strconv strings sync testing time unicode unicode/utf8")

// shadowed is a predeclared name of Go that the solution declares anew for its
// package and the tests use; empty without one.
func shadowed(code, tests, entry string) string {
	file, err := goparser.ParseFile(gotoken.NewFileSet(), "", code, goparser.SkipObjectResolution)
	if err != nil {
		return "" // the compiler will say so
	}
	var names []string
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name != entry && slices.Contains(goPredeclared, name) && regexp.MustCompile(`\b`+name+`\b`).MatchString(tests) {
			return name
		}
	}
	return ""
}

// goPredeclared are the names that a package may declare anew, but for those of
// functions that solutions commonly have of their own.
var goPredeclared = strings.Fields(`any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string
	uint uint8 uint16 uint32 uint64 uintptr true false iota nil append cap complex copy delete imag len make new panic real recover`)

var modulelessPackage = regexp.MustCompile(`(?:providing|provides) package ([^\s:;]+)`)

// missingModule is the first package that go found no module for and that the
// tests import; one that only the solution imports is the solution's fault.
func missingModule(said, tests string) string {
	for _, m := range modulelessPackage.FindAllStringSubmatch(said, -1) {
		if strings.Contains(tests, strconv.Quote(m[1])) {
			return m[1]
		}
	}
	return ""
}
