package search

import (
	"crypto/sha256"
	"strings"
	"unicode/utf8"
)

// Candidate is a program taken from a model's reply.
type Candidate struct {
	Code     string
	Language string // as the reply said; empty where it did not
	Hash     Hash   // equal for programs that do the same: see Candidate
}

// Hash identifies a program without its comments, docstrings and layout.
// Programs of one hash behave alike, so that only one of them has to run;
// programs that behave alike may well have several hashes.
type Hash [16]byte

// Candidate takes the program from a reply as the task says.
func (t Task) Candidate(reply string) Candidate {
	a := t.Spec.Answer
	how := Extraction{Mode: a.Extract, Language: first(t.Spec.Language, t.Language), EntryPoint: t.Spec.EntryPoint, Names: t.Called, Prefix: a.Prefix, Suffix: a.Suffix}
	c := Candidate{}
	c.Code, c.Language = how.Extract(reply)
	if c.Language == "" {
		c.Language = how.Language
	}
	c.Hash = hashOf(first(t.Spec.Language, c.Language, "python"), c.Code)
	return c
}

// empty reports whether there is nothing to run.
func (c Candidate) empty() bool { return strings.TrimSpace(c.Code) == "" }

// hashOf hashes the normal form of a program, or its text where the lexer is not
// sure of every token: a run too many is better than a verdict of another
// program.
func hashOf(language, code string) Hash {
	h := sha256.New()
	h.Write([]byte(language))
	form, sure := []byte(nil), false
	if utf8.ValidString(code) && !strings.ContainsAny(code, "\x00\r\f\v") {
		switch language {
		case "python":
			form, sure = pythonForm(code)
		case "javascript", "typescript", "go", "java", "c", "cpp":
			form, sure = braceForm(language, code)
		}
	}
	if sure {
		h.Write([]byte{1})
		h.Write(form)
	} else {
		h.Write([]byte{0})
		h.Write([]byte(code))
	}
	return Hash(h.Sum(nil)[:16])
}
