package lab

import (
	"bytes"
	_ "embed"
	"fmt"
)

//go:embed problems.jsonl
var bundled []byte

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
