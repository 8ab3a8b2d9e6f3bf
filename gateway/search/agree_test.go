package search

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/pricing"
)

func TestCallsAreFoundInProse(t *testing.T) {
	got := callsIn("def f(a, b):\n    \"\"\"\n    >>> f([1, 2], ')')\n    [3]\n    f(1, (2, 3)) == 4\n    f(0) ➞ None.\n    g.f(9) == 1 xf(8) == 2 f(7\n", "f")
	want := []probe{{args: "[1, 2], ')'", expect: "[3]"}, {args: "1, (2, 3)", expect: "4"}, {args: "0", expect: "None"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(probe{})); diff != "" {
		t.Error(diff)
	}
}

func TestInputsFollowTheTypes(t *testing.T) {
	params, ok := parameters("def f(xs: List[Tuple[int, str]], n: Optional[int], name, k=3, *rest):\n    pass", "f")
	if diff := cmp.Diff([]parameter{{"xs", "List[Tuple[int, str]]"}, {"n", "Optional[int]"}, {"name", ""}}, params, cmp.AllowUnexported(parameter{})); !ok || diff != "" {
		t.Fatal(diff)
	}
	made := inputs(params)
	if len(made) != madeInputs {
		t.Fatalf("%d inputs", len(made))
	}
	all := ""
	for _, p := range made {
		all += p.args + "\n"
	}
	for _, sign := range []string{"[]", "None", "(0, ", `"abc"`} {
		if !strings.Contains(all, sign) {
			t.Errorf("no %s in\n%s", sign, all)
		}
	}
}

func FuzzProbes(f *testing.F) {
	f.Add("def f(a: List[int], b) -> int:\n  f(1,2) == 3", "assert f([1], 2) == 3")
	f.Add("f(f(f(((", "def f(*, a")
	f.Add("def f(a: list, b: List[List[List[List[Tuple[int, Tuple[list, set, Optional[dict]]]]]]]) -> tuple:", "")
	f.Add("def f(a: optional[, b: list[], c: tuple[...], d: list[list[list[list[list[list[list[list[list[list[int]]]]]]]]]])", "")
	f.Fuzz(func(t *testing.T, prompt, claims string) {
		task := Task{Spec: Spec{EntryPoint: "f"}}
		if list := task.probes(prompt, claims, "f", nil); len(list) > maxProbes {
			t.Fatalf("%d probes", len(list))
		}
		for _, p := range task.probes(prompt, claims, "f", nil) {
			if len(p.args) > 64<<10 {
				t.Fatalf("a probe of %d bytes", len(p.args))
			}
		}
	})
}

// The chances of clusters, and that none is right, are a distribution.
func TestChancesAreADistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prior := Prior{rapid.Float64Range(.1, 5).Draw(t, "a"), rapid.Float64Range(.1, 5).Draw(t, "b")}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 10), 1, 6).Draw(t, "sizes")
		alone, votes := rapid.IntRange(0, 5).Draw(t, "alone"), rapid.IntRange(0, 10).Draw(t, "votes")
		var list []Cluster
		for i, n := range sizes {
			list = append(list, Cluster{Samples: make([]int, n), Votes: i % (votes + 1)})
		}
		chances(list, alone, 0, votes, prior)
		sum := 0.0
		for _, c := range list {
			if c.Chance < 0 || math.IsNaN(c.Chance) {
				t.Fatalf("chance %g", c.Chance)
			}
			sum += c.Chance
		}
		if sum > 1+1e-9 {
			t.Fatalf("sum %g", sum)
		}
	})
}

// agreeing runs Agree over the real sandbox with a scripted model.
func agreeing(t *testing.T, prompt string, script ...string) (Result, Agreement, *scripted) {
	t.Helper()
	m := &scripted{}
	for _, text := range script {
		m.script = append(m.script, said{text: text})
	}
	q := request(t, prompt)
	parsed, err := ParseTask(q, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	r, a, err := Agree(t.Context(), parsed, Plan{Request: q, Rungs: []Rung{m.rung(10)}, Stopper: batches(1, 5), Runner: testSandbox(t), Ceiling: 1000, Now: time.Now}, Prior{.637, .383})
	if err != nil {
		t.Fatal(err)
	}
	return r, a, m
}

const medianPrompt = "Write a Python function.\n\n```python\ndef middle(xs: list[int]) -> float:\n    \"\"\"Return the median of xs, 0 for none.\"\"\"\n```\n\nFor example middle([3, 1, 2]) returns 2.\n"

// Programs that are written differently and do the same are one cluster; one that
// is wrong somewhere is not in it, and a broken one is in none.
func TestSamplesThatBehaveAlikeAreOneCluster(t *testing.T) {
	right := []string{
		"```python\ndef middle(xs):\n    if not xs: return 0\n    s = sorted(xs); n = len(s)\n    return s[n // 2] if n % 2 else (s[n // 2 - 1] + s[n // 2]) / 2\n```",
		"```python\nimport statistics\ndef middle(values):\n    return statistics.median(values) if values else 0\n```",
		"```python\ndef middle(xs):\n    print('noise')\n    xs.sort()\n    if len(xs) == 0:\n        return 0.0\n    h = len(xs) // 2\n    return float(xs[h]) if len(xs) % 2 == 1 else (xs[h] + xs[h - 1]) / 2\n```",
	}
	wrong := "```python\ndef middle(xs):\n    return sorted(xs)[len(xs) // 2] if xs else 0\n```"
	broken := "```python\ndef middle(xs):\n    return undefined\n```"
	loops := "```python\ndef middle(xs):\n    while True: pass\n```"
	asserts := "assert middle([3, 1, 2]) == 2\nassert middle([1, 2]) == 1.5\nassert middle([]) == -7\n"
	// Every reply has a program and asserts: the call for asserts comes first or
	// second.
	var script []string
	for _, text := range append(append(right, right[1]), wrong, broken, loops) {
		script = append(script, asserts+"\n"+text)
	}
	r, a, m := agreeing(t, medianPrompt, script...)
	best, ok := a.Best()
	if !ok || a.EntryPoint != "middle" || len(best.Samples) < 3 || best.Votes < 2 || best.Chance < .5 || len(a.Clusters) > 2 || a.Votes < 3 {
		t.Fatalf("%+v", a)
	}
	for _, i := range best.Samples {
		if s := r.Samples[i]; s.Verdict != "" || !strings.Contains(s.Text, "def middle") || strings.Contains(s.Text, wrong) {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
	if r.Best != best.Samples[0] || r.Winner != -1 || len(r.Calls) != len(m.charges) || len(m.charges) != 7 {
		t.Errorf("best %d, winner %d, %d calls, %d charges", r.Best, r.Winner, len(r.Calls), len(m.charges))
	}
}

// Six different answers are no agreement.
func TestDisagreementIsNoChance(t *testing.T) {
	var script []string
	for i := range 7 {
		script = append(script, "```python\ndef middle(xs):\n    return "+strings.Repeat("1+", i)+"0\n```")
	}
	_, a, _ := agreeing(t, medianPrompt, script...)
	if best, _ := a.Best(); best.Chance > .5 {
		t.Errorf("%+v", a)
	}
}

// Spending keeps to the ceiling, the call for asserts included, and is in the
// result when the caller leaves.
func TestAgreeKeepsToItsCeiling(t *testing.T) {
	for ceiling, want := range map[pricing.USD]int{5: 0, 10: 1, 40: 4, 1000: 7} {
		m := &scripted{script: []said{{text: "```python\ndef f(x): return x\n```"}}}
		q := request(t, "Write a Python function f(x).")
		parsed, err := ParseTask(q, Sources{})
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := Agree(t.Context(), parsed, Plan{Request: q, Rungs: []Rung{m.rung(10)}, Stopper: batches(1, 5), Runner: testSandbox(t), Ceiling: ceiling, Now: time.Now}, Prior{1, 1})
		if err != nil || len(m.charges) != want || len(r.Calls) != want || costOf(r) > ceiling {
			t.Errorf("ceiling %d: %d calls, %d in the result, cost %d, %v", ceiling, len(m.charges), len(r.Calls), costOf(r), err)
		}
	}
	m := &scripted{script: []said{{text: "x", delay: time.Hour}}}
	q := request(t, "Write a Python function f(x).")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	parsed, _ := ParseTask(q, Sources{})
	r, _, err := Agree(ctx, parsed, Plan{Request: q, Rungs: []Rung{m.rung(10)}, Stopper: batches(1, 5), Runner: testSandbox(t), Ceiling: 1000, Now: time.Now}, Prior{1, 1})
	if !errors.Is(err, context.DeadlineExceeded) || len(r.Calls) != 2 || m.running != 0 {
		t.Errorf("%d calls, %d running, %v", len(r.Calls), m.running, err)
	}
	for _, c := range r.Calls {
		if failed := (*openai.CallError)(nil); !errors.As(c.Err, &failed) || failed.Failure != openai.Cancelled {
			t.Errorf("%v", c.Err)
		}
	}
}
