package pricing

import (
	"fmt"
	"math"
)

// Usage is what one call consumed, in tokens, counted as OpenAI reports it: the
// prompt includes its cached part, the completion includes reasoning. The zero
// value consumed nothing.
type Usage struct {
	Prompt       int64 `json:"prompt"`
	CachedPrompt int64 `json:"cached_prompt,omitempty"` // the part of Prompt that the provider's cache served
	Completion   int64 `json:"completion"`
}

// Total is the number of tokens in and out. It saturates at the largest int64,
// which only a usage that Cost refuses can reach.
func (u Usage) Total() int64 {
	if u.Completion > 0 && u.Prompt > math.MaxInt64-u.Completion {
		return math.MaxInt64
	}
	return u.Prompt + u.Completion
}

// Add returns the sum of two usages, or ErrOverflow. Costs are added call by
// call instead: the cost of a sum is rounded once too rarely.
func (u Usage) Add(v Usage) (Usage, error) {
	for _, usage := range [...]Usage{u, v} {
		if err := usage.check(); err != nil {
			return Usage{}, err
		}
	}
	if u.Prompt > math.MaxInt64-v.Prompt || u.Completion > math.MaxInt64-v.Completion {
		return Usage{}, fmt.Errorf("adding %s to %s: %w", v, u, ErrOverflow)
	}
	return Usage{
		Prompt:       u.Prompt + v.Prompt,
		CachedPrompt: u.CachedPrompt + v.CachedPrompt, // at most the sum of the prompts
		Completion:   u.Completion + v.Completion,
	}, nil
}

// String names the counts: "10 prompt (4 cached) + 3 completion tokens".
func (u Usage) String() string {
	return fmt.Sprintf("%d prompt (%d cached) + %d completion tokens", u.Prompt, u.CachedPrompt, u.Completion)
}

// check returns ErrInvalidUsage when the counts contradict themselves.
func (u Usage) check() error {
	if u.Prompt < 0 || u.CachedPrompt < 0 || u.Completion < 0 {
		return fmt.Errorf("pricing %s: %w: counts must not be negative", u, ErrInvalidUsage)
	}
	if u.CachedPrompt > u.Prompt {
		return fmt.Errorf("pricing %s: %w: more cached than prompt tokens", u, ErrInvalidUsage)
	}
	return nil
}
