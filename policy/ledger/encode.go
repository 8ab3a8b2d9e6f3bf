package ledger

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// encode appends the JSON of v, as encoding/json writes it. Holds and the outcomes
// of plain requests are written by hand, in a third of the time: they are most of
// what a gateway journals. Whatever else there is, and a field that is not known
// here, goes to encoding/json; a test holds the two to the same bytes.
func encode(b []byte, v any) ([]byte, error) {
	var known bool
	at := len(b)
	switch v := v.(type) {
	case *policy.Hold:
		b, known = appendHold(b, v)
	case *policy.Outcome:
		b, known = appendOutcome(b, v)
	}
	if known {
		return b, nil
	}
	text, err := json.Marshal(v)
	return append(b[:at], text...), err
}

func appendHold(b []byte, h *policy.Hold) (_ []byte, known bool) {
	b, known = appendTime(append(appendString(append(b, `{"id":`...), h.ID), `,"at":`...), h.At)
	b = appendAccount(append(b, `,"account":`...), h.Account)
	b = appendNonEmpty(b, `,"route":`, h.Route)
	b = appendUSD(append(b, `,"ceiling":`...), h.Ceiling)
	for i, name := range h.Budgets {
		b = append(b, [...]string{`,"budgets":[`, `,`}[min(i, 1)]...)
		b = appendString(b, name)
	}
	if len(h.Budgets) > 0 {
		b = append(b, ']')
	}
	return append(b, '}'), known
}

func appendOutcome(b []byte, o *policy.Outcome) (_ []byte, known bool) {
	if o.Task != nil || len(o.Samples) > 0 || o.Features != nil || o.Plan != nil || len(o.Chances) > 0 || o.Audit {
		return b, false // it cost far more than its encoding
	}
	b, known = appendTime(append(appendString(append(b, `{"id":`...), o.ID), `,"at":`...), o.At)
	b = appendAccount(append(b, `,"account":`...), o.Account)
	b = appendString(append(b, `,"requested":`...), o.Requested)
	b = appendNonEmpty(b, `,"route":`, o.Route)
	b = appendNonEmpty(b, `,"model":`, o.Model)
	b = appendString(append(b, `,"reason":`...), o.Reason)
	b = appendString(append(b, `,"way":`...), o.Way)
	b = appendNonEmpty(b, `,"stop":`, o.Stop)
	if o.Stream {
		b = append(b, `,"stream":true`...)
	}
	for i := range o.Calls {
		b = append(b, [...]string{`,"calls":[`, `,`}[min(i, 1)]...)
		b = appendCall(b, &o.Calls[i])
	}
	if len(o.Calls) > 0 {
		b = append(b, ']')
	}
	b = appendUSD(append(b, `,"cost":`...), o.Cost)
	if o.Baseline != nil {
		b = appendUSD(append(b, `,"baseline":`...), o.Baseline)
	}
	b = appendInt(b, `,"status":`, int64(o.Status))
	b = appendNonEmpty(b, `,"error":`, o.Error)
	b = appendInt(b, `,"took":`, int64(o.Took))
	b = appendMap(b, `,"tags":`, o.Tags)
	b = appendString(append(b, `,"prices":`...), o.Prices)
	b = appendNonEmpty(b, `,"policy":`, o.Policy)
	b = appendMap(b, `,"versions":`, o.Versions)
	return append(b, '}'), known
}

func appendCall(b []byte, c *policy.Call) []byte {
	b = appendString(append(b, `{"model":`...), c.Model)
	b = appendString(append(b, `,"provider":`...), c.Provider)
	b = appendUsage(append(b, `,"usage":`...), c.Usage)
	if c.Counted {
		b = append(b, `,"counted":true`...)
	}
	b = appendUSD(append(b, `,"cost":`...), c.Cost)
	if c.Most != nil {
		b = appendUSD(append(b, `,"most":`...), c.Most)
	}
	if c.Status != 0 {
		b = appendInt(b, `,"status":`, int64(c.Status))
	}
	b = appendInt(b, `,"tries":`, int64(c.Tries))
	b = appendNonEmpty(b, `,"finish":`, c.Finish)
	b = appendNonEmpty(b, `,"error":`, c.Error)
	return append(appendInt(b, `,"took":`, int64(c.Took)), '}')
}

func appendUsage(b []byte, u pricing.Usage) []byte {
	b = appendInt(b, `{"prompt":`, u.Prompt)
	if u.CachedPrompt != 0 {
		b = appendInt(b, `,"cached_prompt":`, u.CachedPrompt)
	}
	return append(appendInt(b, `,"completion":`, u.Completion), '}')
}

func appendAccount(b []byte, a policy.Account) []byte {
	b = appendString(append(b, `{"key":`...), a.Key)
	return append(appendNonEmpty(b, `,"team":`, a.Team), '}')
}

func appendMap(b []byte, name string, m map[string]string) []byte {
	if len(m) == 0 {
		return b
	}
	b = append(b, name...)
	var few [8]string
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		b = append(b, `{,`[min(i, 1)])
		b = appendString(append(appendString(b, key), ':'), m[key])
	}
	return append(b, '}')
}

func appendNonEmpty(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, name...), s)
}

func appendInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

func appendUSD(b []byte, u *pricing.USD) []byte {
	if u == nil {
		return append(b, `null`...)
	}
	if *u < 0 {
		return append(append(append(b, '"'), u.String()...), '"')
	}
	b = strconv.AppendInt(append(b, '"'), int64(*u/pricing.Dollar), 10)
	if part := *u % pricing.Dollar; part > 0 {
		b = append(b, '.')
		for digit := pricing.Dollar / 10; part > 0; digit /= 10 {
			b, part = append(b, '0'+byte(part/digit)), part%digit
		}
	}
	return append(b, '"')
}

// appendTime does not know years that RFC 3339 has no room for.
func appendTime(b []byte, t time.Time) (_ []byte, known bool) {
	if y := t.Year(); y < 0 || y > 9999 || t.Location() != time.UTC {
		return b, false
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"'), true
}

// appendString leaves what has to be escaped to encoding/json, but for the signs of HTML.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from, begin := 0, len(b)-1
	for i := range len(s) {
		switch c := s[i]; signs[c] {
		case plain:
		case html:
			b = append(append(b, s[from:i]...), '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			from = i + 1
		default:
			text, _ := json.Marshal(s) // a string always has one
			return append(b[:begin], text...)
		}
	}
	return append(append(b, s[from:]...), '"')
}

const hexDigits = "0123456789abcdef"

// Kinds of bytes in a string.
const (
	plain byte = iota
	html
	other
)

var signs = func() (kinds [256]byte) {
	for c := range kinds {
		switch {
		case c == '<' || c == '>' || c == '&':
			kinds[c] = html
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			kinds[c] = other
		}
	}
	return kinds
}()
