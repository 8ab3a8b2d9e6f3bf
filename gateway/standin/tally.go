package standin

import (
	"maps"
	"slices"
)

// Billed is what a model has answered and what a host would charge for it.
type Billed struct {
	Calls int64 // calls that were answered at least in part
	Usage
}

// tally is the bill, by model, and the last requests. The server's mutex guards it.
type tally struct {
	billed  map[string]Billed
	calls   map[string]int // calls of each model, refused ones too
	choices map[string]int // choices that each model has answered
	last    []Request      // a ring of the last requests
	next    int            // where the ring goes on
	keep    int
}

func newTally(keep int) tally {
	return tally{billed: map[string]Billed{}, calls: map[string]int{}, choices: map[string]int{}, keep: keep}
}

// maxNames bounds how many models are told apart where every name is answered.
const maxNames = 10_000

// otherModels is the name that models beyond maxNames share in the books.
const otherModels = "(others)"

// name returns the name that the books know model by.
func (t *tally) name(model string) string {
	if _, known := t.calls[model]; !known && len(t.calls) >= maxNames {
		return otherModels
	}
	return model
}

// bill adds what a call consumed.
func (s *Server) bill(model string, u Usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	model = s.tally.name(model)
	b := s.tally.billed[model]
	b.Calls++
	b.Prompt += u.Prompt
	b.CachedPrompt += u.CachedPrompt
	b.Completion += u.Completion
	b.Reasoning += u.Reasoning
	s.tally.billed[model] = b
}

// Billed returns the bill by model: the server's own count, independent of what
// any gateway made of its replies. A stream that the client left is billed for
// what was produced until then, a refused call is not billed. The bill holds a
// call before the last byte of its reply is sent.
func (s *Server) Billed() map[string]Billed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.tally.billed)
}

// Calls returns how many calls named a model, refused ones included.
func (s *Server) Calls(model string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tally.calls[model]
}

// Requests returns the last requests, oldest first, refused ones included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.tally.last[s.tally.next:], s.tally.last[:s.tally.next])
}

// Reset forgets bills, calls and requests: the next call of a model is its first.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally = newTally(s.tally.keep)
}

// take returns how many choices a model answered before, and adds more.
func (s *Server) take(model string, choices int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	model = s.tally.name(model)
	before := s.tally.choices[model]
	s.tally.choices[model] += choices
	return before
}

// record keeps a request and returns its number among the calls of its model.
func (s *Server) record(r Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.tally
	if r.Model != "" {
		name := t.name(r.Model)
		t.calls[name]++
		r.Call = t.calls[name]
	}
	switch {
	case t.keep <= 0:
	case len(t.last) < t.keep:
		t.last = append(t.last, r)
	default:
		t.last[t.next] = r
		t.next = (t.next + 1) % t.keep
	}
	return r.Call
}
