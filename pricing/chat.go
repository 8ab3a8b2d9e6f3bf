package pricing

import "math"

// Message is what counts of one chat message. Content that is no text (images,
// audio) and tool definitions are not counted here.
type Message struct {
	Role, Name, Content string
}

// Tokens that the chat format adds around messages.
const (
	// After OpenAI's cookbook, "How to count tokens with tiktoken": every message
	// is wrapped in three tokens, a name takes one more, and every answer is
	// primed with three.
	openAIPerMessage = 3
	openAIPerName    = 1
	openAIPerPrompt  = 3

	// After Llama 3.1's prompt format: begin_of_text once; around each message
	// start_header_id, end_header_id, a line end and eot_id; and an opened header
	// for the answer. Hosts that use Meta's template also add a system message
	// with two dates, 25 tokens; the others are counted that much too high.
	llamaPerMessage = 4
	llamaPerPrompt  = 1 + 4 + 25

	// At least as much as any of the above, a role included: roles are words of
	// at most two tokens.
	boundPerMessage = 8
	boundPerPrompt  = 32
)

// CountChat returns the number of prompt tokens of a chat for a model by its
// name; see Family.CountChat.
func CountChat(model string, messages []Message) int { return FamilyOf(model).CountChat(messages) }

// CountChat returns the number of prompt tokens of a chat: those of its texts
// and those that the format adds. For an Unknown family it is Bound.
func (f Family) CountChat(messages []Message) int {
	var n, perMessage int
	switch f {
	case GPT4o, GPT4:
		n, perMessage = openAIPerPrompt, openAIPerMessage
	case Llama3:
		n, perMessage = llamaPerPrompt, llamaPerMessage
	default:
		return boundOf(messages)
	}
	for _, m := range messages {
		n += perMessage + f.Count(m.Role) + f.Count(m.Content)
		if m.Name != "" {
			n += openAIPerName + f.Count(m.Name)
		}
	}
	return n
}

func boundOf(messages []Message) int {
	var bytes int64
	for _, m := range messages {
		bytes += int64(len(m.Name) + len(m.Content))
	}
	return int(Bound(bytes, int64(len(messages))))
}

// Bound returns an upper bound of the prompt tokens of a chat of so many
// messages whose contents and names have so many bytes, for every model: no
// tokeniser makes more tokens than bytes. It saturates at the largest int64.
func Bound(bytes, messages int64) int64 {
	bytes, messages = max(bytes, 0), max(messages, 0)
	if messages > (math.MaxInt64-boundPerPrompt)/boundPerMessage {
		return math.MaxInt64
	}
	overhead := boundPerPrompt + messages*boundPerMessage
	if bytes > math.MaxInt64-overhead {
		return math.MaxInt64
	}
	return bytes + overhead
}
