package configs

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/pricing"
)

var update = flag.Bool("update", false, "write drover.schema.json anew from the Go types")

// generateSchema is the only maker of drover.schema.json:
// go test ./configs -run Schema -update.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	text := func(pattern, description string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern, Description: description}
	}
	reference := text(`\$\{`, "")
	r := jsonschema.Reflector{
		Anonymous:                  true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		DoNotReference:             true,
		Mapper: func(typ reflect.Type) *jsonschema.Schema {
			switch {
			case typ == reflect.TypeFor[time.Duration]():
				return text(`^[0-9.]+(ns|us|µs|ms|s|m|h|d)([0-9.]+(ns|us|µs|ms|s|m|h))*$|\$\{`, "a duration such as 30s or 5m")
			case typ == reflect.TypeFor[pricing.USD]():
				return text(`^[0-9.]+$|\$\{`, "dollars, such as \"0.05\"")
			case typ == reflect.TypeFor[sandbox.Bytes]():
				return text(`^[0-9]+ ?([KMG]i?)?B?$|\$\{`, "a size such as 512MB")
			case typ.Kind() == reflect.Int || typ.Kind() == reflect.Int64:
				return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer"}, reference}}
			case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.String:
				return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
			}
			return nil
		},
	}
	for pkg, path := range map[string]string{
		"configs": ".", "pricing": "../pricing", "policy": "../policy", "policy/ledger": "../policy/ledger",
		"gateway": "../gateway", "gateway/admin": "../gateway/admin", "gateway/upstream": "../gateway/upstream", "gateway/sandbox": "../gateway/sandbox",
	} {
		if err := addComments(&r, "github.com/drover-llm/drover/"+pkg, path); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Reflect(&Config{})
	s.Title = "drover.yaml"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// addComments gives the schema the doc comments of a package's fields.
func addComments(r *jsonschema.Reflector, pkg, path string) error {
	wd, err := os.Getwd()
	if err != nil {
		return err
	}
	defer func() { _ = os.Chdir(wd) }()
	if err := os.Chdir(path); err != nil {
		return err
	}
	return r.AddGoComments(pkg, ".", jsonschema.WithFullComment())
}

func TestSchemaAgreesWithTheTypes(t *testing.T) {
	want := generateSchema(t)
	if *update {
		if err := os.WriteFile("drover.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("drover.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("drover.schema.json is not what the types say; run go test ./configs -run Schema -update (-types +file):\n%s", diff)
	}
}

// What is shipped must please the schema as well as the reader.
func TestShippedFilesMatchTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	for _, file := range shipped(t) {
		var doc any
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Load(text, &doc); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(jsonValue(t, doc)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for name, text := range map[string]string{
		"unknown key":     "providers: {a: {base_url: http://h/v1}}\nmodels: {m: {provider: a}}\nserach: 1\n",
		"unknown below":   "providers: {a: {base_url: http://h/v1, color: red}}\nmodels: {m: {provider: a}}\n",
		"no models":       "providers: {a: {base_url: http://h/v1}}\n",
		"list for a name": "providers: {a: {base_url: [http://h/v1]}}\nmodels: {m: {provider: a}}\n",
		"no duration":     "providers: {a: {base_url: http://h/v1, timeout: soon}}\nmodels: {m: {provider: a}}\n",
	} {
		var doc any
		if err := yaml.Load([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(jsonValue(t, doc)) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		if _, err := Parse("drover.yaml", []byte(text), noEnv); err == nil {
			t.Errorf("%s: the reader takes it", name)
		}
	}
}

func compiledSchema(t *testing.T) *validator.Schema {
	t.Helper()
	text, err := os.ReadFile("drover.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("drover.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("drover.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// jsonValue is a YAML document as a JSON Schema validator wants it.
func jsonValue(t *testing.T, doc any) any {
	t.Helper()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := validator.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// shipped lists the configurations that the project ships.
func shipped(t *testing.T) []string {
	t.Helper()
	examples, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(examples) < 4 {
		t.Fatalf("examples: %v, %v", examples, err)
	}
	return append(examples, "drover.yaml")
}

func noEnv(string) (string, bool) { return "", false }
