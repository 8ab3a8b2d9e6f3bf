package policy_test

import (
	"fmt"

	"github.com/drover-llm/drover/policy"
)

// A search with a small model before a strong one: nothing passes for a while,
// then something does.
func ExampleIndex() {
	belief, err := policy.NewBelief(policy.Models{
		Rungs:  []policy.Tries{{}}, // the reference, Llama 3.1 8B
		Strong: policy.GPT4o,
	}, policy.TestsOf(200))
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := policy.NewIndex(policy.IndexConfig{
		Belief: belief,
		Rule:   policy.Rule{ValueOfCorrect: 0.01, LossOfWrong: 0.01, MinQuality: 0.9},
		Rungs:  []policy.Rung{{Cost: 0.00003, MaxSamples: 16}},
		Strong: 0.003,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	state := policy.State{Seen: make([]policy.Seen, 1), Samples: 16, Budget: 0.01, Time: 5}
	for {
		step := index.Next(state)
		fmt.Println(step)
		if step.Move != policy.GoOn {
			break
		}
		state.Seen[0].Failed += step.N // all of them fail
		state.Samples -= step.N
		state.Budget -= float64(step.N) * 0.00003
	}
	fmt.Println(index.Accept(state))
	// Output:
	// go on with 1: a further sample pays: it passes with 62.2 % and is then right with 98.8 %
	// go on with 2: a further sample pays: it passes with 32.2 % and is then right with 96.0 %
	// go on with 4: a further sample pays: it passes with 16.6 % and is then right with 91.1 %
	// go on with 8: a further sample pays: it passes with 8.7 % and is then right with 83.4 %
	// escalate: a further sample costs more than it gains: it passes with 4.6 % and is then right with 73.2 %; the strong model is right with 74.0 %
	// accepted: right with 73.2 %, 72.1 % needed
}
