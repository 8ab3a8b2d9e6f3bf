package gateway

import (
	"errors"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// meter gathers what one call to a model takes, and says what it cost. Whole
// replies and streams are billed by the same rule.
type meter struct {
	g       *Gateway
	name    string // YAML name of the model
	model   Model
	request *openai.ChatRequest

	tries  int
	usage  *openai.Usage // the provider's own count, nil until it sends one
	text   []byte        // what came of the answer, for a count of our own
	stream bool          // text holds all that came: a provider stops when a stream is left
	finish string
}

// add takes in one chunk. Usage may come on any chunk, and on several; the last
// word counts.
func (m *meter) add(c openai.Chunk) {
	if c.Usage != nil {
		m.usage = c.Usage
	}
	for _, d := range c.Choices {
		m.text = d.AppendText(m.text)
		if d.Ended && d.Index == 0 {
			m.finish = d.Finish()
		}
	}
}

// settle returns the call as it is journalled and its usage as the client is
// told. err is what became of the call.
func (m *meter) settle(err error, took time.Duration) ([]policy.Call, openai.Usage) {
	call := policy.Call{Model: m.name, Provider: m.model.Client.Provider(), Tries: m.tries, Finish: m.finish, Took: took}
	spent := err == nil
	var failed *openai.CallError
	if errors.As(err, &failed) {
		call.Status, call.Error, call.Tries, spent = failed.Status, string(failed.Failure), failed.Tries, failed.Spent
	} else if err == nil {
		call.Status = 200
	}
	var told openai.Usage
	known := true
	switch {
	case !spent:
	case m.usage != nil:
		told = *m.usage
	case err == nil || m.stream:
		call.Counted = true
		told.Prompt, told.Completion = m.countPrompt(), int64(m.model.Family.Count(string(m.text)))
	default: // a whole reply that nobody saw: the most that it can have been
		call.Counted = true
		told.Prompt = m.countPrompt()
		told.Completion, known = outputLimit(m.request, m.model)
	}
	call.Usage = pricing.Usage{Prompt: told.Prompt, CachedPrompt: told.CachedPrompt, Completion: told.Completion}
	if known {
		call.Cost = m.cost(call.Usage)
	}
	return []policy.Call{call}, told
}

// cost is nil where the price is not known; what was not used costs nothing at
// any price.
func (m *meter) cost(u pricing.Usage) *pricing.USD {
	if u == (pricing.Usage{}) {
		return new(pricing.USD)
	}
	cost, err := m.g.Prices.Cost(m.name, u)
	if err != nil {
		if !errors.Is(err, pricing.ErrUnknownModel) {
			m.g.Log.Error("pricing a call", "model", m.name, "error", err)
		}
		return nil
	}
	return &cost
}

// countPrompt counts the prompt as the model's tokeniser would.
func (m *meter) countPrompt() int64 {
	messages := make([]pricing.Message, len(m.request.Messages))
	for i, message := range m.request.Messages {
		messages[i] = pricing.Message{Role: message.Role, Content: message.Text()}
	}
	n := m.model.Family.CountChat(messages)
	for _, name := range []string{"tools", "response_format"} {
		n += m.model.Family.Count(string(m.request.Get(name)))
	}
	return int64(n)
}

// total sums what calls cost; nil when that of any is unknown.
func total(calls []policy.Call) *pricing.USD {
	sum := new(pricing.USD)
	for _, c := range calls {
		if c.Cost == nil {
			return nil
		}
		s, err := sum.Add(*c.Cost)
		if err != nil {
			return nil
		}
		*sum = s
	}
	return sum
}
