package standin

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves c on a free port until the test ends.
func start(t testing.TB, c Config) *Server {
	t.Helper()
	s := New(c)
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// reply is what a server answered.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // what ended reading the body early
}

func post(t testing.TB, s *Server, path, body string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, data, err}
}

// decode reads JSON into maps, for looking at what is there and what is not.
func decode(t testing.TB, data []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return v
}

// at walks into decoded JSON: keys and indexes.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("no object at %v of %v", step, path)
			}
			v = m[step]
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("no element %d of %v in %v", step, path, v)
			}
			v = list[step]
		}
	}
	return v
}

// events returns the data of each event of a stream.
func events(t testing.TB, data []byte) []string {
	t.Helper()
	var out []string
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n\n")) {
		t.Errorf("the stream ends without a blank line: %q", data[max(0, len(data)-80):])
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			out = append(out, text)
		}
	}
	return out
}

// chunksOf decodes the events of a stream that has to end with [DONE].
func chunksOf(t testing.TB, data []byte) []map[string]any {
	t.Helper()
	all := events(t, data)
	if len(all) == 0 || all[len(all)-1] != "[DONE]" {
		t.Fatalf("the stream does not end with [DONE]: %q", data)
	}
	var out []map[string]any
	for _, e := range all[:len(all)-1] {
		out = append(out, decode(t, []byte(e)))
	}
	return out
}

// textOf joins the text of a choice over the chunks of a stream.
func textOf(t testing.TB, chunks []map[string]any, index int) string {
	t.Helper()
	var text strings.Builder
	for _, c := range chunks {
		for _, one := range at(t, c, "choices").([]any) {
			if int(at(t, one, "index").(float64)) == index {
				part, _ := at(t, one, "delta", "content").(string)
				text.WriteString(part)
			}
		}
	}
	return text.String()
}

// schemas validates against OpenAI's own description of its API.
type schemas struct{ compiler *jsonschema.Compiler }

func openAISchemas(t testing.TB) *schemas {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil || dir == filepath.Dir(dir) {
			break
		}
	}
	path := filepath.Join(dir, "..", "shared", "conformance", "openai-chat.schema.json")
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("OpenAI's schema is not here: %v", err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openai.json", doc); err != nil {
		t.Fatal(err)
	}
	return &schemas{c}
}

func (s *schemas) check(t testing.TB, name string, data []byte) {
	t.Helper()
	schema, err := s.compiler.Compile("openai.json#/$defs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s: %v\n%s", name, err, data)
	}
}

const (
	hello = `"messages":[{"role":"user","content":"Reply with the single word: hello"}]`
	tools = `"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}],"tool_choice":{"type":"function","function":{"name":"get_weather"}}`
)
