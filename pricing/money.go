// Package pricing turns tokens into money.
package pricing

// USD is an amount of money in billionths of a dollar.
type USD int64

// Usage is what a provider bills one call for, in tokens.
type Usage struct {
	Prompt       int64 `json:"prompt"`           // cached tokens included, as OpenAI reports them
	CachedPrompt int64 `json:"cached,omitempty"` // the part of Prompt that was served from the provider's cache
	Completion   int64 `json:"completion"`       // reasoning tokens included
}
