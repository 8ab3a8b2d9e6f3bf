package gateway

import (
	"context"
	"errors"
	"net/http"
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
	first  []byte        // of several choices, the first one's text
	seen   int           // choices that came
	stream bool          // text holds everything that the provider made: it stops when its stream is left
	finish string
}

// add takes in one chunk. Usage may come on any chunk, and on several; the last
// word counts.
func (m *meter) add(c openai.Chunk) {
	if c.Usage != nil {
		m.usage = c.Usage
	}
	for _, d := range c.Choices {
		m.seen = max(m.seen, d.Index+1)
		m.text = d.AppendText(m.text)
		if d.Index == 0 && m.request.N > 1 {
			m.first = d.AppendText(m.first)
		}
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
	failed, ok := errors.AsType[*openai.CallError](err)
	if ok {
		call.Status, call.Error, call.Tries, spent = failed.Status, string(failed.Failure), failed.Tries, failed.Spent
	} else if err == nil {
		call.Status = 200
	}
	var told openai.Usage
	known := true
	switch {
	case !spent:
	case err == nil && m.usage != nil:
		told = *m.usage
	case err == nil || m.stream:
		call.Counted = true
		told.Prompt, known = m.countPrompt()
		told.Completion = m.count(string(m.text))
		if m.usage != nil { // of a stream that broke off; it may not be the last word
			told.Prompt, told.CachedPrompt = m.usage.Prompt, m.usage.CachedPrompt
			told.Completion, known = max(told.Completion, m.usage.Completion), true
		}
	default: // a whole reply that nobody could read: the most that it can have been
		call.Counted = true
		told.Prompt, known = m.countPrompt()
		limit, bounded := outputLimit(m.request, m.model)
		if received := failed.Received; received > 0 && (!bounded || received < limit) {
			limit, bounded = received, true // a token has a byte at least
		}
		told.Completion, known = limit, known && bounded
	}
	call.Usage = pricing.Usage{Prompt: told.Prompt, CachedPrompt: told.CachedPrompt, Completion: told.Completion}
	switch {
	case !spent: // costs nothing at any price
		call.Cost = new(pricing.USD)
	case known:
		call.Cost = m.cost(call.Usage)
	}
	begun := failed != nil && failed.Status == http.StatusOK // whoever begins to answer may bill for it
	if spent && call.Counted || begun && !spent {
		call.Most = m.most(err)
	}
	return []policy.Call{call}, told
}

// most is the most that a call can have cost whose usage the provider did not
// tell: it may have made more than came here. It is nil where that has no bound.
func (m *meter) most(err error) *pricing.USD {
	bound, lost := m.g.bound(m.request, m.name, m.model.counts()) // as it may have been held
	if lost != nil {
		return nil
	}
	if err != nil || m.model.Family == pricing.Unknown { // of others, what came is all that was made
		return &bound
	}
	prompt, lost := m.g.promptBound(m.request, m.name)
	if lost != nil {
		return &bound
	}
	seen, lost := m.g.price(m.name, prompt, int64(len(m.text))+beyondLimit(m.request, int64(len(m.text))))
	if lost != nil {
		return &bound
	}
	return new(min(bound, seen))
}

// cost is nil where the price is not known.
func (m *meter) cost(u pricing.Usage) *pricing.USD {
	cost, err := m.g.Prices.Cost(m.name, u)
	if err != nil {
		if !errors.Is(err, pricing.ErrUnknownModel) {
			m.g.Log.Error("pricing a call", "model", m.name, "error", err)
		}
		return nil
	}
	return &cost
}

// exactCount is how many bytes are counted exactly. A text that is longer takes
// seconds to count; its bytes are a bound of its tokens.
const exactCount = 256 << 10

// freelyCounted is how many bytes are counted whatever else is; longer texts wait
// for each other, since each takes a processor for a while.
const freelyCounted = 8 << 10

func (m *meter) count(text string) int64 {
	if len(text) > exactCount {
		return int64(len(text))
	}
	if n := int64(len(text)); n > freelyCounted && m.g.counting.Acquire(context.Background(), n) == nil { // which never fails
		defer m.g.counting.Release(n)
	}
	return int64(m.model.Family.Count(text))
}

// countPrompt counts the prompt as the model's tokeniser would, its tools and the
// calls that it repeats included. It is not known of images and audio.
func (m *meter) countPrompt() (tokens int64, known bool) {
	if m.request.HasMedia() {
		return 0, false
	}
	if m.request.Size() > exactCount {
		return pricing.Bound(int64(m.request.Size()), int64(len(m.request.Messages))), true
	}
	messages := make([]pricing.Message, len(m.request.Messages))
	for i, message := range m.request.Messages {
		messages[i] = pricing.Message{Role: message.Role, Name: message.Name, Content: message.Text()}
		tokens += m.count(string(message.Calls))
	}
	tokens += m.request.Tokens
	if m.request.Endpoint().Framed {
		tokens += int64(m.model.Family.CountChat(messages))
	} else {
		for _, message := range messages {
			tokens += m.count(message.Content)
		}
	}
	for _, name := range []string{"tools", "functions", "response_format", "text"} {
		tokens += m.count(string(m.request.Get(name)))
	}
	return tokens, true
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
