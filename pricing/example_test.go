package pricing_test

import (
	"errors"
	"fmt"

	"github.com/drover-llm/drover/pricing"
)

func Example() {
	price, err := pricing.PriceConfig{Prompt: "2.50", CachedPrompt: "1.25", Completion: "10.00"}.Price()
	if err != nil {
		fmt.Println(err)
		return
	}
	table, err := pricing.NewTable(map[string]pricing.Price{"gpt-4o": price})
	if err != nil {
		fmt.Println(err)
		return
	}

	// OpenAI counts cached tokens as prompt tokens too.
	cost, err := table.Cost("gpt-4o", pricing.Usage{Prompt: 1800, CachedPrompt: 1024, Completion: 220})
	fmt.Println(cost, err)

	_, err = table.Cost("gpt-5", pricing.Usage{Prompt: 1800})
	fmt.Println(errors.Is(err, pricing.ErrUnknownModel))
	// Output:
	// 0.00542 <nil>
	// true
}
