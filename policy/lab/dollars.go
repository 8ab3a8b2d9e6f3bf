package lab

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/drover-llm/drover/pricing"
)

// Dollars is an amount that is a JSON number, exact to its last digit.
type Dollars pricing.USD

// MarshalJSONTo writes the exact decimal.
func (d Dollars) MarshalJSONTo(e *jsontext.Encoder) error {
	return e.WriteValue(jsontext.Value(pricing.USD(d).String()))
}

// UnmarshalJSONFrom reads a plain decimal.
func (d *Dollars) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	v, err := in.ReadValue()
	if err != nil {
		return err
	}
	u, err := pricing.ParseUSD(string(v))
	*d = Dollars(u)
	return err
}
