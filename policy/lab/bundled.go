package lab

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
)

//go:embed problems.jsonl
var bundled []byte

// HastyTests is how many of a bundled problem's visible tests, from the first, a
// developer in a hurry would write. Its wrong programs fail at least one of those,
// and its tempting ones none of all.
const HastyTests = 5

// Bundled returns Drover's own problem set, in order of difficulty. The slice
// is the caller's.
func Bundled() ([]Problem, error) {
	var set []Problem
	for p, err := range ReadProblems(bytes.NewReader(bundled)) {
		if err != nil {
			return nil, fmt.Errorf("reading the bundled problems: %w", err)
		}
		set = append(set, p)
	}
	return set, nil
}

// Hasten returns p with at most n visible tests, which are its first; the others
// are hidden then. p's tests must be lines of their own, as the bundled ones are.
func (p Problem) Hasten(n int) Problem {
	lines := strings.Split(p.Tests, "\n")
	if n < len(lines) {
		p.Tests = strings.Join(lines[:n], "\n")
		p.Hidden = strings.Join(append(lines[n:], p.Hidden), "\n")
	}
	return p
}
