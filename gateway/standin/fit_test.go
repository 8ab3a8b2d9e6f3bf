package standin

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestFitMakesValuesThatFit(t *testing.T) {
	for _, schema := range []string{
		`{"type":"object","properties":{"colour":{"type":"string"}},"required":["colour"],"additionalProperties":false}`,
		`{"type":"object","properties":{"a":{"type":"integer","minimum":3},"b":{"type":"number","exclusiveMinimum":0.5,"maximum":0.75},"c":{"type":["null","string"]}},"required":["a","b","c"]}`,
		`{"type":"integer","multipleOf":7,"minimum":15}`,
		`{"type":"integer","exclusiveMinimum":4,"maximum":5}`,
		`{"type":"integer","maximum":-3}`,
		`{"type":"array","items":{"type":"boolean"},"minItems":2}`,
		`{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false,"minItems":2}`,
		`{"enum":["x","y"]}`,
		`{"const":{"deep":[1,2]}}`,
		`{"anyOf":[{"type":"object","properties":{"self":{"$ref":"#"}},"required":["self"]},{"type":"null"}]}`,
		`{"$defs":{"node":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["next"]}},"$ref":"#/$defs/node"}`,
		`{"$defs":{"a/b":{"type":"integer"}},"$ref":"#/$defs/a~1b"}`,
		`{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"integer"}},"required":["b"]}]}`,
		`{"oneOf":[{"type":"string","maxLength":2},{"type":"integer"}]}`,
		`{"type":"string","minLength":40}`,
		`{"type":"string","pattern":"^[A-Z]{3}-\\d+(x|y)?$"}`,
		`{"type":"string","format":"date-time"}`,
		`{"type":"string","format":"uuid"}`,
		`{"type":"string","format":"ipv6"}`,
		`{"type":"object","required":["unlisted"]}`,
		`{}`,
	} {
		value := fit(jsontext.Value(schema))
		if err := validate(schema, value); err != nil {
			t.Errorf("%s does not fit %s: %v", value, schema, err)
		}
	}
}

func validate(schema string, value []byte) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		return err
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	return compiled.Validate(v)
}

func TestJSONIsAnsweredWhereItIsAskedFor(t *testing.T) {
	s := start(t, Config{})
	for _, format := range []string{
		`{"type":"json_object"}`,
		`{"type":"json_schema","json_schema":{"name":"c","strict":true,"schema":{"type":"object","properties":{"colour":{"type":"string"}},"required":["colour"],"additionalProperties":false}}}`,
	} {
		v := decode(t, post(t, s, "/chat/completions", `{"model":"m",`+hello+`,"response_format":`+format+`}`).body)
		decode(t, []byte(at(t, v, "choices", 0, "message", "content").(string)))
	}
}

// FuzzFit feeds schemas of strangers: any bytes give some JSON, in bounded time.
func FuzzFit(f *testing.F) {
	for _, s := range []string{`{}`, `true`, `{"$ref":"#"}`, `{"allOf":[1,{"$ref":"#/x"}],"properties":3}`, `{"type":"string","pattern":"((a{9}){9}){9}"}`,
		`{"type":"array","minItems":1e9,"items":{"type":"null"}}`, `{"type":"string","minLength":1e18}`, `{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}`,
		`{"type":"object","required":["a","b"],"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}}}`, `{"type":"number","multipleOf":1e-300,"minimum":1e300}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		if value := fit(schema); !value.IsValid() {
			t.Fatalf("fit(%q) = %q, which is no JSON", schema, value)
		}
	})
}

// FuzzServer sends any bytes to the endpoints: each gets a reply, none a panic.
func FuzzServer(f *testing.F) {
	for _, s := range []string{
		chatBody("m", ""), chatBody("m", `,"stream":true,"n":2`), chatBody("fault-llama", `,"stream":true,`+tools), `{"model":"m","input":"x","stream":true}`,
		`{"model":"m","prompt":[1,2],"echo":true}`, `{"model":"m","input":[[1],"a"]}`, `{"model":"m","messages":[null]}`, `{"model":"m","tools":[null],"tool_choice":{}}`,
		`{"model":"m","input":[{"content":[{}]}],"tool_choice":"required","tools":[{}]}`, "\xff", `{"model":"\ud800"}`,
	} {
		f.Add(s)
	}
	s := start(f, Config{Huge: 1000, Slow: 1, Models: map[string]Script{"m": {}, "fault-llama": {Faults: []Fault{LlamaDeltas}}}})
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/chat/completions", "/completions", "/embeddings", "/responses"} {
			if r := post(t, s, path, body); r.err != nil && !strings.Contains(body, "fault-") {
				t.Fatalf("%s %q: %v", path, body, r.err)
			}
		}
	})
}
