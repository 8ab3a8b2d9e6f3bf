package search

import (
	"regexp"
	"strings"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// looks are what a prompt looks like, by features that cost next to nothing.
type looks struct {
	coding   bool
	language string // of the schema; empty when nothing tells
}

// lookBytes are read of each end of a prompt: what is asked stands at one of them.
const lookBytes = 8 << 10

// Words of requests for code. A coding verb makes nearly anything a request for
// code, a plain one only what has a coding noun or a language near it.
var (
	codingVerbs = set("implement", "reimplement", "refactor", "debug")
	plainVerbs  = set("write", "create", "complete", "fix", "solve", "optimize", "optimise", "translate", "port", "make", "build", "define", "give", "return", "generate", "convert", "finish")
	codingNouns = set("function", "functions", "program", "programs", "script", "algorithm", "code", "codebase", "subroutine", "regex", "snippet", "parser",
		"decorator", "method", "methods", "generator", "iterator", "recursion", "traceback", "segfault", "stdin", "stdout", "compiler", "struct", "dataclass")
	codeLines = regexp.MustCompile(`(?m)^[ \t]*(?:(?:async )?def \w+\(|class \w+[(:]|func (?:\(|\w+\()|fn \w+|#include ?[<"]|public (?:static |class )|(?:export )?(?:async )?function\*? \w*\(|(?:const|let|var) \w+ ?=|import \w+|from \w+ import |package \w+$|>>> |assert |Traceback \(most)`)

	// spokenLanguages are names that mean a language wherever they stand.
	spokenLanguages = map[string]string{"python": "python", "python3": "python", "javascript": "javascript", "js": "javascript", "node.js": "javascript", "nodejs": "javascript",
		"typescript": "typescript", "golang": "go", "java": "java", "c++": "cpp", "cpp": "cpp", "rust": "rust", "bash": "bash", "shell": "bash"}
)

// shortNames are languages whose names mean one only beside such words.
var shortNames = regexp.MustCompile(`\b(Go|C) (?:function|method|program|code|snippet|package|struct|routine)s?\b|\b(?:in|using|idiomatic) (Go|C)(?:[,;:!?)\n]|\.(?:\s|$)| [^+#]|$)`)

// near is how many words a noun may stand behind its verb.
const near = 8

func look(prompt string) looks {
	if len(prompt) > 2*lookBytes {
		prompt = strings.ToValidUTF8(prompt[:lookBytes]+"\n"+prompt[len(prompt)-lookBytes:], "")
	}
	var l looks
	if strings.Contains(prompt, "```") || strings.Contains(prompt, "~~~") {
		l.coding = true
		for _, b := range blocks(prompt) {
			if known := canonical(b.language); known != "" {
				l.language = known
			}
		}
	}
	if !l.coding && codeLines.MatchString(prompt) {
		l.coding = true
	}
	l.words(prompt)
	if l.language == "" && l.coding {
		l.language = languageOfCode(prompt)
	}
	return l
}

// words looks for what is asked and for the name of a language.
func (l *looks) words(prompt string) {
	verb, spoken, i := -near-1, "", 0 // verb: the place of the last one
	for word := range strings.FieldsFuncSeq(prompt, notOfWord) {
		word = strings.TrimRight(strings.ToLower(word), ".")
		name := spokenLanguages[word]
		spoken = first(spoken, name)
		noun := codingNouns[word] || name != "" || word == "class" && spoken != ""
		if codingVerbs[word] || noun && i-verb <= near {
			l.coding = true
		}
		if plainVerbs[word] {
			verb = i
		}
		i++
	}
	if m := shortNames.FindStringSubmatch(prompt); spoken == "" && m != nil {
		spoken = strings.ToLower(m[1] + m[2])
	}
	if l.language == "" {
		l.language = spoken
	}
}

func notOfWord(r rune) bool {
	word := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '_' || r == '.'
	return !word
}

// languageMarks are lines that tell a language. Their words alone do not: "a
// function that" is prose.
var languageMarks = []struct {
	form     *regexp.Regexp
	language string
}{
	{regexp.MustCompile(`\bdef \w`), "python"},
	{regexp.MustCompile(`#include\b`), "cpp"},
	{regexp.MustCompile(`(?m)^[ \t]*func (?:\(|\w+[\[(])`), "go"},
	{regexp.MustCompile(`\bfn \w+\s*[(<]`), "rust"},
	{regexp.MustCompile(`\bpublic (?:static |final |abstract )*class\b`), "java"},
	{regexp.MustCompile(`\bfunction\*? ?\w*\([^()\n]*\)[ \t]*(?::[^{\n]+)?\{`), "javascript"},
	{regexp.MustCompile(`(?m)^[ \t]*(?:export )?const \w+(?::[^=\n]+)? ?=`), "javascript"},
	{regexp.MustCompile(`#!/bin/`), "bash"},
	{regexp.MustCompile(`(?m)^[ \t]*(?:assert |>>> )`), "python"},
}

// languageOfCode tells the languages that can be told from a line.
func languageOfCode(text string) string {
	for _, mark := range languageMarks {
		if mark.form.MatchString(text) {
			return mark.language
		}
	}
	return ""
}

var pythonTests = regexp.MustCompile(`(?m)^[ \t]*(?:def \w+\(.*\).*:|assert [^(\n]|assert \(|assert not |import pytest|from \w+ import|import unittest|>>> )`)

// languageOfTests is python for tests that can be in no other language.
func languageOfTests(s Spec) string {
	switch s.Framework {
	case sandbox.FrameworkPytest, sandbox.FrameworkUnittest, sandbox.FrameworkDoctest:
		return "python"
	}
	for _, text := range s.Tests {
		if pythonTests.MatchString(text) {
			return "python"
		}
	}
	return ""
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
