package lab

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
)

// Writer plays a model of known skill over a problem set. It answers with the
// problem's own programs: right ones as often as the skill says, else wrong ones,
// of which some pass the visible tests. It is simulated, and gives the same
// answers for the same seed: the n-th sample of a problem does not depend on what
// else is asked.
type Writer struct {
	problems []Problem
	chance   func(Skill) float64
	skills   []Skill
	seed     uint64

	mu    sync.Mutex
	drawn map[string]uint64 // samples of each problem so far
}

// Tempted is the share of a stand-in's wrong answers that pass the visible tests,
// for problems that have such answers. Of the wrong answers of Llama 3.1 8B to
// HumanEval, which has 7 asserts a problem, .18 pass (greedy answers, judged again
// by EvalPlus). Under its problems with more than ten asserts it is .12 for Llama
// 3.1 8B and 70B together, of 17 answers only, and .04 of 53 for all models that
// the same data hold.
func Tempted(tests int) float64 {
	if tests > 10 {
		return 0.12
	}
	return 0.18
}

// NewWriter returns a writer over problems that are ordered from easy to hard.
// chance picks the model's part of a Skill.
func NewWriter(problems []Problem, chance func(Skill) float64, seed uint64) *Writer {
	return &Writer{problems: problems, chance: chance, skills: Skills(len(problems)), seed: seed, drawn: map[string]uint64{}}
}

// Write answers a prompt that contains one of the problems' prompts; ok is false
// for any other.
func (w *Writer) Write(prompt string) (reply string, ok bool) {
	for i, p := range w.problems {
		if strings.Contains(prompt, p.Prompt) {
			return w.write(i), true
		}
	}
	return "", false
}

func (w *Writer) write(i int) string {
	p := w.problems[i]
	w.mu.Lock()
	n := w.drawn[p.ID]
	w.drawn[p.ID]++
	w.mu.Unlock()
	h := fnv.New64a()
	h.Write([]byte(p.ID))
	draw := rand.New(rand.NewPCG(w.seed^h.Sum64(), n))
	programs := p.Right
	switch {
	case draw.Float64() < w.chance(w.skills[i]):
	case len(p.Tempting) > 0 && draw.Float64() < Tempted(strings.Count(p.Tests, "\n")+1):
		programs = p.Tempting
	default:
		programs = p.Wrong
	}
	return openings[draw.IntN(len(openings))] + "```python\n" + strings.TrimRight(programs[draw.IntN(len(programs))], "\n") + "\n```\n"
}

// openings are how models begin.
var openings = []string{"", "Here is the function:\n\n", "Sure! This solves it:\n\n", "One way to do it:\n\n"}
