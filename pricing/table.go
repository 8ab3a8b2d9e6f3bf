package pricing

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrUnknownModel says that a table has no price for a model. It is never
// answered with zero: where a budget applies the call is refused, elsewhere its
// cost is unknown.
var ErrUnknownModel = errors.New("no price known")

// Table holds the prices of a configuration by the model's name in it. It never
// changes once made, so that a decision and its bill are made of the same
// prices. The zero value knows no model.
type Table struct {
	prices  map[string]Price
	version string
}

// NewTable makes a table of prices, which it copies. A negative price and a
// cached price above the prompt price are errors.
func NewTable(prices map[string]Price) (Table, error) {
	for _, model := range slices.Sorted(maps.Keys(prices)) {
		if err := prices[model].check(); err != nil {
			return Table{}, fmt.Errorf("pricing model %q: %w", model, err)
		}
	}
	t := Table{prices: maps.Clone(prices)}
	t.version = t.digest()
	return t, nil
}

// Price returns what model asks, and whether the table knows it.
func (t Table) Price(model string) (Price, bool) {
	p, ok := t.prices[model]
	return p, ok
}

// Cost returns what u costs at model's price, as Price.Cost does, or
// ErrUnknownModel.
func (t Table) Cost(model string, u Usage) (USD, error) {
	p, ok := t.prices[model]
	if !ok {
		return 0, fmt.Errorf("pricing model %q: %w", model, ErrUnknownModel)
	}
	cost, err := p.Cost(u)
	if err != nil {
		return 0, fmt.Errorf("pricing model %q: %w", model, err)
	}
	return cost, nil
}

// Models returns the names that have a price, sorted.
func (t Table) Models() []string { return slices.Sorted(maps.Keys(t.prices)) }

// Version identifies the table's content: equal tables have equal versions, so
// that an outcome can say which prices it was billed at. 12 hex digits.
func (t Table) Version() string {
	if t.version == "" {
		return t.digest()
	}
	return t.version
}

// digest hashes names and integers, not their notation, so that "2.5" and
// "2.50" are the same price.
func (t Table) digest() string {
	h := sha256.New()
	for _, model := range t.Models() {
		p := t.prices[model]
		fmt.Fprintf(h, "%q %d %d %d %d\n", model, p.Prompt, p.CachedPrompt, p.Completion, p.PerRequest)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
