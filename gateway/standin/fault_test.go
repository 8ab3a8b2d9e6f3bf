package standin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

func chatBody(model, extra string) string {
	return `{"model":"` + model + `",` + hello + extra + `}`
}

func TestFaultsThatRefuse(t *testing.T) {
	s := start(t, Config{})
	for _, tt := range []struct {
		fault  Fault
		extra  string
		status int
		code   any
	}{
		{RateLimited, "", 429, "rate_limit_exceeded"},
		{QuotaSpent, "", 429, "insufficient_quota"},
		{ServerError, "", 500, nil},
		{Unavailable, "", 503, "overloaded"},
		{Unauthorized, "", 401, "invalid_api_key"},
		{UnknownModel, "", 404, "model_not_found"},
		{ContextLength, "", 400, "context_length_exceeded"},
		{RefuseN, `,"n":2`, 400, "invalid_value"},
		{RefuseUnknown, `,"verify":{}`, 400, nil},
		{RefuseUnknown, `,"reasoning_effort":"low"`, 400, nil},
		{RefuseUnknown, `,"metadata":{"a":"b"}`, 400, nil},
	} {
		for _, stream := range []string{"", `,"stream":true`} {
			r := post(t, s, "/chat/completions", chatBody("fault-"+string(tt.fault), tt.extra+stream))
			if r.status != tt.status || at(t, decode(t, r.body), "error", "code") != tt.code {
				t.Errorf("%s%s: %d %s", tt.fault, stream, r.status, r.body)
			}
			if (r.header.Get("Retry-After") != "") != (tt.fault == RateLimited || tt.fault == Unavailable) {
				t.Errorf("%s: Retry-After %q", tt.fault, r.header.Get("Retry-After"))
			}
		}
	}
	if r := post(t, s, "/chat/completions", chatBody("fault-html", "")); r.status != 502 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || !strings.Contains(string(r.body), "<html>") {
		t.Errorf("html: %d %s", r.status, r.body)
	}
	if billed := s.Billed(); len(billed) != 0 {
		t.Errorf("refused calls were billed: %v", billed)
	}
	for _, f := range []string{"n", "strict"} {
		if r := post(t, s, "/chat/completions", chatBody("fault-"+f, "")); r.status != 200 {
			t.Errorf("%s: an ordinary call was refused: %s", f, r.body)
		}
	}
}

func TestFaultsThatSpoilWholeReplies(t *testing.T) {
	s := start(t, Config{Huge: 300_000, Slow: time.Millisecond})
	ask := func(name string) reply { return post(t, s, "/chat/completions", chatBody("fault-"+name, "")) }
	if r := ask("cut"); r.status != 200 || !errors.Is(r.err, io.ErrUnexpectedEOF) || len(r.body) == 0 {
		t.Errorf("cut: %d, %v after %q", r.status, r.err, r.body)
	}
	if r := ask("malformed"); r.err != nil || r.status != 200 || json.Unmarshal(r.body, new(any)) == nil {
		t.Errorf("malformed: %d, %v, %q", r.status, r.err, r.body)
	}
	if r := ask("nousage"); r.status != 200 || decode(t, r.body)["usage"] != nil {
		t.Errorf("nousage: %q", r.body)
	}
	if r := ask("empty"); r.status != 200 || len(decode(t, r.body)["choices"].([]any)) != 0 {
		t.Errorf("empty: %q", r.body)
	}
	if r := ask("event"); r.status != 200 || at(t, decode(t, r.body), "error", "type") != "server_error" {
		t.Errorf("event: %q", r.body)
	}
	if r := ask("huge"); r.err != nil || len(r.body) < 300_000 {
		t.Errorf("huge: %d bytes, %v", len(r.body), r.err)
	}
	if r := ask("slow"); r.status != 200 {
		t.Errorf("slow: %d", r.status)
	}
	if r := ask("disconnect"); r.err == nil {
		t.Errorf("disconnect: %d %q", r.status, r.body)
	}
	r := ask("llama")
	if v := decode(t, r.body); v["id"] != nil || v["system_fingerprint"] != nil || at(t, v, "choices", 0, "message", "content") == "" {
		t.Errorf("llama: %q", r.body)
	}
	if m := at(t, decode(t, r.body), "choices", 0, "message").(map[string]any); len(m) != 2 {
		t.Errorf("llama: message %v, want role and content alone", m)
	}
	// Whatever was produced is billed, whether or not the client could read it.
	full := Billed{1, Usage{Prompt: s.Billed()["fault-nousage"].Prompt, Completion: int64(countTokens(defaultText(0)))}}
	for _, name := range []string{"fault-cut", "fault-malformed", "fault-nousage", "fault-event", "fault-slow"} {
		if b := s.Billed()[name]; b != full || b.Prompt == 0 {
			t.Errorf("%s: billed %+v, want %+v", name, b, full)
		}
	}
	if b := s.Billed()["fault-empty"]; b.Completion != 0 || b.Prompt != full.Prompt {
		t.Errorf("fault-empty: billed %+v", b)
	}
}

func TestFaultsThatSpoilStreams(t *testing.T) {
	s := start(t, Config{Huge: 3 << 20})
	ask := func(name string) reply {
		return post(t, s, "/chat/completions", chatBody("fault-"+name, `,"stream":true,"stream_options":{"include_usage":true}`))
	}
	half := countTokens(defaultText(0)) / 2
	for name, check := range map[string]func(r reply, last string) bool{
		"cut": func(r reply, last string) bool {
			return errors.Is(r.err, io.ErrUnexpectedEOF) && json.Unmarshal([]byte(last), new(any)) == nil
		},
		"malformed": func(r reply, last string) bool { return r.err == nil && json.Unmarshal([]byte(last), new(any)) != nil },
		"event": func(r reply, last string) bool {
			return r.err == nil && at(t, decode(t, []byte(last)), "error", "type") == "server_error"
		},
	} {
		r := ask(name)
		all := events(t, r.body)
		if len(all) < half || strings.Contains(string(r.body), "[DONE]") || !check(r, all[len(all)-1]) {
			t.Errorf("%s: %v after %d events, the last %q", name, r.err, len(all), all[len(all)-1])
		}
		if b := s.Billed()["fault-"+name]; b.Calls != 1 || b.Completion != int64(half) || b.Prompt == 0 {
			t.Errorf("%s: billed %+v, want the %d tokens that were sent", name, b, half)
		}
	}
	for _, c := range chunksOf(t, ask("nousage").body) {
		if _, ok := c["usage"]; ok {
			t.Errorf("nousage: %v", c)
		}
	}
	for _, c := range chunksOf(t, ask("empty").body) {
		if len(c["choices"].([]any)) != 0 {
			t.Errorf("empty: %v", c)
		}
	}
	if text := textOf(t, chunksOf(t, ask("huge").body), 0); len(text) < 3<<20 {
		t.Errorf("huge: %d bytes", len(text))
	}
	chunks := chunksOf(t, ask("llama").body)
	if textOf(t, chunks, 0) != defaultText(0) || at(t, chunks[0], "choices", 0, "delta", "content") != nil {
		t.Errorf("llama: %v", chunks)
	}
	for _, c := range chunks[:len(chunks)-1] {
		if c["id"] != nil || at(t, c, "choices", 0, "delta", "role") != "assistant" {
			t.Errorf("llama: %v", c)
		}
	}
}

func TestFaultsHoldForTheFirstCalls(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Faults: []Fault{Unavailable}, FaultCalls: 1}}})
	var got []int
	for _, model := range []string{"fault-429-2", "fault-429-2", "m", "fault-429-2", "m"} {
		got = append(got, post(t, s, "/chat/completions", chatBody(model, "")).status)
	}
	if want := [5]int{429, 429, 503, 200, 200}; [5]int(got) != want {
		t.Errorf("statuses %v, want %v", got, want)
	}
	if n := s.Calls("fault-429-2"); n != 3 {
		t.Errorf("Calls = %d, want 3", n)
	}
	s.Reset()
	if status := post(t, s, "/chat/completions", chatBody("fault-429-2", "")).status; status != 429 {
		t.Errorf("after Reset: %d, want 429 again", status)
	}
}

func TestFaultsJoin(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Answers: []Answer{{}, {Faults: []Fault{ServerError}}}}}})
	r := post(t, s, "/chat/completions", chatBody("fault-llama+nousage", ""))
	if v := decode(t, r.body); v["usage"] != nil || v["id"] != nil {
		t.Errorf("both faults were asked for: %v", v)
	}
	for i, want := range []int{200, 500, 200} {
		if r := post(t, s, "/chat/completions", chatBody("m", "")); r.status != want {
			t.Errorf("call %d: %d, want %d", i+1, r.status, want)
		}
	}
}

func TestContextIsLimited(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Context: 30}}})
	if r := post(t, s, "/chat/completions", chatBody("m", "")); r.status != 200 {
		t.Errorf("a short prompt: %d %s", r.status, r.body)
	}
	long := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("word ", 30) + `"}]}`
	if r := post(t, s, "/chat/completions", long); r.status != 400 || at(t, decode(t, r.body), "error", "code") != "context_length_exceeded" {
		t.Errorf("a long prompt: %d %s", r.status, r.body)
	}
}

func TestTimeoutEndsWhenTheClientLeavesOrTheServerCloses(t *testing.T) {
	s := start(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/chat/completions", strings.NewReader(chatBody("fault-timeout", "")))
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		t.Errorf("answered with %d", res.StatusCode)
		res.Body.Close()
	}
	left := make(chan error, 1)
	go func() {
		res, err := http.Post(s.URL()+"/chat/completions", "application/json", strings.NewReader(chatBody("fault-timeout", "")))
		if err == nil {
			res.Body.Close()
		}
		left <- err
	}()
	for s.Calls("fault-timeout") < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-left; err == nil {
		t.Error("the second call was answered")
	}
}

// TestStreamThatTheClientLeavesIsBilledForWhatWasProduced reads three pieces of
// a long stream and hangs up.
func TestStreamThatTheClientLeavesIsBilledForWhatWasProduced(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Chunks: 1000, PerChunk: time.Millisecond}}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/chat/completions", strings.NewReader(chatBody("m", `,"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines, read := bufio.NewScanner(res.Body), 0
	for read < 4 && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			read++
		}
	}
	cancel()
	deadline := time.Now().Add(10 * time.Second)
	for s.Billed()["m"].Calls == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if b := s.Billed()["m"]; b.Calls != 1 || b.Prompt == 0 || b.Completion < 3 || b.Completion >= 1000 {
		t.Errorf("billed %+v after %d events", b, read)
	}
}

func TestStreamHasAsManyChunksAsAsked(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Chunks: 100}, "few": {Chunks: 2}}})
	for model, want := range map[string]int{"m": 100, "few": 2} {
		chunks := chunksOf(t, post(t, s, "/chat/completions", chatBody(model, `,"stream":true`)).body)
		if len(chunks) != want+2 {
			t.Errorf("%s: %d chunks, want %d and one to open and one to end", model, len(chunks), want)
		}
	}
}

func TestRequestsAreKeptAndBounded(t *testing.T) {
	s := start(t, Config{Keep: 3})
	for _, model := range []string{"a", "b", "c", "d", "fault-500"} {
		post(t, s, "/chat/completions", chatBody(model, ""))
	}
	kept := s.Requests()
	var models []string
	for _, r := range kept {
		models = append(models, r.Model)
	}
	if strings.Join(models, " ") != "c d fault-500" {
		t.Fatalf("kept %v, want the last three, oldest first", models)
	}
	last := kept[2]
	if string(last.Body) != chatBody("fault-500", "") || last.Path != "/v1/chat/completions" || last.Header.Get("User-Agent") == "" || last.Prompt != "Reply with the single word: hello" {
		t.Errorf("kept %+v", last)
	}
	none := start(t, Config{Keep: -1})
	post(t, none, "/chat/completions", chatBody("a", ""))
	if got := none.Requests(); len(got) != 0 {
		t.Errorf("kept %d requests, want none", len(got))
	}
}

func TestRefusedCallsTakeNoAnswers(t *testing.T) {
	s := start(t, Config{Models: map[string]Script{"m": {Answers: []Answer{{Text: "first"}, {Text: "second"}}, Faults: []Fault{RateLimited}, FaultCalls: 2}}})
	for _, want := range []string{"", "", "first", "second"} {
		r := post(t, s, "/chat/completions", chatBody("m", ""))
		if want == "" && r.status != 429 || want != "" && at(t, decode(t, r.body), "choices", 0, "message", "content") != want {
			t.Errorf("%d %s, want %q", r.status, r.body, want)
		}
	}
}
