package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const mostCommon = `"verify":{"entry_point":"most_common","tests":"assert most_common([1, 1, 2]) == 1\nassert most_common([3]) == 3\nassert most_common([2, 5, 5]) == 5"}`

// Programs that pass the tests of most_common: the first two are right in all
// cases, the others where the tests look.
var common = map[string]string{
	"counter": "from collections import Counter\n\ndef most_common(xs):\n    return Counter(xs).most_common(1)[0][0]\n",
	"sorted":  "def most_common(xs):\n    return sorted(xs, key=lambda x: (-xs.count(x), xs.index(x)))[0]\n",
	"middle":  "def most_common(xs):\n    return xs[len(xs) // 2]\n",
	"median":  "def most_common(values):\n    values = sorted(values)\n    return values[len(values) // 2]\n",
}

// Passes of weak tests are told apart by what they do at inputs that the tests do
// not have, and of the groups the largest is handed out.
func TestPassesAreComparedByWhatTheyDo(t *testing.T) {
	q := request(t, "Write most_common(xs).", mostCommon)
	tk := task(t, q)
	if !tk.Comparable() {
		t.Fatal("these tests have calls")
	}
	m := &scripted{}
	for _, name := range []string{"middle", "counter", "median", "sorted"} {
		m.script = append(m.script, said{text: "```python\n" + common[name] + "```"})
	}
	stopper := batches(1, 1, 1, 1)
	stopper.moves = append(stopper.moves, Move{Take: true})
	var alike []int
	stopper.accept = func(s State) bool { alike = append(alike, s.Alike); return false }
	plan := Plan{Request: q, Rungs: []Rung{m.rung(1)}, Stopper: stopper, Runner: testSandbox(t), Ceiling: 100, Compare: true, Now: time.Now}
	r, err := Find(t.Context(), tk, plan)
	if err != nil {
		t.Fatal(err)
	}
	if r.Winner != 1 || r.Stop != StopPassed || r.Rungs[0].Refused != 3 {
		t.Errorf("winner %d, stopped by %q, %+v", r.Winner, r.Stop, r.Rungs[0])
	}
	last := stopper.seen[len(stopper.seen)-1].Groups
	if !slices.Equal(last, []int{1, 2, 1}) {
		t.Errorf("groups of %v", last)
	}
	// Every pass is offered alone, and once more when it was compared.
	if want := []int{0, 0, 0, 0, 0, 0, 0, 1}; !slices.Equal(alike, want) {
		t.Errorf("the stopper was told of %v alike, want %v", alike, want)
	}
}

// A search that cannot go on offers the passes in hand once more.
func TestTheLastSampleIsNotTheLastWord(t *testing.T) {
	q := request(t, "Write f.", verifyField)
	m := &scripted{script: []said{{text: "pass"}, {text: "fail"}}}
	stopper := batches(1, 1)
	stopper.moves = append(stopper.moves, Move{Take: true})
	stopper.accept = func(State) bool { return false }
	r, err := Find(t.Context(), task(t, q), Plan{Request: q, Rungs: []Rung{m.rung(1)}, Stopper: stopper, Runner: &judge{}, Ceiling: 100, MaxSamples: 2, Now: time.Now})
	if err != nil || r.Winner != 0 || r.Stop != StopPassed {
		t.Errorf("%v: winner %d, stopped by %q", err, r.Winner, r.Stop)
	}
}

func TestComparableAreFunctionsThatTestsCallWithConstants(t *testing.T) {
	for tests, want := range map[string]bool{
		`assert f(1, "a b") == 2`: true,
		`def check(candidate):\n    assert candidate([True, None]) == {}`: true,
		`x = 3\nassert f(x) == 4`:                    false,
		`assert f() == 1`:                            false,
		`assert Stack().push(1).pop() == 1`:          false,
		`def test_f():\n    assert f({"a": (1,)})`:   true,
		`assert f(open("x")) == 1`:                   false,
		`assert f(*[1, 2]) == 3`:                     true,
		`assert all(f(i) == i for i in range(3))`:    false,
		`import m\nassert f(-1.5e3, frozenset({1}))`: true,
	} {
		text := strings.ReplaceAll(fmt.Sprintf("%q", tests), `\\n`, `\n`)
		q := request(t, "Write f in Python.", `"verify":{"language":"python","entry_point":"f","tests":`+text+`}`)
		if got := task(t, q).Comparable(); got != want {
			t.Errorf("%s: %v", tests, got)
		}
	}
	js := task(t, request(t, "Write f.", `"verify":{"language":"javascript","entry_point":"f","tests":"assert(f(1) === 2)"}`))
	if js.Comparable() {
		t.Error("only Python is observed")
	}
}

// A program that cannot be observed agrees with nothing.
func TestAlikeWantsSomethingToAgreeOn(t *testing.T) {
	for _, tt := range []struct {
		a, b []string
		want bool
	}{
		{[]string{"=1", "=2"}, []string{"=1", "=2"}, true},
		{[]string{"=1", "!x"}, []string{"=1", "=2"}, true},
		{[]string{"=1", "=3"}, []string{"=1", "=2"}, false},
		{[]string{"!x", ""}, []string{"!x", ""}, false},
		{nil, []string{"=1"}, false},
	} {
		if got := alike(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %v", tt.a, tt.b, got)
		}
	}
}
