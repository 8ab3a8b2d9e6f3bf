package sandbox

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed py/wire.py
var pyWire string

//go:embed py/candidate.py
var pyCandidate string

//go:embed py/proxy.py
var pyProxy string

//go:embed py/link.py
var pyLink string

//go:embed py/minipytest.py
var pyPytest string

//go:embed py/runner.py
var pyRunner string

//go:embed py/reading.py
var pyReading string

//go:embed py/tests.py
var pyTests string

//go:embed py/zygote.py
var pyZygote string

//go:embed py/once.py
var pyOnce string

// tools are the interpreters and compilers of this machine: which languages can
// run, and what of the machine their programs must see.
type tools struct {
	languages map[string]*tool
	show      []string // directories outside /usr that a container shows
	path      string   // PATH inside
	goCache   *goCache // nil where there is no Go, or no folder for it
	fault     error    // why there is no Go cache although there could be
}

// boot says what init starts before it is ready.
type boot struct {
	Zygote []string `json:"zygote,omitempty"` // interpreter and options; empty: none
	Source string   `json:"source,omitempty"` // the zygote's program
	Env    []string `json:"env,omitempty"`
	Bare   *bareBox `json:"bare,omitempty"` // work without namespaces
}

// tool is what a language is run with.
type tool struct {
	Language
	version string
	missing string   // why the language cannot run; empty when it can
	sites   []string // Python: folders of installed packages
}

const askTimeout = 10 * time.Second

// describe names the program that a language needs first, and its version as it
// tells it itself.
func (t *tool) describe(ctx context.Context, env []string) string {
	program := t.Command[0]
	if len(t.Compile) > 0 {
		program = t.Compile[0]
	}
	version := t.version
	if version == "" {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		flag := "--version"
		if filepath.Base(program) == "go" {
			flag = "version"
		}
		ask := exec.CommandContext(ctx, program, flag)
		ask.Env, ask.Dir, ask.WaitDelay = env, "/", time.Second
		out, err := ask.Output()
		version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		if err != nil || version == "" {
			version = "(its version is not known)"
		}
	}
	return program + " " + shorten(version, 100)
}

// findTools looks up every language's programs on PATH. usable says whether a
// candidate could read a path.
func findTools(ctx context.Context, c Config) *tools {
	t := &tools{languages: map[string]*tool{}}
	var dirs []string
	for _, name := range languageNames {
		l := c.language(name)
		found := &tool{Language: l}
		t.languages[name] = found
		if len(l.Command) == 0 {
			found.missing = "no command is configured for it"
			continue
		}
		for _, argv := range []*[]string{&found.Command, &found.Compile} {
			if len(*argv) == 0 || strings.HasPrefix((*argv)[0], "{") {
				continue
			}
			p, err := findProgram(ctx, c, name, (*argv)[0])
			if err != nil {
				found.missing = err.Error()
				break
			}
			*argv = append([]string{p.path}, (*argv)[1:]...)
			found.version, found.sites = p.version, p.sites
			dirs = append(dirs, filepath.Dir(p.path))
			for _, dir := range p.show {
				if (!underSystem(dir) || underLocal(dir)) && !slices.Contains(t.show, dir) {
					t.show = append(t.show, dir)
				}
			}
		}
	}
	dirs = append(dirs, "/usr/local/bin", "/usr/bin", "/bin")
	var path []string
	for _, d := range dirs {
		if !slices.Contains(path, d) {
			path = append(path, d)
		}
	}
	t.path = strings.Join(path, ":")
	if golang := t.languages["go"]; golang.missing == "" && len(golang.Compile) > 0 && c.Cache != "" {
		if t.goCache, t.fault = newGoCache(c.Cache, golang.Compile[0]); t.goCache != nil {
			t.goCache.env = append(t.env(), "GOCACHE="+t.goCache.dir) // the last one counts
		}
	}
	return t
}

// located is a program and what it needs to be shown.
type located struct {
	path    string
	version string
	show    []string
	sites   []string
}

func findProgram(ctx context.Context, c Config, language, name string) (located, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = onPath(c.Path, name)
	}
	if len(candidates) == 0 {
		return located{}, fmt.Errorf("%s: not found on PATH", name)
	}
	var first error
	for _, file := range candidates {
		var l located
		var err error
		if language == "python" {
			l, err = askPython(ctx, file)
		} else {
			l, err = locate(file)
		}
		if err == nil && c.Engine == EngineLandlock && os.Geteuid() == 0 {
			err = walkable(append(l.show, l.path)) // there are no mounts that would lead around a closed folder
		}
		if err == nil {
			return l, nil
		}
		if first == nil {
			first = err
		}
	}
	return located{}, first
}

// onPath lists every program of that name in the folders and in the usual ones.
func onPath(path []string, name string) []string {
	var found []string
	for _, dir := range append(slices.Clip(path), "/usr/local/bin", "/usr/bin", "/bin") {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && !slices.Contains(found, file) {
			found = append(found, file)
		}
	}
	return found
}

func locate(file string) (located, error) {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return located{}, err
	}
	if underSystem(real) {
		return located{path: file, show: localPrefixes(file, real)}, nil
	}
	prefix := filepath.Dir(real)
	if filepath.Base(prefix) == "bin" {
		prefix = filepath.Dir(prefix)
	}
	if err := showable(prefix); err != nil {
		return located{}, err
	}
	return located{path: real, show: []string{prefix}}, nil
}

const pythonQuestion = `import json, sys, sysconfig
print(json.dumps({"version": list(sys.version_info[:3]), "executable": sys.executable, "scripts": sysconfig.get_path("scripts"), "prefixes": [sys.base_prefix, sys.base_exec_prefix, sys.prefix],
"sites": sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")} | ({"/usr/lib/python3/dist-packages"} if sys.base_prefix == "/usr" else set()))}))`

// askPython asks an interpreter, which may be a shim or in a virtual
// environment, where it really lives.
func askPython(ctx context.Context, file string) (located, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, file, "-I", "-S", "-c", pythonQuestion)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	if err := cmd.Run(); err != nil {
		return located{}, fmt.Errorf("%s: %w %s", file, err, shorten(strings.TrimSpace(stderr.String()), 200))
	}
	var said struct {
		Version         []int
		Executable      string
		Scripts         string
		Prefixes, Sites []string
	}
	if err := json.Unmarshal(stdout.Bytes(), &said); err != nil || len(said.Version) != 3 {
		return located{}, fmt.Errorf("%s: not a Python interpreter", file)
	}
	if said.Version[0] != 3 || said.Version[1] < 8 {
		return located{}, fmt.Errorf("%s: Python %d.%d is too old, 3.8 is needed", file, said.Version[0], said.Version[1])
	}
	l := located{path: said.Executable, sites: said.Sites, show: localPrefixes(said.Executable, said.Scripts+"/"),
		version: fmt.Sprintf("%d.%d.%d", said.Version[0], said.Version[1], said.Version[2])}
	real, err := filepath.EvalSymlinks(said.Executable)
	if err != nil {
		return located{}, fmt.Errorf("%s: %w", file, err)
	}
	for _, prefix := range append(said.Prefixes, filepath.Dir(filepath.Dir(real))) {
		if underSystem(prefix) || prefix == "/usr" || slices.Contains(l.show, prefix) {
			continue
		}
		if err := showable(prefix); err != nil {
			return located{}, fmt.Errorf("%s: %w", file, err)
		}
		l.show = append(l.show, prefix)
	}
	return l, nil
}

// showable says whether a directory may be shown to untrusted programs: it must
// be a tool's own prefix, not a home directory or the root, and readable for all.
func showable(dir string) error {
	if strings.Count(strings.Trim(dir, "/"), "/") < 1 || slices.Contains([]string{"/home", "/root", "/etc", "/var"}, dir) ||
		filepath.Dir(dir) == "/home" || strings.HasPrefix(filepath.Base(dir), ".") {
		return fmt.Errorf("its prefix %s is too wide to be shown to candidates", dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o005 != 0o005 && os.Geteuid() == 0 {
		return fmt.Errorf("its prefix %s is not readable for all", dir)
	}
	return nil
}

// walkable says whether programs of another uid can reach the paths.
func walkable(paths []string) error {
	for _, path := range paths {
		for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o001 == 0 {
				return fmt.Errorf("%s: programs of another uid cannot pass through %s", path, dir)
			}
		}
	}
	return nil
}

// localPrefixes are the parts of /usr/local that hold the files: the prefix of a
// tool that has one of its own, else the folder of programs.
func localPrefixes(files ...string) []string {
	var dirs []string
	for _, file := range files {
		if !underLocal(file) {
			continue
		}
		dir := filepath.Dir(file)
		if filepath.Base(dir) == "bin" && filepath.Dir(dir) != "/usr/local" {
			dir = filepath.Dir(dir)
		}
		if underLocal(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// underLocal says whether a path lies in /usr/local, of which programs see only
// what a tool in use needs.
func underLocal(path string) bool { return strings.HasPrefix(path, "/usr/local/") }

func underSystem(path string) bool {
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib64", "/sbin"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// env is the environment of every program inside.
func (t *tools) env() []string {
	return []string{"PATH=" + t.path, "HOME=/w", "TMPDIR=/tmp", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "USER=candidate",
		"PYTHONDONTWRITEBYTECODE=1", "GOCACHE=/tmp/" + goCacheName, "GOPATH=/tmp/go", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local", "GOPROXY=off", "GO111MODULE=auto",
		"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "NO_COLOR=1"}
}

// boot says how a container of a role starts its zygote, whose program ends so.
func (t *tools) boot(role string, end string) *boot {
	b := &boot{}
	python := t.languages["python"]
	if python.missing == "" {
		b.Zygote = append(append([]string{}, python.Command...), "-I", "-S", "-B")
		b.Source, b.Env = pythonSource(role, python.sites, end), t.env()
	}
	return b
}

// pythonSource is the program of a Python process: values and frames, the roles
// that it can take, and how it takes one (the zygote's loop, or once).
func pythonSource(role string, sites []string, end string) string {
	parts, roles := []string{pyWire, pyCandidate}, `{"candidate": run_candidate, "main": run_main}`
	if role == roleTests {
		parts, roles = []string{pyWire, pyProxy, pyLink, pyPytest, pyRunner, pyReading, pyTests}, `{"tests": run_tests}`
	}
	folders, err := json.Marshal(sites)
	if err != nil || sites == nil {
		folders = []byte("[]")
	}
	return strings.Join(parts, "\n") + "\nROLES = " + roles + "\nSITE_PACKAGES = " + string(folders) + "\n" + end
}
