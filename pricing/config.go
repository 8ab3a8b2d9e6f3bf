package pricing

import "errors"

// PriceConfig is a price as somebody writes it down. Amounts are decimals in
// quotes, such as "2.50", and are read exactly. An explicit "0" is a price:
// free of charge; an empty one is missing.
type PriceConfig struct {
	// USD per 1M prompt tokens. Required.
	Prompt string `yaml:"prompt_per_1m" json:"prompt_per_1m"`
	// USD per 1M prompt tokens that the provider's cache served. Empty: the
	// prompt price. It must not exceed the prompt price.
	CachedPrompt string `yaml:"cached_prompt_per_1m,omitempty" json:"cached_prompt_per_1m,omitempty"`
	// USD per 1M completion tokens, reasoning included. Required.
	Completion string `yaml:"completion_per_1m" json:"completion_per_1m"`
	// USD for every request, beside its tokens. Empty: nothing.
	PerRequest string `yaml:"per_request,omitempty" json:"per_request,omitempty"`
}

// Validate reports every fault with its path relative to c.
func (c PriceConfig) Validate(fault func(path, format string, args ...any)) {
	c.read(fault)
}

// Price reads c. Its error joins every fault that Validate reports.
func (c PriceConfig) Price() (Price, error) {
	var faults faultList
	p := c.read(faults.add)
	if len(faults) > 0 {
		return Price{}, errors.Join(faults...)
	}
	return p, nil
}

// read parses c and reports its faults; what it returns beside a fault is of no use.
func (c PriceConfig) read(fault func(path, format string, args ...any)) Price {
	var p Price
	rate := func(path, text string) (r Rate, ok bool) {
		r, err := ParseRate(text)
		if err != nil {
			fault(path, "%v", err)
		}
		return r, err == nil
	}
	var promptOK bool
	if c.Prompt == "" {
		fault("prompt_per_1m", "missing: a price needs prompt_per_1m and completion_per_1m, \"0\" for free")
	} else {
		p.Prompt, promptOK = rate("prompt_per_1m", c.Prompt)
	}
	p.CachedPrompt = p.Prompt
	if c.CachedPrompt != "" {
		cached, ok := rate("cached_prompt_per_1m", c.CachedPrompt)
		if ok && promptOK && cached > p.Prompt {
			fault("cached_prompt_per_1m", "must not exceed prompt_per_1m, got %q above %q", c.CachedPrompt, c.Prompt)
		}
		p.CachedPrompt = cached
	}
	if c.Completion == "" {
		fault("completion_per_1m", "missing: a price needs prompt_per_1m and completion_per_1m, \"0\" for free")
	} else {
		p.Completion, _ = rate("completion_per_1m", c.Completion)
	}
	if c.PerRequest != "" {
		perRequest, err := ParseUSD(c.PerRequest)
		switch {
		case err != nil:
			fault("per_request", "%v", err)
		case perRequest < 0:
			fault("per_request", "must not be negative, got %q", c.PerRequest)
		}
		p.PerRequest = perRequest
	}
	return p
}
