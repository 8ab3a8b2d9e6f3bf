package standin

import (
	"net/http"
	"strings"
	"time"
)

// Script is how one model behaves. The zero value answers every call at once
// with a sentence that says it is simulated.
type Script struct {
	// Answers are given in order, one for each choice, and then again from the
	// first. A call that Faults refuse takes none. Empty: the zero Answer.
	Answers []Answer
	// Func gives the answers instead, where it is set. It is called from several
	// goroutines, once for each choice.
	Func func(Request) Answer

	FirstByte time.Duration // wait before the first byte of a reply
	PerChunk  time.Duration // wait before each further chunk of a stream

	// Chunks is how many pieces of text a stream sends for a choice, as far as
	// the text has tokens. 0: one for each token, as OpenAI does.
	Chunks int
	// Context is the most prompt tokens; a longer prompt is refused with
	// context_length_exceeded. 0: no limit.
	Context int64

	// Faults are how calls fail.
	Faults []Fault
	// FaultCalls is how many calls fail, counted from the model's first; later
	// ones are answered. 0: all.
	FaultCalls int
	// Recorded says in every reply that its answers are recorded, where it would
	// say that they are simulated.
	Recorded bool
	// RetryAfter is what a rate limit announces. 0: one second.
	RetryAfter time.Duration
}

// Answer is what a model says to one call. The zero value is a sentence that
// says it is simulated, or what the request asked for: JSON that fits a
// response format, or a call of a forced tool.
type Answer struct {
	Text string
	Tool *ToolCall // a call of a tool, beside or instead of the text

	// Finish is the finish_reason. Empty: stop, length or tool_calls, as it fits.
	Finish string
	// Usage replaces the counted usage of the whole reply. Only the answer of the
	// first choice is asked for it. Nil: counted.
	Usage *Usage
	// Faults are added to those of the script for this call.
	Faults []Fault
}

// ToolCall is a call of a function. Arguments are JSON text.
type ToolCall struct {
	Name, Arguments string
}

// Usage is what a reply reports, and what Billed adds up. Prompt includes
// CachedPrompt, Completion includes Reasoning.
type Usage struct {
	Prompt, CachedPrompt, Completion, Reasoning int64
}

// Request is what a script sees of a call, and what Server.Requests keeps.
type Request struct {
	Path    string // "/v1/chat/completions"
	Model   string // empty where the body names none
	Call    int    // which call of the model this is, from 1; 0 before it was read
	Choice  int    // the choice to answer, from 0
	Prompt  string // the text of the prompt: all messages, joined by line ends
	Stream  bool
	Header  http.Header
	Body    []byte
	Arrived time.Time
}

// answer returns what the script says to a choice of a call. first is the
// number of choices that were answered before this call.
func (s Script) answer(r Request, first int) Answer {
	switch {
	case s.Func != nil:
		return s.Func(r)
	case len(s.Answers) > 0:
		return s.Answers[(first+r.Choice)%len(s.Answers)]
	}
	return Answer{}
}

const simulatedText = "This answer is simulated by a stand-in that has no model behind it. "

// defaultText is what a script without answers says, in at least so many tokens.
func defaultText(tokens int) string {
	text := strings.TrimSpace(simulatedText)
	if per := countTokens(simulatedText); tokens > per {
		text = strings.Repeat(simulatedText, tokens/per+1)
	}
	return text
}
