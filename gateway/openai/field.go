package openai

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// field says what a known member of a request may be.
type field struct {
	kinds    string  // leading characters of the JSON kinds allowed: { [ " 0 t
	integer  bool    // a number must be whole
	min, max float64 // of a number, when max > min
	empty    bool    // an empty string is allowed
}

// chatFields are the members of a chat request that Drover checks itself,
// because it prices them, acts on them, or because hosts of Llama models let
// pass what OpenAI refuses. Ranges are those of OpenAI's API reference. Members
// that are not named here travel on as they are.
var chatFields = map[string]field{
	"model":                 {kinds: `"`},
	"messages":              {kinds: `[`},
	"stream":                {kinds: `t`},
	"stream_options":        {kinds: `{`},
	"n":                     {kinds: `0`, integer: true, min: 1, max: 128},
	"max_tokens":            {kinds: `0`, integer: true, min: 1, max: 1 << 31},
	"max_completion_tokens": {kinds: `0`, integer: true, min: 1, max: 1 << 31},
	"temperature":           {kinds: `0`, min: 0, max: 2},
	"top_p":                 {kinds: `0`, min: 0, max: 1},
	"presence_penalty":      {kinds: `0`, min: -2, max: 2},
	"frequency_penalty":     {kinds: `0`, min: -2, max: 2},
	"logprobs":              {kinds: `t`},
	"top_logprobs":          {kinds: `0`, integer: true, min: 0, max: 20},
	"seed":                  {kinds: `0`, integer: true},
	"stop":                  {kinds: `"[`, empty: true},
	"tools":                 {kinds: `[`},
	"tool_choice":           {kinds: `"{`},
	"parallel_tool_calls":   {kinds: `t`},
	"response_format":       {kinds: `{`},
	"logit_bias":            {kinds: `{`},
	"metadata":              {kinds: `{`},
	"store":                 {kinds: `t`},
	"user":                  {kinds: `"`, empty: true},
	"safety_identifier":     {kinds: `"`, empty: true},
	"prompt_cache_key":      {kinds: `"`, empty: true},
	"service_tier":          {kinds: `"`},
	"reasoning_effort":      {kinds: `"`},
	"verbosity":             {kinds: `"`},
	"modalities":            {kinds: `[`},
	"audio":                 {kinds: `{`},
	"prediction":            {kinds: `{`},
	"verify":                {kinds: `"{[0t`, empty: true}, // Drover's own: only its spelling is checked here
}

// check reports the first thing that is wrong with the value, which is not
// null, and returns it when it is a number.
func (f field) check(name string, v jsontext.Value) (float64, error) {
	kind := v.Kind()
	if kind == 'f' {
		kind = 't'
	}
	if !bytes.ContainsRune([]byte(f.kinds), rune(kind)) {
		return 0, invalid("invalid_type", name, "%s must be %s, got %s", name, f.allowed(), KindName(kind))
	}
	switch {
	case kind == '"' && !f.empty && len(v) == 2:
		return 0, invalid("invalid_value", name, "%s must not be empty", name)
	case kind != '0':
		return 0, nil
	}
	x, err := strconv.ParseFloat(string(v), 64)
	switch {
	case err != nil:
		return 0, invalid("invalid_value", name, "%s is out of range: %.40s", name, v)
	case f.integer && x != float64(int64(x)):
		return 0, invalid("invalid_type", name, "%s must be a whole number, got %.40s", name, v)
	case f.max > f.min && (x < f.min || x > f.max):
		return 0, invalid("invalid_value", name, "%s must be between %.10g and %.10g, got %.40s", name, f.min, f.max, v)
	}
	return x, nil
}

func (f field) allowed() string {
	var text string
	for i, k := range f.kinds {
		if i > 0 {
			text += " or "
		}
		text += KindName(jsontext.Kind(k))
	}
	return text
}

// checkSpelling refuses a name that differs from a known one by its case only.
// Some hosts read Model as model: they would run, and bill, what Drover neither
// checked nor priced.
func checkSpelling(fields map[string]field, name string) error {
	for known := range fields {
		if strings.EqualFold(name, known) {
			return invalid("invalid_value", name, "unknown parameter %q; write %s", name, known)
		}
	}
	return nil
}
