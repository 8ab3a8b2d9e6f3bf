package standin

import (
	"fmt"
	"strings"
	"sync"
)

// RecordedNotice is the line that whoever serves a Recording has to show.
const RecordedNotice = "drover standin: every answer is recorded: a real model wrote it once, none is involved now"

// recordedFingerprint says so in every reply.
const recordedFingerprint = "recorded"

// Recording plays what a model once answered: the k-th choice that is asked of a
// prompt is its k-th recorded answer, whoever asks.
type Recording struct {
	prompts []RecordedPrompt

	mu    sync.Mutex
	given []int
	found map[string]int // places of prompts that were asked before
}

// RecordedPrompt is a prompt and the answers to it, in their order.
type RecordedPrompt struct {
	Name    string // of the problem, for whoever has heard all answers
	Prompt  string // what a request's prompt must contain; of several that fit, the longest counts
	Answers []Answer
}

// NewRecording returns a recording that begins with every prompt's first answer.
func NewRecording(prompts []RecordedPrompt) *Recording {
	return &Recording{prompts: prompts, given: make([]int, len(prompts)), found: map[string]int{}}
}

// Script plays the recording.
func (r *Recording) Script() Script { return Script{Func: r.answer, Recorded: true} }

// Rewind begins anew.
func (r *Recording) Rewind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.given)
}

// maxFound bounds how many prompts are remembered.
const maxFound = 100_000

func (r *Recording) answer(q Request) Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, known := r.found[q.Prompt]
	if !known {
		i = r.find(q.Prompt)
		if len(r.found) < maxFound {
			r.found[q.Prompt] = i
		}
	}
	if i < 0 {
		return Answer{Text: "No answer to this prompt is recorded."}
	}
	p := r.prompts[i]
	r.given[i]++
	if k := r.given[i]; k <= len(p.Answers) {
		return p.Answers[k-1]
	}
	return Answer{Text: fmt.Sprintf("All %d recorded answers to %s have been given.", len(p.Answers), p.Name)}
}

func (r *Recording) find(prompt string) int {
	best := -1
	for i, p := range r.prompts {
		if p.Prompt != "" && (best < 0 || len(p.Prompt) > len(r.prompts[best].Prompt)) && strings.Contains(prompt, p.Prompt) {
			best = i
		}
	}
	return best
}
