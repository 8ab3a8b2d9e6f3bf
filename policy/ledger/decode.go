package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

// decodeOptions are those of a package that decodes in half the time of
// encoding/json. They accept all that encoding/json writes: durations in nanoseconds,
// and twice the same name where two names of a map differed in invalid UTF-8
// only, which it replaces.
var decodeOptions = json2.JoinOptions(jsonv1.FormatDurationAsNano(true), jsontext.AllowDuplicateNames(true))

// decode reads the JSON of record seq into v, which is empty and shares nothing with
// text. What encode wrote by hand is read by hand, in less than half the time: a ledger
// is little else. A test holds the two ways to the same values.
func decode(seq uint64, text []byte, v any) error {
	switch v := v.(type) {
	case *policy.Hold:
		if r := (reader{all: string(text)}); r.hold(v) {
			return nil
		}
		*v = policy.Hold{}
	case *policy.Outcome:
		if r := (reader{all: string(text)}); r.outcome(v) {
			return nil
		}
		*v = policy.Outcome{}
	}
	if err := json2.Unmarshal(text, v, decodeOptions); err != nil {
		return fmt.Errorf("record %d: %w (%w)", seq, errDamaged, err)
	}
	return nil
}

// reader reads what encode writes, field by field in its order. Whatever it does not
// expect sets failed, and is left to a JSON package. The values share the text.
type reader struct {
	all    string
	at     int // where it is
	failed bool
}

func (r *reader) rest() string { return r.all[r.at:] }

func (r *reader) hold(h *policy.Hold) (known bool) {
	h.ID = r.text(`{"id":`)
	h.At = r.time(`,"at":`)
	h.Account = r.account()
	h.Route = r.maybe(`,"route":`)
	h.Ceiling = r.usd(`,"ceiling":`)
	for open := `,"budgets":[`; r.skip(open); open = `,` {
		h.Budgets = append(h.Budgets, r.string())
	}
	if h.Budgets != nil {
		r.expect(`]`)
	}
	return r.ends()
}

func (r *reader) outcome(o *policy.Outcome) (known bool) {
	o.ID = r.text(`{"id":`)
	o.At = r.time(`,"at":`)
	o.Account = r.account()
	o.Requested = r.text(`,"requested":`)
	o.Route = r.maybe(`,"route":`)
	o.Model = r.maybe(`,"model":`)
	o.Reason = r.text(`,"reason":`)
	o.Way = r.text(`,"way":`)
	o.Stop = r.maybe(`,"stop":`)
	o.Stream = r.skip(`,"stream":true`)
	for open := `,"calls":[`; !r.failed && r.skip(open); open = `,` {
		o.Calls = append(o.Calls, r.call())
	}
	if o.Calls != nil {
		r.expect(`]`)
	}
	o.Cost = r.usd(`,"cost":`)
	if strings.HasPrefix(r.rest(), `,"baseline":"`) {
		o.Baseline = r.usd(`,"baseline":`)
	}
	o.Status = int(r.int(`,"status":`))
	o.Error = r.maybe(`,"error":`)
	o.Took = time.Duration(r.int(`,"took":`))
	o.Tags = r.strings(`,"tags":`)
	o.Prices = r.text(`,"prices":`)
	o.Policy = r.maybe(`,"policy":`)
	o.Versions = r.strings(`,"versions":`)
	return r.ends()
}

func (r *reader) call() (c policy.Call) {
	c.Model = r.text(`{"model":`)
	c.Provider = r.text(`,"provider":`)
	c.Usage.Prompt = r.int(`,"usage":{"prompt":`)
	if strings.HasPrefix(r.rest(), `,"cached_prompt":`) {
		c.Usage.CachedPrompt = r.int(`,"cached_prompt":`)
	}
	c.Usage.Completion = r.int(`,"completion":`)
	r.expect(`}`)
	c.Counted = r.skip(`,"counted":true`)
	c.Cost = r.usd(`,"cost":`)
	if strings.HasPrefix(r.rest(), `,"most":"`) {
		c.Most = r.usd(`,"most":`)
	}
	if strings.HasPrefix(r.rest(), `,"status":`) {
		c.Status = int(r.int(`,"status":`))
	}
	c.Tries = int(r.int(`,"tries":`))
	c.Finish = r.maybe(`,"finish":`)
	c.Error = r.maybe(`,"error":`)
	c.Took = time.Duration(r.int(`,"took":`))
	r.expect(`}`)
	return c
}

func (r *reader) account() (a policy.Account) {
	a.Key = r.text(`,"account":{"key":`)
	a.Team = r.maybe(`,"team":`)
	r.expect(`}`)
	return a
}

// skip reports whether what comes is word, and goes on behind it.
func (r *reader) skip(word string) bool {
	if !strings.HasPrefix(r.rest(), word) {
		return false
	}
	r.at += len(word)
	return true
}

func (r *reader) expect(word string) {
	if !r.skip(word) {
		r.failed = true
	}
}

// ends reports whether all was as expected.
func (r *reader) ends() bool { return r.rest() == `}` && !r.failed }

// string reads a JSON string.
func (r *reader) string() string {
	if !r.skip(`"`) {
		r.failed = true
		return ""
	}
	begin := r.at
	for i := begin; i < len(r.all); i++ {
		switch c := r.all[i]; {
		case c == '"':
			r.at = i + 1
			return r.all[begin:i]
		case c == '\\' || c < ' ' || c > '~':
			return r.escaped(i)
		}
	}
	r.failed = true
	return ""
}

// escaped reads a string that is more than plain characters from at on; its first
// quote is read already.
func (r *reader) escaped(at int) (s string) {
	for i := at; i < len(r.all); i++ {
		switch r.all[i] {
		case '\\':
			i++
		case '"':
			if json2.Unmarshal([]byte(r.all[r.at-1:i+1]), &s) != nil {
				r.failed = true
			}
			r.at = i + 1
			return s
		}
	}
	r.failed = true
	return ""
}

func (r *reader) text(name string) string {
	r.expect(name)
	return r.string()
}

// maybe reads a string that is left out when it is empty.
func (r *reader) maybe(name string) string {
	if !r.skip(name) {
		return ""
	}
	return r.string()
}

func (r *reader) int(name string) int64 {
	r.expect(name)
	begin := r.at
	for r.at < len(r.all) && (r.all[r.at] == '-' || r.all[r.at] >= '0' && r.all[r.at] <= '9') {
		r.at++
	}
	digits := r.all[begin:r.at]
	n, err := strconv.ParseInt(digits, 10, 64)
	if unsigned := strings.TrimPrefix(digits, "-"); err != nil || unsigned[0] == '0' && digits != "0" {
		r.failed = true
	}
	return n
}

func (r *reader) usd(name string) *pricing.USD {
	r.expect(name)
	if r.skip(`null`) {
		return nil
	}
	u, err := pricing.ParseUSD(r.string())
	if err != nil {
		r.failed = true
	}
	return &u
}

// time reads a time in UTC. Go's time package takes more than RFC 3339 (an hour of
// one digit, a comma), and a JSON package is to say so.
func (r *reader) time(name string) (t time.Time) {
	text := r.text(name)
	const least = len("2006-01-02T15:04:05Z")
	if len(text) < least || text[len("2006-01-02T15")] != ':' || text[len(text)-1] != 'Z' || strings.Contains(text, ",") || t.UnmarshalText([]byte(text)) != nil {
		r.failed = true
	}
	return t
}

// strings reads a map that is left out when it is empty.
func (r *reader) strings(name string) map[string]string {
	if !r.skip(name) {
		return nil
	}
	m := map[string]string{}
	for open := `{`; !r.failed && r.skip(open); open = `,` {
		key := r.string()
		m[key] = r.text(`:`)
	}
	r.expect(`}`)
	return m
}
