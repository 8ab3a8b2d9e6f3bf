package gateway

import (
	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/pricing"
)

// ceiling is the most that the decision can spend on the request: every model
// that may be called, with as many prompt tokens as there are bytes and as many
// completion tokens as are allowed. It is nil when a price or a limit is not
// known, or when images, audio or a web search are paid for, which no count of
// bytes bounds.
func (g *Gateway) ceiling(q *openai.ChatRequest, d Decision) *pricing.USD {
	if q.HasMedia() || q.Get("audio") != nil || q.Get("web_search_options") != nil {
		return nil
	}
	return g.bound(q, q.Size(), len(q.Messages), d.Models)
}

// bound is the most that one call of each model can cost, for a prompt of so many
// bytes and messages and q's output limit; nil when it is not known.
func (g *Gateway) bound(q *openai.ChatRequest, bytes, messages int, models []string) *pricing.USD {
	prompt := pricing.Bound(int64(bytes), int64(messages))
	sum := new(pricing.USD)
	for _, name := range models {
		completion, known := outputLimit(q, g.Models[name])
		if !known {
			return nil
		}
		cost, err := g.Prices.Cost(name, pricing.Usage{Prompt: prompt, Completion: completion})
		if err != nil {
			return nil
		}
		if *sum, err = sum.Add(cost); err != nil {
			return nil
		}
	}
	return sum
}

// outputLimit is the most completion tokens that all choices together can have.
func outputLimit(q *openai.ChatRequest, m Model) (tokens int64, known bool) {
	if q.N == 0 { // embeddings
		return 0, true
	}
	limit := q.MaxTokens
	if limit == 0 || m.MaxOutput > 0 && m.MaxOutput < limit {
		limit = m.MaxOutput
	}
	return limit * int64(q.N), limit > 0
}
