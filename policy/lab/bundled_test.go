package lab

import (
	"strings"
	"testing"
	"unicode"
)

func TestBundledSetIsGradedAndWhole(t *testing.T) {
	set, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	if len(set) != 72 {
		t.Errorf("%d problems, want 72", len(set))
	}
	perGrade := make(map[int]int)
	lastGrade := 0
	for _, p := range set {
		perGrade[p.Grade]++
		if p.Grade < lastGrade {
			t.Errorf("%s: grade %d comes after %d", p.ID, p.Grade, lastGrade)
		}
		lastGrade = p.Grade
		if p.Kind != KindAssert {
			t.Errorf("%s: kind %q", p.ID, p.Kind)
		}
	}
	for grade := 1; grade <= 12; grade++ {
		if perGrade[grade] != 6 {
			t.Errorf("grade %d has %d problems, want 6", grade, perGrade[grade])
		}
	}
}

func TestBundledProblemsHaveTheirParts(t *testing.T) {
	set, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range set {
		t.Run(p.ID, func(t *testing.T) {
			if !strings.Contains(p.Prompt, "```python\n") || !strings.Contains(p.Prompt, "def "+p.EntryPoint+"(") {
				t.Errorf("the prompt does not show the signature of %s", p.EntryPoint)
			}
			visible, hidden := asserts(t, p, p.Tests), asserts(t, p, p.Hidden)
			within(t, "visible tests", len(visible), 11, 12)
			within(t, "hidden tests", len(hidden), 1, 17)
			within(t, "tests", len(visible)+len(hidden), 13, 30)
			within(t, "right programs", len(p.Right), 2, 4)
			within(t, "wrong programs", len(p.Wrong), 3, 5)
			within(t, "tempting programs", len(p.Tempting), 1, 3)

			given := 0
			for _, test := range visible {
				if _, repeated := hidden[test]; repeated {
					t.Errorf("visible and hidden: %s", test)
				}
				call, _, _ := strings.Cut(strings.TrimPrefix(test, "assert "), " == ")
				if strings.Contains(p.Prompt, call) {
					given++
				}
			}
			if given > 1 {
				t.Errorf("the prompt gives %d of the visible tests away", given)
			}

			seen := make(map[string]bool)
			for _, programs := range [][]string{p.Right, p.Wrong, p.Tempting} {
				for _, program := range programs {
					if !strings.Contains(program, "def "+p.EntryPoint+"(") {
						t.Errorf("a program defines no %s:\n%s", p.EntryPoint, program)
					}
					if seen[program] {
						t.Errorf("a program is there twice:\n%s", program)
					}
					seen[program] = true
					within(t, "bytes of a program", len(program), 20, 10_000)
				}
			}
			for text := range seen {
				printable(t, text)
			}
			printable(t, p.Prompt+p.Tests+p.Hidden)
		})
	}
}

// asserts returns the lines of tests by themselves: each calls the entry point.
func asserts(t *testing.T, p Problem, tests string) map[string]string {
	t.Helper()
	lines := make(map[string]string)
	for line := range strings.SplitSeq(tests, "\n") {
		if !strings.HasPrefix(line, "assert "+p.EntryPoint+"(") {
			t.Errorf("no assert on %s: %s", p.EntryPoint, line)
		}
		if lines[line] != "" {
			t.Errorf("twice: %s", line)
		}
		lines[line] = line
	}
	return lines
}

func within(t *testing.T, what string, n, low, high int) {
	t.Helper()
	if n < low || n > high {
		t.Errorf("%d %s, want %d to %d", n, what, low, high)
	}
}

func printable(t *testing.T, text string) {
	t.Helper()
	for _, c := range text {
		if c != '\n' && unicode.IsControl(c) {
			t.Errorf("control character %U in:\n%s", c, text)
			return
		}
	}
}
