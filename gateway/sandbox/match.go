package sandbox

import (
	"math"
	"strconv"
	"strings"
)

// Ways of comparing what a program printed with what it should print.
const (
	matchExact   = "exact"   // byte for byte
	matchTrimmed = "trimmed" // without blanks at line ends and blank lines at the end
	matchTokens  = "tokens"  // the same words in the same order
	matchFloat   = "float"   // as tokens, numbers within 1e-6 absolute or relative
)

const floatTolerance = 1e-6

// outputMatches compares a program's output with the expected one.
func outputMatches(how, got, want string) bool {
	switch how {
	case matchExact:
		return got == want
	case matchTokens, matchFloat:
		g, w := strings.Fields(got), strings.Fields(want)
		if len(g) != len(w) {
			return false
		}
		for i := range g {
			if g[i] != w[i] && (how == matchTokens || !numbersMatch(g[i], w[i])) {
				return false
			}
		}
		return true
	}
	return trimLines(got) == trimLines(want)
}

func trimLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// numbersMatch says whether both words are numbers that are close. Not-a-number
// matches nothing: a program must not pass by printing it.
func numbersMatch(got, want string) bool {
	g, err1 := strconv.ParseFloat(got, 64)
	w, err2 := strconv.ParseFloat(want, 64)
	if err1 != nil || err2 != nil || math.IsNaN(g) || math.IsNaN(w) {
		return false
	}
	if math.IsInf(w, 0) || math.IsInf(g, 0) {
		return g == w
	}
	return math.Abs(g-w) <= floatTolerance*math.Max(1, math.Abs(w))
}
