package sandbox

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:embed sh/apart.sh
var shApart string

//go:embed sh/shared.sh
var shShared string

// joinBash is the tests' script. Every function of the solution is a stand-in
// there that calls it in a shell of its own, so that nothing which the solution
// does to its shell reaches the tests; except where they have variables in
// common, which only one shell can have.
func joinBash(j Job, prefix string) string {
	tests := strings.Join(j.Tests, "\n")
	begin, end, _ := strings.Cut(shApart, "\n# tests\n")
	if sharesVariables(j.Code, tests) {
		begin, end, _ = strings.Cut(shShared, "\n# tests\n")
		tests = exitForm.ReplaceAllString(tests, "${1}"+prefix+"_leave")
	}
	var stand strings.Builder
	for _, name := range bashFunctions(j.Code) {
		if name == j.EntryPoint || !slices.Contains(bashReserved, name) {
			fmt.Fprintf(&stand, "%s() { %s_call %s \"$@\"; }\n", name, prefix, name)
		}
	}
	fill := strings.NewReplacer("PREFIX", prefix, "SOLUTION", "/w/"+shellQuoted(j.Path), "# functions\n", stand.String())
	return fill.Replace(begin) + "\n" + tests + "\n" + fill.Replace(end)
}

var (
	functionForm = regexp.MustCompile(`(?m)(?:^|[;}&|])[ \t]*(?:function[ \t]+([A-Za-z_][\w:.-]*)|([A-Za-z_][\w:.-]*)[ \t]*\([ \t]*\))`)
	assignForm   = regexp.MustCompile(`(?m)(?:^|[;&|{(]|\b(?:then|do|else|in|export|readonly|local|declare|typeset)\b(?:[ \t]+-\w+)*)[ \t]*([A-Za-z_]\w*)(?:\[[^\]\n]*\])?\+?=`)
	readForm     = regexp.MustCompile(`\$\{?[#!]?([A-Za-z_]\w*)`)
	writesForm   = regexp.MustCompile(`(?m)\b(?:local|declare|typeset)[ \t]+-\w*n|\bprintf[ \t]+-v\b|\beval\b|\b(?:mapfile|readarray)\b|\bread\b[^\n;|]*[ \t]([A-Za-z_]\w*)`)
	exitForm     = regexp.MustCompile(`(?m)((?:^|[;&|{(]|\bthen|\belse|\bdo)[ \t]*)exit\b`)
)

// bashFunctions are the names of the functions that a script defines.
func bashFunctions(code string) []string {
	var names []string
	for _, m := range functionForm.FindAllStringSubmatch(code, -1) {
		names = append(names, m[1]+m[2])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sharesVariables says whether tests look at variables that the solution sets, or
// hand it some of theirs by name.
func sharesVariables(code, tests string) bool {
	own := map[string]bool{}
	for _, m := range assignForm.FindAllStringSubmatch(tests, -1) {
		own[m[1]] = true
	}
	set := map[string]bool{}
	for _, m := range assignForm.FindAllStringSubmatch(code, -1) {
		set[m[1]] = true
	}
	for _, m := range readForm.FindAllStringSubmatch(tests, -1) {
		if set[m[1]] && !own[m[1]] {
			return true
		}
	}
	byName := writesForm.MatchString(code)
	for name := range own { // a variable of the tests that a function works on
		if byName && regexp.MustCompile(`(?m)^[^=\n]*[ \t]`+name+`\b`).MatchString(tests) {
			return true
		}
		if regexp.MustCompile(`\$\{?[#!]?`+name+`\b`).MatchString(code) && !set[name] {
			return true
		}
	}
	return false
}

// bashReserved are commands that tests compare by, which no solution stands in for.
var bashReserved = strings.Fields(`. : [ alias awk base64 basename bash bc bg bind break builtin caller case cat cd cmp command compgen complete continue
	cut declare diff dirname dirs disown echo egrep enable env eval exec exit export expr false fc fg fgrep find for function getopts grep
	hash head help history if jobs jq kill let local logout ls mapfile md5sum mktemp od paste popd printf pushd pwd read readarray readonly
	return rm sed select seq set sh sha256sum shift shopt sleep sort source suspend tail tee test time times timeout tr trap true type
	typeset ulimit umask unalias uniq unset until wait wc while xargs`)

func shellQuoted(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
