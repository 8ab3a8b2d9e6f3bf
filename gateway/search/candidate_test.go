package search

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHashIgnoresCommentsDocstringsAndLayout(t *testing.T) {
	for _, c := range []struct{ language, a, b string }{
		{"python", "def f(x):\n    return x+1\n", "# adds\n\ndef f( x ) :\n  # one\n  return x + 1   # done\n\n\n"},
		{"python", "def f(x):\n    return x\n", "def f(x):\n    \"\"\"Returns x.\n\n    >>> f(1)\n    1\n    \"\"\"\n    return x"},
		{"python", "class A:\n    def f(self):\n        pass\n", "'''Module.'''\nclass A:\n\tr'A \\d'\n\tdef f(self):\n\t\tu'doc' 'more'\n\t\tpass\n"},
		{"python", "x = [1, 2]\nasync def f(): pass\n", "x = [\n  1,  # one\n\n  2\n]\nasync   def f():   pass\n"},
		{"python", "x = 1 + 2\nif x:\n    y = f'{x!r:>10} {{}}'\n", "x = 1 \\\n  + 2\nif x :\n y = f'{x!r:>10} {{}}'\n"},
		{"python", "def f(d):\n    return f\"{d['a']}\"\n", "def f(d):\n\n\n    return f\"{d['a']}\"  # a\n"},
		{"javascript", "function f(x) {\n  return x / 2\n}\n", "// half\nfunction f(x) {\n\n\t/* of x */ return x  /  2 \n}"},
		{"go", "package a\n\nfunc f() string { return `a // b` }\n", "package a\n// f is.\nfunc f() string {  return `a // b` } // done\n"},
		{"cpp", "#include <vector>\nint f() { return '\"'; }\n", "#include <vector>\n\n/* f\n is */\nint f() {\treturn '\"'; } // \"\n"},
	} {
		if hashOf(c.language, c.a) != hashOf(c.language, c.b) {
			t.Errorf("%s: these differ:\n%s\n%s", c.language, c.a, c.b)
		}
	}
}

func TestHashTellsProgramsApart(t *testing.T) {
	for _, c := range []struct{ language, a, b string }{
		{"python", "x = 'a  b'", "x = 'a b'"},
		{"python", "x = 'a # b'", "x = 'a # c'"},
		{"python", "x = '''a\n  b'''", "x = '''a\n b'''"},
		{"python", "if a:\n    b()\nc()\n", "if a:\n    b()\n    c()\n"},
		{"python", "if a:\n    if b:\n        c()\nelse:\n    d()\n", "if a:\n    if b:\n        c()\n    else:\n        d()\n"},
		{"python", "x == 1", "x = = 1"},
		{"python", "x = 1.5", "x = 1 .5"},
		{"python", "x = 1e-5", "x = 1e - 5"},
		{"python", "notx", "not x"},
		{"python", "a = b'x'", "a = b 'x'"},
		{"python", "def f():\n    'doc'\n", "def f():\n'doc'\n"},
		{"python", "def f():\n    'doc'\n    return f.__doc__\n", "def f():\n    'cod'\n    return f.__doc__\n"},
		{"python", "def f():\n    return 'doc'\n", "def f():\n    return\n"},
		{"python", "x = 1\n'text'\nfrom __future__ import annotations\n", "x = 1\nfrom __future__ import annotations\n"},
		{"python", "'doc \\x'\nx = 1\n", "x = 1\n"},
		{"python", "a\nb", "a; b\nc"},
		{"python", "f\"{d['a  b']}\"", "f\"{d['a b']}\""},
		{"python", "f\"{d[\"a  b\"]}\"", "f\"{d[\"a b\"]}\""},
		{"python", "f\"{ '}' \"a  b\" }\"", "f\"{ '}' \"a b\" }\""},
		{"python", "# -*- coding: latin-1 -*-\nx = 'é'\n", "# -*- coding: utf-8 -*-\nx = 'é'\n"},
		{"python", "x = 1\ny = open(__file__).read() # a", "x = 1\ny = open(__file__).read() # b"},
		{"python", "if x:\n\ta\n        b\n", "if x:\n        a\n        b\n"},
		{"python", "if x:\n\ta\n b\n", "if x:\n\ta\n\tb\n"},
		{"python", "if x:\n    'a'\n", "if x:\n    'b'\n"},
		{"javascript", "return\nx", "return x"},
		{"javascript", "a = /\"  b/; c = \"d\"", "a = /\" b/; c = \"d\""},
		{"javascript", "a = `x  ${y}`", "a = `x ${y}`"},
		{"javascript", "a = 'b // c'", "a = 'b // d'"},
		{"javascript", "f(<p>a  b</p>)", "f(<p>a b</p>)"},
		{"javascript", "a+ +b", "a++b"},
		{"c", "x = __LINE__;", "\nx = __LINE__;"},
		{"c", "#define f (x)\n", "#define f(x)\n"},
		{"c", "// \\\nx = 1;\n", "x = 1;\n"},
		{"cpp", "auto s = R\"(a  b)\";", "auto s = R\"(a b)\";"},
		{"go", "s := `a\n  b`", "s := `a\n b`"},
		{"go", "x\n(y)", "x(y)"},
		{"bash", "echo '# a'", "echo '# b'"},
		{"rust", "let x = 1; // a", "let x = 1; // b"},
		{"python", "x", "y"},
	} {
		if hashOf(c.language, c.a) == hashOf(c.language, c.b) {
			t.Errorf("%s: these are taken for equal:\n%s\n---\n%s", c.language, c.a, c.b)
		}
	}
	if hashOf("python", "x") == hashOf("javascript", "x") {
		t.Error("one text in two languages is two programs")
	}
}

// pieces are tokens that Python programs are made of in TestHashByConstruction.
var pieces = []string{"x", "y", "f(x)", "x.y", "1", "1.5", "1e-5", "0x1e", "'a'", "\"a  b\"", "'''t\n # u'''", "f'{x} {{'", "rb'\\d'", "[x, 1]", "{'a': y}", "(\nx\n)", "'#'", "not x", "lambda: 0"}

// Programs made of the same tokens share a hash however they are written; one
// other token, or another block, gives another hash.
func TestHashByConstruction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string // of tokens joined by \x00, with a leading depth
		depth, opened := 0, false
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			if opened {
				depth++
			} else if depth > 0 {
				depth -= rapid.IntRange(0, depth).Draw(t, "dedent")
			}
			opened = rapid.Bool().Draw(t, "opens")
			piece := func() string { return rapid.SampledFrom(pieces).Draw(t, "piece") }
			tokens := []string{"x", "=", piece(), "+", piece()}
			if opened {
				tokens = []string{rapid.SampledFrom([]string{"if", "while"}).Draw(t, "word"), piece(), "==", piece(), ":"}
			}
			lines = append(lines, fmt.Sprint(depth)+"\x00"+strings.Join(tokens, "\x00"))
		}
		if opened {
			lines = append(lines, fmt.Sprint(depth+1)+"\x00pass")
		}
		one := hashOf("python", layOut(t, lines))
		if two := hashOf("python", layOut(t, lines)); one != two {
			t.Fatalf("another layout of %q has another hash", lines)
		}
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "changed line")
		tokens := strings.Split(lines[i], "\x00")
		k := rapid.IntRange(1, len(tokens)-1).Draw(t, "changed token")
		old := tokens[k]
		if tokens[k] = rapid.SampledFrom(append([]string{"-", "z", "=="}, pieces...)).Draw(t, "token"); tokens[k] == old {
			return
		}
		other := append([]string(nil), lines...)
		other[i] = strings.Join(tokens, "\x00")
		if one == hashOf("python", layOut(t, other)) {
			t.Fatalf("%q in place of %q shares the hash of %q", tokens[k], old, lines)
		}
	})
}

// layOut writes the lines with blanks, comments and blank lines of its own.
func layOut(t *rapid.T, lines []string) string {
	unit := rapid.SampledFrom([]string{"  ", "    ", "\t", "   "}).Draw(t, "unit")
	var b strings.Builder
	for _, line := range lines {
		tokens := strings.Split(line, "\x00")
		if rapid.IntRange(0, 3).Draw(t, "comment") == 0 {
			b.WriteString(rapid.SampledFrom([]string{"\n", "# 'note\n", "      # \"\"\"\n", "\n\n"}).Draw(t, "filler"))
		}
		depth := 0
		fmt.Sscan(tokens[0], &depth)
		b.WriteString(strings.Repeat(unit, depth))
		for i, token := range tokens[1:] {
			if i > 0 {
				b.WriteString(rapid.SampledFrom([]string{" ", "  ", " \\\n "}).Draw(t, "blank"))
			}
			b.WriteString(token)
		}
		b.WriteString(rapid.SampledFrom([]string{"\n", "  # why\n", " \n"}).Draw(t, "end"))
	}
	return b.String()
}

func FuzzHash(f *testing.F) {
	for _, seed := range []string{"def f():\n  'x'\n", "f'{a!r:{b}}'", "x = (\n", "'''", "\\", "a\\\nb", "// x\n/*", "`${`", "#", "\x00", "é = 'ü'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		for _, language := range languageWords {
			if hashOf(language, code) != hashOf(language, code) {
				t.Error("one program, two hashes")
			}
		}
		// A token more is another program, whatever stands before it.
		if !strings.HasSuffix(code, "\\") && hashOf("python", code+"\nx") == hashOf("python", code+"\ny") {
			t.Errorf("%q hides what comes behind it", code)
		}
	})
}

// lines reads a file of JSON lines, packed or not.
func lines[T any](t testing.TB, name string, each func(T)) {
	t.Helper()
	file, err := os.Open(shared(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	if strings.HasSuffix(name, ".gz") {
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		scanner = bufio.NewScanner(unpacked)
	}
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var v T
		if err := json.Unmarshal(scanner.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		each(v)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
}

type recorded struct {
	Task string `json:"task_id"`
	Code string `json:"code"`
	Base string `json:"base"`
}

// Over 16,400 programs of a real model, equal programs have equal verdicts.
func TestEqualProgramsHaveEqualVerdicts(t *testing.T) {
	type key struct {
		task string
		hash Hash
	}
	passed, all, shorter := map[key]bool{}, 0, 0
	texts := map[string]bool{}
	lines(t, "data/samples/codegen16b_humaneval_x100.jsonl.gz", func(s recorded) {
		all++
		k := key{s.Task, hashOf("python", s.Code)}
		if before, ok := passed[k]; ok && before != (s.Base == "pass") {
			t.Errorf("%s: equal programs, verdicts differ:\n%s", s.Task, s.Code)
		} else if !ok {
			shorter++
		}
		passed[k] = s.Base == "pass"
		texts[s.Task+s.Code] = true
	})
	t.Logf("%d programs, %d texts, %d to run", all, len(texts), shorter)
	if all < 16000 || shorter >= len(texts) {
		t.Errorf("%d programs, %d texts, %d hashes", all, len(texts), shorter)
	}
}
