package gateway

import (
	"errors"
	"math"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/pricing"
)

// Why no bound of a call's cost is known.
var (
	errNoPrice   = errors.New("its price is not known")
	errNoLimit   = errors.New("how long its answers can be is not known")
	errUnbounded = errors.New("what the request holds beside text has no bound that is known")
)

// exactFrom is the size of a prompt from which it is counted where its bytes do
// not fit: below, they cost little more than its tokens.
const exactFrom = 1 << 10

// bound is the most that one call of a model can cost, given the request as it is
// sent: as many prompt tokens as there are bytes, or, with exact, as the tokeniser
// counts, and as many completion tokens as are allowed.
func (g *Gateway) bound(q *openai.ChatRequest, model string, exact bool) (pricing.USD, error) {
	return g.boundWith(q, model, 0, exact)
}

// boundWith is bound for a request that may grow by so many prompt tokens.
func (g *Gateway) boundWith(q *openai.ChatRequest, model string, more int64, exact bool) (pricing.USD, error) {
	prompt, err := g.promptBound(q, model)
	if err != nil {
		return 0, err
	}
	if exact && q.Size() > exactFrom {
		prompt = min(prompt, g.promptCount(q, model))
	}
	completion, known := outputLimit(q, g.Models[model])
	if !known {
		return 0, errNoLimit
	}
	return g.price(model, prompt+more, completion+beyondLimit(q, completion))
}

func (g *Gateway) price(model string, prompt, completion int64) (pricing.USD, error) {
	cost, err := g.Prices.Cost(model, pricing.Usage{Prompt: prompt, Completion: completion})
	if errors.Is(err, pricing.ErrUnknownModel) {
		err = errNoPrice
	}
	return cost, err
}

// promptBound is the most prompt tokens that the request can have.
func (g *Gateway) promptBound(q *openai.ChatRequest, model string) (int64, error) {
	if runsTools(q, g.Models[model]) {
		return 0, errUnbounded
	}
	media := q.FindMedia()
	if media.Other {
		return 0, errUnbounded
	}
	return pricing.Bound(int64(q.Size()-media.Inline), int64(len(q.Messages))) + g.imageTokens(media, model), nil
}

func (g *Gateway) imageTokens(media openai.Media, model string) int64 {
	name := g.Models[model].Client.Model() + " " + model // that of an Azure deployment says nothing
	return int64(media.Images)*pricing.ImageBound(name, false) + int64(media.LowImages)*pricing.ImageBound(name, true)
}

// counts reports whether a count of the prompt is a bound: the host is one whose
// models' tokenisers are known. Who else has a model of this name may have another
// tokeniser, and bill more than is counted here.
func (m Model) counts() bool { return m.Family != pricing.Unknown && !m.Client.Dialect().Unknown() }

// One token of slack is added for every cutSlack bytes of text: a text without
// blanks is cut for counting, and may be a few tokens longer uncut.
const cutSlack = 128

// promptCount is the prompt as the model's tokeniser counts it, the largest number
// where that is no bound. What the provider lays out in a way of its own, tools
// above all, counts as its bytes.
func (g *Gateway) promptCount(q *openai.ChatRequest, model string) int64 {
	if !g.Models[model].counts() {
		return math.MaxInt64
	}
	media := q.FindMedia()
	family := g.Models[model].Family
	messages := make([]pricing.Message, len(q.Messages))
	texts := 0
	for i, m := range q.Messages {
		messages[i] = pricing.Message{Role: m.Role, Name: m.Name, Content: m.Text()}
		if m.Media {
			texts += len(messages[i].Content)
		} else {
			texts += len(m.Content)
		}
	}
	if texts > exactCount {
		return int64(q.Size())
	}
	other := q.Size() - media.Inline - texts // names, calls, tools and how they are written
	if !q.Endpoint().Framed || other < 0 {
		return int64(q.Size())
	}
	return int64(family.CountChat(messages)+texts/cutSlack+other) + q.Tokens + g.imageTokens(media, model)
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

// beyondLimit is what a call may be charged for beside its limit of completion
// tokens: a prediction that did not come true, and the price of speech.
func beyondLimit(q *openai.ChatRequest, limit int64) int64 {
	more := int64(len(q.Get("prediction"))) * int64(q.N)
	if q.Get("audio") != nil {
		more += limit * (pricing.AudioWeight - 1)
	}
	return more
}

// ceiling is the most that the decision can spend on the request: every model that
// may be called. It is nil when that is not known.
func (g *Gateway) ceiling(call Call, d Decision) *pricing.USD {
	sum := new(pricing.USD)
	for _, name := range d.Models {
		cost, err := g.bound(g.sent(call, name), name, false)
		if err != nil {
			return nil
		}
		if *sum, err = sum.Add(cost); err != nil {
			return nil
		}
	}
	return sum
}

// boundAll is the most that one call of each model can cost in a search, for the
// request grown to so many bytes and messages; nil when it is not known. With
// exact, the request's own part is counted by tokeniser instead of by bytes.
func (g *Gateway) boundAll(q *openai.ChatRequest, bytes, messages int, models []string, exact bool) *pricing.USD {
	more := pricing.Bound(int64(bytes), int64(messages)) - pricing.Bound(int64(q.Size()), int64(len(q.Messages)))
	sum := new(pricing.USD)
	for _, name := range models {
		sent, _ := adapt(q, g.Models[name])
		cost, err := g.boundWith(sent, name, more, exact)
		if err != nil {
			return nil
		}
		if *sum, err = sum.Add(cost); err != nil {
			return nil
		}
	}
	return sum
}

// sent is the request as the model's host gets it.
func (g *Gateway) sent(call Call, model string) *openai.ChatRequest {
	q, _ := adapt(call.prompt(), g.Models[model])
	return q
}
