package standin

import "github.com/go-json-experiment/json"

var chatEndpoint = endpoint{path: "/v1/chat/completions", parse: parseChat, write: writeChat}

type chatReply struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"`
	Created           int64        `json:"created"`
	Model             string       `json:"model"`
	Choices           []chatChoice `json:"choices"`
	Usage             *tokenUsage  `json:"usage,omitzero"`
	ServiceTier       string       `json:"service_tier"`
	SystemFingerprint string       `json:"system_fingerprint"`
}

type chatChoice struct {
	Index        int         `json:"index"`
	Message      chatMessage `json:"message"`
	Logprobs     *logprobs   `json:"logprobs"`
	FinishReason string      `json:"finish_reason"`
}

type chatMessage struct {
	Role        string     `json:"role"`
	Content     *string    `json:"content"`
	Refusal     *string    `json:"refusal"`
	ToolCalls   []toolCall `json:"tool_calls,omitzero"`
	Annotations []string   `json:"annotations"` // always empty
}

type toolCall struct {
	Index    *int     `json:"index,omitzero"` // in streams
	ID       string   `json:"id,omitzero"`
	Type     string   `json:"type,omitzero"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments"`
}

type tokenUsage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int64 `json:"cached_tokens"`
		AudioTokens  int64 `json:"audio_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens          int64 `json:"reasoning_tokens"`
		AudioTokens              int64 `json:"audio_tokens"`
		AcceptedPredictionTokens int64 `json:"accepted_prediction_tokens"`
		RejectedPredictionTokens int64 `json:"rejected_prediction_tokens"`
	} `json:"completion_tokens_details"`
}

// reported is the usage that the reply carries, nil under the fault "nousage".
func (c *call) reported() *tokenUsage {
	if c.has(NoUsage) {
		return nil
	}
	u := &tokenUsage{PromptTokens: c.usage.Prompt, CompletionTokens: c.usage.Completion, TotalTokens: c.usage.Prompt + c.usage.Completion}
	u.PromptDetails.CachedTokens = c.usage.CachedPrompt
	u.CompletionDetails.ReasoningTokens = c.usage.Reasoning
	return u
}

func writeChat(c *call) {
	if c.want.stream {
		streamChat(c)
		return
	}
	reply := chatReply{
		ID: c.server.id("chatcmpl-"), Object: "chat.completion", Created: c.server.config.Now().Unix(), Model: c.request.Model,
		Usage: c.reported(), ServiceTier: "default", SystemFingerprint: c.fingerprint(),
	}
	for i, one := range c.choices {
		choice := chatChoice{Index: i, Message: chatMessage{Role: "assistant"}, FinishReason: one.finish}
		if one.text != "" || one.tool == nil {
			choice.Message.Content = &one.text
		}
		if one.tool != nil {
			choice.Message.ToolCalls = []toolCall{{ID: c.server.id("call_"), Type: "function", Function: function(*one.tool)}}
		}
		if c.want.logprobs {
			choice.Logprobs = chatLogprobs(one.text, c.want.top)
		}
		reply.Choices = append(reply.Choices, choice)
	}
	data := encode(reply)
	if c.has(LlamaDeltas) {
		data = llamaStyle(data)
	}
	c.writeWhole(data)
}

// llamaStyle takes from a reply or a chunk what some hosts of Llama leave out.
func llamaStyle(data []byte) []byte {
	var reply map[string]any
	if json.Unmarshal(data, &reply) != nil {
		return data
	}
	for _, key := range []string{"id", "service_tier", "system_fingerprint"} {
		delete(reply, key)
	}
	choices, _ := reply["choices"].([]any)
	for _, one := range choices {
		choice, _ := one.(map[string]any)
		delete(choice, "logprobs")
		if message, ok := choice["message"].(map[string]any); ok {
			delete(message, "refusal")
			delete(message, "annotations")
		}
		if delta, ok := choice["delta"].(map[string]any); ok {
			if _, first := delta["refusal"]; first {
				delete(delta, "refusal")
				delta["content"] = nil
			}
			delta["role"] = "assistant"
		}
	}
	return encode(reply)
}
