package configs

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// The README's configuration has every key of the schema and none besides, so
// that what users read stays true.
func TestReadmeShowsEveryKey(t *testing.T) {
	text := readmeConfiguration(t)
	if _, err := Parse("README.md", text, secrets); err != nil {
		t.Errorf("the README's configuration:\n%v", err)
	}
	var shown any
	if err := yaml.Unmarshal(text, &shown); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("drover.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var known schemaNode
	if err := json.Unmarshal(schema, &known); err != nil {
		t.Fatal(err)
	}
	count := 0
	for path, values := range known.keys("", []any{shown}) {
		count++
		if len(values) == 0 {
			t.Errorf("README.md does not show %s", path)
		}
	}
	if count < 80 {
		t.Errorf("only %d keys were looked for", count)
	}
}

// readmeConfiguration is the first YAML block of the section that explains the
// configuration.
func readmeConfiguration(t *testing.T) []byte {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## The configuration\n")
	_, block, _ := strings.Cut(section, "\n```yaml\n")
	block, _, found := strings.Cut(block, "\n```\n")
	if !found {
		t.Fatal("README.md has no YAML block in the section \"The configuration\"")
	}
	return []byte(block)
}

// schemaNode is as much of a JSON schema as tells the keys of a file.
type schemaNode struct {
	Properties map[string]*schemaNode `json:"properties"`
	Additional json.RawMessage        `json:"additionalProperties"`
	Items      *schemaNode            `json:"items"`
}

// keys are the paths of all keys below a node, each with the values that it has
// in these documents.
func (s *schemaNode) keys(path string, documents []any) map[string][]any {
	all := map[string][]any{}
	below := func(node *schemaNode, path string, values []any) {
		for path, values := range node.keys(path, values) {
			all[path] = values
		}
	}
	for name, node := range s.Properties {
		values := each(documents, func(key string) bool { return key == name })
		all[path+name] = values
		below(node, path+name+".", values)
	}
	var named schemaNode
	if json.Unmarshal(s.Additional, &named) == nil && (named.Properties != nil || named.Additional != nil) {
		below(&named, path+"*.", each(documents, func(string) bool { return true }))
	}
	if s.Items != nil {
		var items []any
		for _, d := range documents {
			if list, ok := d.([]any); ok {
				items = append(items, list...)
			}
		}
		below(s.Items, path+"[].", items)
	}
	return all
}

// each are the values of the documents' keys that are wanted.
func each(documents []any, wanted func(key string) bool) (values []any) {
	for _, d := range documents {
		switch d := d.(type) {
		case map[string]any:
			for key, v := range d {
				if wanted(key) {
					values = append(values, v)
				}
			}
		case map[any]any:
			for key, v := range d {
				if name, ok := key.(string); ok && wanted(name) {
					values = append(values, v)
				}
			}
		}
	}
	return slices.Clip(values)
}
