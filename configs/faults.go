package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	File    string
	Line    int    // 0 when it concerns the file as a whole
	Path    string // such as models.gpt-4o.provider, "" for the file
	Message string
}

func (f Fault) String() string {
	text := f.File
	if f.Line > 0 {
		text = fmt.Sprintf("%s:%d", text, f.Line)
	}
	if f.Path != "" {
		text += ": " + f.Path
	}
	return text + ": " + f.Message
}

// Faults is everything that is wrong with a configuration, in the order of its
// lines.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
}

// concern reports whether any fault is in one of the sections, "" for the file
// as a whole.
func (f Faults) concern(sections ...string) bool {
	return slices.ContainsFunc(f, func(f Fault) bool {
		section, _, _ := strings.Cut(f.Path, ".")
		return slices.Contains(sections, section)
	})
}
