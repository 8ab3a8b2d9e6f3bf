package sandbox

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// squareTests are three checks of f(x) = x*x in the languages whose tests share
// the solution's process, and in JavaScript.
var squareTests = map[string]string{
	"c":          "#include <assert.h>\nint main(void) {\n  assert(f(3) == 9);\n  assert(f(4) == 16);\n  assert(f(-1) == 1);\n  return 0;\n}\n",
	"cpp":        "#include <cassert>\n#undef NDEBUG\nint main() {\n  assert(f(3) == 9);\n  assert(f(4) == 16);\n  assert(f(-1) == 1);\n}\n",
	"go":         "func TestF(t *testing.T) {\n\tfor x, want := range map[int]int{3: 9, 4: 16, -1: 1} {\n\t\tif got := f(x); got != want {\n\t\t\tt.Errorf(\"f(%d) = %d\", x, got)\n\t\t}\n\t}\n}\n",
	"bash":       "[ \"$(f 3)\" = 9 ]\n[ \"$(f 4)\" = 16 ]\ntest \"$(f -1)\" -eq 1\n",
	"javascript": "const assert = require('assert');\nassert.strictEqual(f(3), 9);\nassert.deepEqual([f(4)], [16]);\nconsole.assert(f(-1) === 1);\n",
}

// forgeries are wrong solutions that would pass by what they do to their process
// or to the language.
var forgeries = map[string]map[string]string{
	"c": {
		"_Exit":             "#include <stdlib.h>\nint f(int x) { _Exit(0); }",
		"exit":              "#include <stdlib.h>\nint f(int x) { exit(0); }",
		"raw exit":          "#include <unistd.h>\n#include <sys/syscall.h>\nint f(int x) { return syscall(SYS_exit_group, 0); }",
		"constructor":       "#include <unistd.h>\n__attribute__((constructor)) static void early(void) { _exit(0); }\nint f(int x) { return 0; }",
		"early constructor": "#include <unistd.h>\n__attribute__((constructor(101))) static void early(void) { _exit(0); }\nint f(int x) { return 0; }",
		"preinit":           "#include <unistd.h>\nstatic void early(void) { _exit(0); }\n__attribute__((section(\".preinit_array\"), used)) static void (*p)(void) = early;\nint f(int x) { return 0; }",
		"SIGABRT":           "#include <signal.h>\n#include <unistd.h>\nstatic void end(int s) { _exit(0); }\nint f(int x) { signal(SIGABRT, end); return 0; }",
		"all signals":       "#include <signal.h>\n#include <unistd.h>\nstatic void end(int s) { _exit(0); }\n__attribute__((constructor)) static void early(void) { for (int i = 1; i < 32; i++) signal(i, end); }\nint f(int x) { *(volatile int *)0 = 1; return 0; }",
		"redefined assert":  "#define assert(x) ((void)0)\nint f(int x) { return 0; }",
		"NDEBUG":            "#define NDEBUG 1\n#include <assert.h>\nint f(int x) { return 0; }",
		"own assert_fail":   "void __assert_fail(const char *a, const char *b, unsigned c, const char *d) { }\nint f(int x) { return 0; }",
		"own abort":         "#include <unistd.h>\nvoid abort(void) { _exit(0); }\nint f(int x) { return 0; }",
		"own main":          "int f(int x) { return 0; }\nint main(void) { return 0; }\n#define main other_main",
		"undefined main":    "#undef main\nint f(int x) { return 0; }\nint main(void) { return 0; }",
		"atexit":            "#include <stdlib.h>\n#include <unistd.h>\nstatic void end(void) { _exit(0); }\nint f(int x) { atexit(end); return 0; }",
		"if":                "int f(int x) { return 0; }\n#define if(x) if (0)\n#define return\n#define int long",
		"open comment":      "int f(int x) { return 0; }\nint main(void) { return 0; }\n/* the rest",
		"open condition":    "int f(int x) { return 0; }\nint main(void) { return 0; }\n#if 0",
		"open function":     "int f(int x) { return 0; }\nint main(void) { return 0; }\nvoid unused(void) {",
		"macro f":           "#include <stdlib.h>\n#define f(x) (exit(0), 0)\n",
		"macro of equality": "#define f(x) 1 || 0\n",
		"printed pass":      "#include <stdio.h>\n#include <unistd.h>\nint f(int x) { puts(\"PASS\\nok\"); fflush(stdout); _exit(0); }",
		"writes to judge":   "#include <unistd.h>\nint f(int x) { for (int fd = 3; fd < 9; fd++) write(fd, \"0123456789abcdef0123456789abcdef\", 32); _exit(0); }",
		"closes judge":      "#include <unistd.h>\nint f(int x) { close(3); _exit(0); }",
		"exec true":         "#include <unistd.h>\nint f(int x) { return execl(\"/bin/true\", \"true\", (char *)0); }",
		"child":             "#include <unistd.h>\n#include <sys/wait.h>\nint f(int x) { if (fork()) { wait(0); _exit(0); } return 0; }",
		"longjmp":           "#include <setjmp.h>\n#include <unistd.h>\nint f(int x) { static jmp_buf b; if (setjmp(b)) _exit(0); longjmp(b, 1); }",
		"thread":            "#include <pthread.h>\n#include <unistd.h>\nstatic void *end(void *p) { _exit(0); }\nint f(int x) { pthread_t t; pthread_create(&t, 0, end, 0); pthread_join(t, 0); return 0; }",
		"own write":         "long write(int a, const void *b, unsigned long c) { return c; }\nvoid _exit(int s) { for (;;) __asm__ volatile(\"syscall\" : : \"a\"(231), \"D\"(0)); }\nint f(int x) { _exit(0); }",
	},
	"cpp": {
		"exit":             "#include <cstdlib>\nint f(int x) { std::exit(0); }",
		"static object":    "#include <unistd.h>\nstruct E { E() { _exit(0); } } e;\nint f(int x) { return 0; }",
		"destructor":       "#include <unistd.h>\nstruct E { ~E() { _exit(0); } } e;\nint f(int x) { throw 1; }",
		"terminate":        "#include <exception>\n#include <unistd.h>\nint f(int x) { std::set_terminate([] { _exit(0); }); throw 1; }",
		"anything":         "struct A { template <class T> bool operator==(T) const { return true; } };\nA f(int x) { return {}; }\n",
		"redefined assert": "#define assert(x)\nint f(int x) { return 0; }",
		"bool":             "int f(int x) { return 0; }\n#define bool int\n#define true 1\n#define int long",
		"SIGABRT":          "#include <csignal>\n#include <unistd.h>\nint f(int x) { std::signal(SIGABRT, [](int) { _exit(0); }); return 0; }",
		"raw string":       "int f(int x) { return 0; }\nint main() { }\nconst char *s = R\"(",
	},
	"go": {
		"os.Exit":        "package solution\n\nimport \"os\"\n\nfunc f(x int) int { os.Exit(0); return 0 }\n",
		"init":           "package solution\n\nimport \"os\"\n\nfunc init() { os.Exit(0) }\n\nfunc f(x int) int { return 0 }\n",
		"syscall.Exit":   "package solution\n\nimport \"syscall\"\n\nfunc f(x int) int { syscall.Exit(0); return 0 }\n",
		"variable":       "package solution\n\nimport \"syscall\"\n\nvar n = func() int { syscall.Exit(0); return 0 }()\n\nfunc f(x int) int { return n }\n",
		"printed pass":   "package solution\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"syscall\"\n)\n\nfunc f(x int) int { fmt.Println(\"--- PASS: TestF (0.00s)\\nPASS\\nok\"); os.Stdout.Sync(); syscall.Exit(0); return 0 }\n",
		"runs nothing":   "package solution\n\nimport \"flag\"\n\nfunc init() { flag.Set(\"test.run\", \"^$\") }\n\nfunc f(x int) int { return 0 }\n",
		"count 0":        "package solution\n\nimport \"flag\"\n\nfunc init() { flag.Set(\"test.count\", \"0\"); flag.Set(\"test.skip\", \".\") }\n\nfunc f(x int) int { return 0 }\n",
		"arguments":      "package solution\n\nimport \"os\"\n\nfunc init() { os.Args = []string{os.Args[0], \"-test.run=^$\", \"-test.list=.*\"} }\n\nfunc f(x int) int { return 0 }\n",
		"Goexit":         "package solution\n\nimport \"runtime\"\n\nfunc f(x int) int { runtime.Goexit(); return 0 }\n",
		"TestMain":       "package solution\n\nimport \"testing\"\n\nfunc TestMain(m *testing.M) { }\n\nfunc f(x int) int { return 0 }\n",
		"TestF":          "package solution\n\nimport \"testing\"\n\nfunc TestF(t *testing.T) { }\n\nfunc f(x int) int { return 0 }\n",
		"own testing":    "package solution\n\ntype testing struct{ T int }\n\nfunc f(x int) int { return 0 }\n",
		"types":          "package solution\n\ntype int struct{}\n\nfunc f(x any) any { return x }\n",
		"goroutine":      "package solution\n\nimport \"syscall\"\n\nfunc f(x int) int { go syscall.Exit(0); select {} }\n",
		"exec":           "package solution\n\nimport \"syscall\"\n\nfunc f(x int) int { syscall.Exec(\"/bin/true\", []string{\"true\"}, nil); return 0 }\n",
		"panics":         "package solution\n\nfunc f(x int) int { panic(\"no\") }\n",
		"kill":           "package solution\n\nimport \"syscall\"\n\nfunc f(x int) int { syscall.Kill(syscall.Getpid(), syscall.SIGKILL); return 0 }\n",
		"says something": "package solution\n\nimport \"syscall\"\n\nfunc f(x int) int { for fd := 3; fd < 9; fd++ { syscall.Write(fd, make([]byte, 32)) }; syscall.Exit(0); return 0 }\n",
		"embed":          "package solution\n\nimport _ \"embed\"\n\n//go:embed solution_0_test.go\nvar s string\n\nfunc f(x int) int { return len(s) }\n",
	},
	"bash": {
		"exit":             "exit 0",
		"exit in f":        "f() { exit 0; }",
		"trap EXIT":        "trap 'exit 0' EXIT\nf() { echo 0; }",
		"trap ERR":         "trap 'exit 0' ERR\nf() { echo 0; }",
		"trap DEBUG":       "trap 'exit 0' DEBUG\nset -T\nf() { echo 0; }",
		"[":                "function [ { return 0; }\ntest() { return 0; }\nf() { echo 0; }",
		"[ in f":           "f() { eval 'function [ { return 0; }; test() { return 0; }'; echo 0; }",
		"set +e":           "f() { set +e; echo 0; }\nset() { :; }",
		"readonly set":     "set() { :; }\nreadonly -f set\nf() { echo 0; }",
		"alias":            "shopt -s expand_aliases\nalias '['=true test=true\nf() { echo 0; }",
		"disabled":         "enable -n [ test\nfunction [ { :; }\ntest() { :; }\nf() { echo 0; }",
		"exec":             "f() { echo 0; }\nexec true",
		"exec in f":        "f() { exec true; }",
		"heredoc":          "f() { echo 0; }\n: <<'END'",
		"open quote":       "f() { echo 0; }\n: '",
		"open if":          "f() { echo 0; }\nif false; then",
		"open braces":      "f() { echo 0; }\n: || {",
		"function exit":    "exit() { builtin exit 0; }\nf() { echo 0; }",
		"PATH":             "mkdir -p /tmp/b; cp /bin/true /tmp/b/test; PATH=/tmp/b\nenable -n test [\nf() { echo 0; }",
		"kill":             "f() { kill -9 $PPID; }",
		"kill shell":       "f() { kill -9 $$; }",
		"says something":   "f() { for i in 3 4 5; do printf 0123456789abcdef0123456789abcdef >&$i; done; exit 0; } 2>/dev/null",
		"not found":        "command_not_found_handle() { return 0; }\ng() { echo 0; }",
		"not found at all": "command_not_found_handle() { exit 0; }",
		"eval":             "f() { eval \"exit 0\"; }",
		"reads the tests":  "f() { cat /w/drover*.sh /proc/$PPID/cmdline | tr -dc '9' | head -c 1; }",
		"of one shell":     "f() { R=0; R=$R; }\ntrap 'exit 0' EXIT ERR",
	},
	"javascript": {
		"exit":            "function f(x) { process.exit(0); }",
		"exit at load":    "process.exit(0);",
		"reallyExit":      "function f(x) { process.reallyExit(0); }",
		"on exit":         "process.on('exit', () => { process.exitCode = 0; });\nfunction f(x) { throw new Error('x'); }",
		"assert patched":  "const a = require('assert');\nfor (const k of Object.keys(a)) if (typeof a[k] === 'function') a[k] = () => {};\nfunction f(x) { return 0; }",
		"module patched":  "const M = require('module');\nM._load = () => new Proxy(() => {}, { get: () => () => {} });\nfunction f(x) { return 0; }",
		"console patched": "console.assert = () => {};\nglobalThis.assert = () => {};\nfunction f(x) { return 0; }",
		"JSON":            "JSON.stringify = () => '{}';\nJSON.parse = () => ({});\nfunction f(x) { return 0; }",
		"Object.is":       "Object.is = () => true;\nNumber.prototype.valueOf = () => 9;\nfunction f(x) { return 0; }",
		"prototype":       "Object.prototype.value = 9;\nObject.prototype.error = undefined;\nArray.prototype[0] = 16;\nfunction f(x) { return undefined; }",
		"any value":       "function f(x) { return { valueOf: () => x * x, toString: () => String(x * x), [Symbol.toPrimitive]: () => 0 }; }",
		"proxy":           "function f(x) { return new Proxy({}, { get: () => 9, has: () => true }); }",
		"boxed":           "function f(x) { return new Number(0); }",
		"inspector":       "const i = require('inspector');\nconst s = new i.Session(); s.connect();\nfunction f(x) { s.post('Runtime.evaluate', { expression: 'process.exit(0)' }); return 0; }",
		"writes frames":   "const fs = require('fs');\nfunction f(x) { for (let fd = 3; fd < 9; fd++) try { const b = Buffer.from('{\"value\":9,\"check\":\"f\",\"passed\":true,\"done\":1}'); const h = Buffer.alloc(4); h.writeUInt32BE(b.length); fs.writeSync(fd, Buffer.concat([h, b])); } catch (e) {} process.exit(0); }",
		"prepared":        "const fs = require('fs');\nconst r = fs.readSync;\nfs.readSync = (...a) => { const n = r(...a); return n; };\nfs.writeSync = () => { process.exit(0); };\nfunction f(x) { return 0; }",
		"thenable":        "function f(x) { return { then(ok) { ok(9); }, length: 9 }; }",
		"NaN":             "function f(x) { return NaN; }",
		"shadows":         "const Object = { is: () => true };\nconst JSON = { stringify: () => '' };\nfunction f(x) { return 0; }\nmodule.exports = { f, Object, JSON, console: { assert() {} } };",
		"overrides test":  "globalThis.require = () => () => {};\nvar require = () => ({ strictEqual() {}, deepEqual() {} });\nfunction f(x) { return 0; }",
		"async exit":      "setImmediate(() => process.exit(0));\nasync function f(x) { return 0; }",
		"kill":            "function f(x) { process.kill(process.pid, 'SIGKILL'); }",
		"worker":          "const { Worker } = require('worker_threads');\nfunction f(x) { new Worker('process.exit(0)', { eval: true }); return 0; }",
	},
}

// squares are right solutions, some of which look like forgeries.
var squares = map[string]map[string]string{
	"c": {
		"plain":    "int f(int x) { return x * x; }",
		"own main": "#include <stdio.h>\nint f(int x) { return x * x; }\nint main(void) { printf(\"%d\\n\", f(3)); return 0; }",
		"macro":    "#define f(x) ((x) * (x))\n",
		"NDEBUG":   "#define NDEBUG\n#include <assert.h>\n#define int_t int\nstatic int_t f(int x) { assert(x < 0); return x * x; }",
		"gnu":      "#define _GNU_SOURCE\n#include <string.h>\n#include <stdio.h>\nint f(int x) { char *s; asprintf(&s, \"%d\", x); return x * x + (strcasestr(\"Ab\", \"B\") == 0); }",
		"printing": "#include <stdio.h>\nint f(int x) { printf(\"%d\\n\", x); return x * x; }",
	},
	"cpp": {
		"plain":    "int f(int x) { return x * x; }",
		"template": "#include <vector>\nusing namespace std;\ntemplate <class T> T f(T x) { return x * x; }\nint main() { return f(2) != 4; }",
		"object":   "struct S { S() { n = 1; } int n; } s;\nint f(int x) { return x * x * s.n; }",
	},
	"go": {
		"plain":      "func f(x int) int { return x * x }",
		"package":    "package main\n\nimport \"fmt\"\n\nfunc f(x int) int { return x * x }\n\nfunc main() { fmt.Println(f(3)) }\n",
		"other name": "package squares\n\nfunc max(a, b int) int { if a > b { return a }; return b }\n\nfunc f(x int) int { return max(x*x, 0) }\n",
	},
	"bash": {
		"plain":    "f() { echo $(($1 * $1)); }",
		"function": "function f { local x=$1; echo $((x * x)); }",
		"strict":   "set -euo pipefail\nf() {\n  local x=\"$1\"\n  echo \"$((x * x))\"\n}",
		"helpers":  "sq() { expr \"$1\" '*' \"$1\"; }\nf() { sq \"$@\"; }\nmain() { f 3; }\nmain",
		"eval":     "f() { eval \"echo \\$(($1 * $1))\"; }",
	},
	"javascript": {
		"plain": "function f(x) { return x * x; }",
		"arrow": "const f = (x) => x ** 2;\nmodule.exports = { f };",
	},
}

// Solutions in other languages fake no pass either, and right ones pass. Go, for
// which a library has to be compiled, has its turn in [TestGoProgramsCannotPoisonEachOther].
func TestForgeriesOfOtherLanguages(t *testing.T) {
	r := commonRunner(t)
	for language := range forgeries {
		if language != "go" {
			t.Run(language, func(t *testing.T) { judgeForgeries(t, r, language) })
		}
	}
}

func judgeForgeries(t *testing.T, r *Runner, language string) {
	t.Helper()
	if why := r.tools.languages[language].missing; why != "" {
		t.Skip(why)
	}
	var jobs []Job
	var names []string
	add := func(programs map[string]string, few int) int {
		for _, name := range share(slices.Sorted(maps.Keys(programs)), few) {
			jobs = append(jobs, Job{Language: language, Code: programs[name], Tests: []string{squareTests[language]}})
			names = append(names, name)
		}
		return len(jobs)
	}
	right := add(squares[language], 2)
	add(forgeries[language], 3)
	judgeAll(t, r, jobs, func(i int, report Report) {
		want := Failed
		if i < right {
			want = Passed
		}
		if report.Verdict != want {
			t.Errorf("%s in %s: %s, %s %s: %+v\n%s", names[i], language, report.Verdict, report.Assurance, report.Detail, report.Checks, report.Output)
		}
	})
}

// A hostile solution does not keep the judge itself busy.
func TestJoiningReadsInOnePass(t *testing.T) {
	tests := []string{"int main(void) { assert(f(1) == 1); }"}
	thousand := 100
	if *all {
		thousand = 1000
	}
	for _, code := range []string{
		"#define f " + strings.Repeat("/* ", 60*thousand), "#define f(x) " + strings.Repeat("(", 100*thousand),
		strings.Repeat("#define f(x) x\n", 20*thousand), strings.Repeat("#define g (\n", 20*thousand), strings.Repeat("f(", 60*thousand),
	} {
		for _, language := range []string{"c", "cpp"} {
			joinC(Job{Language: language, Code: code, Tests: tests, Path: "solution.c"}, "x")
		}
		joinBash(Job{Code: code, Tests: []string{"[ $f = 1 ]"}, Path: "solution.sh"}, "x")
		joinGo(Job{Code: "package p\n" + code, Tests: []string{"func TestF(t *testing.T) { f() }"}}, "drover")
	}
	joinGo(Job{Code: "package p\n" + strings.Repeat("const true = 1\n", 20*thousand), Tests: []string{"func TestF(t *testing.T) { f(1) }"}}, "drover")
}
