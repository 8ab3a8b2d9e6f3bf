package lab

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Milliseconds is a duration that is a JSON number of milliseconds, to the
// microsecond.
type Milliseconds time.Duration

// MarshalJSONTo writes the number.
func (m Milliseconds) MarshalJSONTo(e *jsontext.Encoder) error {
	return e.WriteValue(strconv.AppendFloat(nil, m.float(), 'f', -1, 64))
}

// UnmarshalJSONFrom reads the number.
func (m *Milliseconds) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var f float64
	err := json.UnmarshalDecode(d, &f)
	*m = Milliseconds(f * float64(time.Millisecond))
	return err
}

func (m Milliseconds) float() float64 { return float64(time.Duration(m).Microseconds()) / 1000 }
