package standin

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds for schemas that ask for too much: how deep to descend into one that
// refers to itself, how many of its parts to look at, and how long texts and
// arrays get. Beyond them a schema counts as one that nothing fits.
const (
	maxFitDepth  = 32
	maxFitSteps  = 10_000
	maxFitItems  = 1_000
	maxFitLength = 100_000
)

// fit returns a small JSON value that fits a JSON schema, as far as the schema
// uses what structured outputs allow: types, properties, items, enum, const,
// anyOf, oneOf, allOf, $ref, bounds, formats and simple patterns. Where it
// cannot, it returns an object that says it is simulated.
func fit(schema jsontext.Value) jsontext.Value {
	var root any
	if len(schema) > 0 && json.Unmarshal(schema, &root) == nil {
		f := fitter{root: root, steps: maxFitSteps}
		if v, ok := f.value(root, maxFitDepth); ok {
			return encode(v)
		}
	}
	return jsontext.Value(`{"simulated":true}`)
}

type fitter struct {
	root  any
	steps int // left
}

// value returns a value that fits a schema, false where there is none within depth.
func (f *fitter) value(schema any, depth int) (any, bool) {
	s, ok := schema.(map[string]any)
	if f.steps--; f.steps < 0 || depth <= 0 {
		return nil, false
	}
	if !ok { // true, false, or nonsense
		return "simulated", schema == true
	}
	if ref, ok := s["$ref"].(string); ok {
		target, ok := f.resolve(ref)
		if !ok {
			return nil, false
		}
		return f.value(target, depth-1)
	}
	if v, ok := s["const"]; ok {
		return v, true
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return list[0], true
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if list, ok := s[key].([]any); ok {
			for _, one := range list {
				part, _ := one.(map[string]any)
				if v, ok := f.value(merge(s, part, key), depth-1); ok {
					return v, true
				}
			}
			return nil, false
		}
	}
	if list, ok := s["allOf"].([]any); ok {
		merged := without(s, "allOf")
		for _, one := range list {
			part, _ := one.(map[string]any)
			if ref, ok := part["$ref"].(string); ok {
				target, _ := f.resolve(ref)
				if part, ok = target.(map[string]any); !ok {
					return nil, false
				}
			}
			merged = merge(merged, part, "")
		}
		return f.value(merged, depth-1)
	}
	switch typeOf(s) {
	case "object":
		return f.object(s, depth)
	case "array":
		return f.array(s, depth)
	case "string":
		return text(s)
	case "integer":
		return number(s, 1)
	case "number":
		return number(s, 0)
	case "boolean":
		return true, true
	case "null":
		return nil, true
	}
	return "simulated", true
}

func (f *fitter) object(s map[string]any, depth int) (any, bool) {
	properties, _ := s["properties"].(map[string]any)
	out := map[string]any{}
	names, _ := s["required"].([]any)
	for _, name := range names {
		key, _ := name.(string)
		property, listed := properties[key]
		if !listed {
			property = true
		}
		v, ok := f.value(property, depth-1)
		if !ok {
			return nil, false
		}
		out[key] = v
	}
	return out, true
}

func (f *fitter) array(s map[string]any, depth int) (any, bool) {
	out := []any{}
	prefix, _ := s["prefixItems"].([]any)
	items, limited := s["items"]
	if !limited {
		items = true
	}
	least := bound(s, "minItems", 0)
	if least > maxFitItems {
		return nil, false
	}
	for i := range int(least) {
		item := items
		if i < len(prefix) {
			item = prefix[i]
		}
		v, ok := f.value(item, depth-1)
		if !ok {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

// resolve follows a reference within the schema: "#/$defs/name".
func (f *fitter) resolve(ref string) (any, bool) {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, false
	}
	at := f.root
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if part == "" {
			continue
		}
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if at, ok = m[part]; !ok {
			return nil, false
		}
	}
	return at, true
}

// typeOf is the type that a schema asks for, the first of several.
func typeOf(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		if len(t) > 0 {
			name, _ := t[0].(string)
			return name
		}
	}
	for _, implied := range [...]struct{ key, name string }{{"properties", "object"}, {"required", "object"}, {"items", "array"}, {"pattern", "string"}, {"minimum", "number"}} {
		if _, ok := s[implied.key]; ok {
			return implied.name
		}
	}
	return ""
}

// merge joins two schemas that both have to hold; of the first, key is left out.
func merge(a, b map[string]any, key string) map[string]any {
	out := without(a, key)
	for k, v := range b {
		switch k {
		case "properties":
			both := map[string]any{}
			for _, properties := range []any{v, out[k]} {
				m, _ := properties.(map[string]any)
				maps.Copy(both, m)
			}
			out[k] = both
		case "required":
			first, _ := out[k].([]any)
			second, _ := v.([]any)
			out[k] = slices.Concat(first, second)
		default:
			out[k] = v
		}
	}
	return out
}

func without(m map[string]any, key string) map[string]any {
	out := maps.Clone(m)
	delete(out, key)
	return out
}

func bound(s map[string]any, key string, otherwise float64) float64 {
	if v, ok := s[key].(float64); ok {
		return v
	}
	return otherwise
}

// anyObject is the schema of a JSON object without further demands.
var anyObject = jsontext.Value(`{"type":"object"}`)
