package openai

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestDecodeChatRequestReadsWhatDroverNeeds(t *testing.T) {
	q, err := DecodeChatRequest([]byte(` {"model":"auto", "stream":true,"n":2,"max_tokens":50,"max_completion_tokens":40,
		"stream_options":{"include_usage":true},"temperature":null,
		"messages":[{"role":"system","content":"be \"brief\""},
			{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}},{"type":"text","text":"é"}]},
			{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"tool","tool_call_id":"1","content":"21"}],
		"x_unknown":{"a":[1, 2]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if q.Model != "auto" || !q.Stream || !q.IncludeUsage || q.N != 2 || q.MaxTokens != 40 || len(q.Messages) != 4 {
		t.Errorf("read %+v", q)
	}
	if got := q.Messages[0].Text(); got != `be "brief"` {
		t.Errorf("text %q", got)
	}
	if got := q.Messages[1].Text(); got != "aé" || !q.Messages[1].Media {
		t.Errorf("parts %q, media %v", got, q.Messages[1].Media)
	}
	if q.Get("temperature") != nil || !q.Has("temperature") {
		t.Error("null is there, and means nothing")
	}
	if got := string(q.Get("x_unknown")); got != `{"a":[1, 2]}` {
		t.Errorf("an unknown field became %s", got)
	}
}

func TestAppendJSONKeepsEveryMember(t *testing.T) {
	const body = `{"model":"a","messages":[{"role":"user","content":"hi \u00e9\ud83d\ude00"}],"seed":12345678901234567890123,"x":{"y":[1e400,-0.0]}}`
	q, err := DecodeChatRequest([]byte(strings.Replace(body, "12345678901234567890123", "1234567890123456", 1)))
	if err != nil {
		t.Fatal(err)
	}
	q.Set("model", String("b"))
	want := strings.NewReplacer(`"a"`, `"b"`, "12345678901234567890123", "1234567890123456").Replace(body)
	if got := string(q.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDecodeChatRequestSaysWhatIsWrong(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct{ name, body, param, code, says string }{
		{"empty", ``, "", "", "no body"},
		{"blank", " \n", "", "", "no body"},
		{"cut", `{"model": `, "", "", "line 1"},
		{"syntax", "{\"model\":\"a\",\n\"messages\":[}", "", "", "line 2, column 13"},
		{"array", `[1,2]`, "", "", "must be a JSON object, got an array"},
		{"text behind", `{"model":"a",` + hi + `} x`, "", "", "behind the end"},
		{"twice", `{"model":"a","model":"b",` + hi + `}`, "", "", `"model" stands twice`},
		{"twice below", `{"model":"a","messages":[{"role":"user","role":"system","content":"x"}]}`, "", "", `"role" stands twice`},
		{"no model", `{` + hi + `}`, "", "", "model parameter"},
		{"null model", `{"model":null,` + hi + `}`, "", "", "model parameter"},
		{"empty model", `{"model":"",` + hi + `}`, "model", "invalid_value", "empty"},
		{"number model", `{"model":7,` + hi + `}`, "model", "invalid_type", "a string, got a number"},
		{"no messages", `{"model":"a"}`, "messages", "missing_required_parameter", "messages"},
		{"null messages", `{"model":"a","messages":null}`, "messages", "invalid_type", "array"},
		{"no message", `{"model":"a","messages":[]}`, "messages", "invalid_type", "at least one"},
		{"text for messages", `{"model":"a","messages":"hi"}`, "messages", "invalid_type", "an array, got a string"},
		{"text for a message", `{"model":"a","messages":["hi"]}`, "messages[0]", "invalid_type", "an object"},
		{"role", `{"model":"a","messages":[{"role":"user","content":"a"},{"role":"wizard","content":"x"}]}`, "messages[1].role", "invalid_value", "wizard"},
		{"no role", `{"model":"a","messages":[{"content":"x"}]}`, "messages[0].role", "missing_required_parameter", "role"},
		{"role type", `{"model":"a","messages":[{"role":1,"content":"x"}]}`, "messages[0].role", "invalid_type", "a string"},
		{"content", `{"model":"a","messages":[{"role":"user","content":7}]}`, "messages[0].content", "invalid_type", "a number"},
		{"no content", `{"model":"a","messages":[{"role":"user"}]}`, "messages[0].content", "invalid_type", "none"},
		{"silent assistant", `{"model":"a","messages":[{"role":"assistant"}]}`, "messages[0].content", "invalid_type", "tool_calls"},
		{"part", `{"model":"a","messages":[{"role":"user","content":["x"]}]}`, "messages[0].content[0]", "invalid_type", "an object"},
		{"part type", `{"model":"a","messages":[{"role":"user","content":[{"text":"x"}]}]}`, "messages[0].content[0].type", "missing_required_parameter", "type"},
		{"n", `{"model":"a",` + hi + `,"n":0}`, "n", "invalid_value", "between 1 and 128"},
		{"n half", `{"model":"a",` + hi + `,"n":1.5}`, "n", "invalid_type", "whole"},
		{"temperature", `{"model":"a",` + hi + `,"temperature":3}`, "temperature", "invalid_value", "between 0 and 2"},
		{"huge", `{"model":"a",` + hi + `,"max_tokens":1e999}`, "max_tokens", "invalid_value", "out of range"},
		{"stream", `{"model":"a",` + hi + `,"stream":"yes"}`, "stream", "invalid_type", "a boolean, got a string"},
		{"options", `{"model":"a",` + hi + `,"stream_options":{"include_usage":true}}`, "stream_options", "invalid_value", "stream is true"},
		{"stop", `{"model":"a",` + hi + `,"stop":7}`, "stop", "invalid_type", "a string or an array"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := DecodeChatRequest([]byte(c.body))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Type != "invalid_request_error" || e.Param != c.param || e.Code != c.code || !strings.Contains(e.Message, c.says) {
				t.Errorf("got param %q, code %q: %s", e.Param, e.Code, e.Message)
			}
		})
	}
}

// Half a megabyte of messages and a new model: the members are copied, not
// decoded again.
func TestChangingTheModelSharesTheMessages(t *testing.T) {
	body := []byte(`{"model":"a","messages":[{"role":"user","content":"` + strings.Repeat("x", 1<<19) + `"}]}`)
	q, err := DecodeChatRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	messages := q.Get("messages")
	if &messages[len(messages)-1] != &body[len(body)-2] {
		t.Error("the messages were copied out of the body")
	}
	changed := q.Object.Clone()
	changed.Set("model", String("b"))
	if string(q.Get("model")) != `"a"` {
		t.Error("the original changed")
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = changed.MarshalJSON() }); n > 2 {
		t.Errorf("%v allocations to write the body anew", n)
	}
}

func FuzzDecodeChatRequest(f *testing.F) {
	f.Add([]byte(`{"model":"auto","messages":[{"role":"user","content":"hi"}],"n":2}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"stream":true,"stream_options":{}}`))
	f.Add([]byte(`{"model":"a","model":"b"}`))
	f.Add([]byte("{\"m\xff\":1}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := DecodeChatRequest(body)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Message == "" || e.Type == "" {
				t.Fatalf("an error that no client can read: %#v", err)
			}
			if b := e.AppendJSON(nil); !jsontext.Value(b).IsValid() {
				t.Fatalf("an error body that is no JSON: %s", b)
			}
			return
		}
		again := q.AppendJSON(nil)
		var was, is any
		if err := json.Unmarshal(body, &was); err != nil {
			t.Fatalf("took what is no JSON: %v", err)
		}
		if err := json.Unmarshal(again, &is); err != nil {
			t.Fatalf("wrote what is no JSON: %v: %s", err, again)
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Fatal(diff)
		}
		for _, m := range q.Messages {
			_ = m.Text()
		}
	})
}

// The ratio says how much dearer Drover's one pass is than the cheapest check
// that the body is JSON at all.
func BenchmarkDecodeOneMegabyte(b *testing.B) {
	body := []byte(`{"model":"a","messages":[{"role":"user","content":"` + strings.Repeat("the quick brown fox\\n ", 1<<20/22) + `"}]}`)
	var check time.Duration
	for range 50 {
		start := time.Now()
		if !jsontext.Value(body).IsValid() {
			b.Fatal("invalid")
		}
		check += time.Since(start) / 50
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		q, err := DecodeChatRequest(body)
		if err != nil {
			b.Fatal(err)
		}
		q.Set("model", String("b"))
		_, _ = q.MarshalJSON()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(check), "x-of-a-syntax-check")
}
