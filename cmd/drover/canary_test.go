package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/standin"
)

// canaryPrompt stands for what nobody but the client and the model may see.
const canaryPrompt = "canary-prompt-7f3a91"

// spoken gathers what a process says.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var adminListens = regexp.MustCompile(`msg="admin API listens" address=(\S+)`)

// Keys and prompts are planted in every kind of request and of error, at the log's
// most talkative level, and must be found nowhere but in answers to the client.
func TestCanariesSingNowhere(t *testing.T) {
	t.Parallel()
	// A provider that repeats the prompt in its errors.
	echoes := standin.Script{Answers: []standin.Answer{{Text: "def f(): return '" + canaryPrompt + "'"}}}
	models := simulated(t, standin.Config{Default: echoes})
	failing := http.NewServeMux()
	failing.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader([]int{400, 401, 429, 500}[len(body)%4])
		fmt.Fprintf(w, `{"error":{"message":%q,"type":"server_error","code":%q}}`, "cannot answer "+string(body), canaryPrompt)
	})
	bad := serveHTTP(t, failing)
	dir := t.TempDir()
	config := filepath.Join(dir, "drover.yaml")
	text := "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0, token: canary-admin-token}\nledger: {path: " + filepath.Join(dir, "drover.db") + "}\n" +
		"providers: {standin: {base_url: \"" + models.URL() + "\", api_key: canary-provider-key}, bad: {base_url: \"" + bad + "/v1\", api_key: canary-provider-key}}\n" +
		"models: {gpt-4o: {provider: standin, price: {prompt_per_1m: \"2.5\", completion_per_1m: \"10\"}}, broken: {provider: bad, price: {prompt_per_1m: \"2.5\", completion_per_1m: \"10\"}}}\n" +
		"routes: {auto: {direct: gpt-4o, search: [{model: gpt-4o, max_samples: 4}]}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := droverCommand(t, "serve", "-c", config, "--log-level", "debug")
	log, shown := new(spoken), new(spoken)
	command.Stderr, command.Stdout = log, shown
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	deadline := time.Now().Add(30 * time.Second)
	for listening.FindStringSubmatch(log.String()) == nil || adminListens.FindStringSubmatch(log.String()) == nil {
		if time.Now().After(deadline) {
			t.Fatal(log.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
	url, control := "http://"+listening.FindStringSubmatch(log.String())[1], "http://"+adminListens.FindStringSubmatch(log.String())[1]
	first := strings.TrimSpace(shown.String())
	key := first[strings.LastIndex(first, " ")+1:]
	secret := strings.Split(key, "-")[2]

	var public spoken // what others than the client may come to see
	send := func(method, url, token, body string, headers ...string) (answer string) {
		t.Helper()
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		b, err := io.ReadAll(w.Body)
		if err != nil && w.StatusCode == http.StatusOK {
			t.Log(err)
		}
		fmt.Fprintln(&public, w.Header)
		if w.StatusCode >= 400 {
			fmt.Fprintln(&public, "error of", method, strings.TrimSuffix(url, secret), string(b))
		}
		return string(b)
	}
	chat := func(model, more string) string {
		return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]%s}`, model, canaryPrompt, more)
	}
	tests := `,"verify":{"tests":"assert f() == '` + canaryPrompt + `'","entry_point":"f"}`
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"tests":"assert f() == '` + canaryPrompt + `'"}`))
	at := url + "/v1/chat/completions"
	for _, model := range []string{"auto", "gpt-4o", "broken"} {
		for _, more := range []string{"", `,"stream":true`, tests, tests + `,"stream":true`, `,"x":` + strings.Repeat(" ", len(model)) + `1`} {
			send("POST", at, key, chat(model, more))
		}
	}
	send("POST", at, key, chat("auto", ""), "X-Verify", header)
	send("POST", at, key, chat("auto", ""), "X-Verify", canaryPrompt)
	send("POST", at, key, chat("auto", ""), "X-Verify-Suite", "suite_none")
	send("POST", at, key, `{"model":"auto","messages":"`+canaryPrompt+`"}`)
	send("POST", at, key, `{"model":"auto","messages":[{"role":"user","content":"`+canaryPrompt)
	send("POST", at, key, `{"model":"auto","messages":[],"verify":{"tests":["`+canaryPrompt+`"]}}`)
	send("POST", at, key+"x", chat("auto", ""))
	send("POST", at, "sk-"+secret, chat("auto", ""))
	send("GET", url+"/v1/models", key, "")
	send("GET", url+"/v1/nothing/"+secret, key, "")
	send("POST", url+"/v1/verify", key, `{"answer":"def f(): return '`+canaryPrompt+`'"`+tests+`}`)
	send("POST", url+"/v1/verify/suites", key, `{"tests":"assert f() == '`+canaryPrompt+`'"}`)
	send("POST", url+"/v1/verify/suites", key, `{"tests":7,"x":"`+canaryPrompt+`"}`)
	send("POST", url+"/v1/feedback", key, `{"id":"chatcmpl-none","correct":true,"source":"ci"}`)
	for _, path := range []string{"/v1/responses", "/v1/embeddings", "/v1/completions"} {
		send("POST", url+path, key, `{"model":"gpt-4o","input":"`+canaryPrompt+`","prompt":"`+canaryPrompt+`"}`)
		send("POST", url+path, key, `{"model":"broken","input":"`+canaryPrompt+`","prompt":"`+canaryPrompt+`"}`)
	}
	send("GET", control+"/api/keys", "canary-admin-wrong", "")
	send("POST", control+"/api/keys", "canary-admin-token", `{"name":7}`)
	for _, path := range []string{"/metrics", "/api/keys", "/api/outcomes?limit=1000", "/api/changes", "/api/holds", "/api/spend?by=model", "/api/budgets", "/api/teams",
		"/api/ledger/export", "/api/ledger/export?format=csv", "/api/ledger/verify", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline"} {
		answer := send("GET", control+path, "canary-admin-token", "")
		if answer == "" {
			t.Errorf("%s says nothing", path)
		}
		fmt.Fprintln(&public, path, answer)
	}
	export := send("GET", control+"/api/ledger/export", "canary-admin-token", "")
	if n := strings.Count(export, "\n"); n < 10 {
		t.Errorf("only %d outcomes: that proves little\n%s", n, public.String())
	}
	if !strings.Contains(public.String(), `drover_requests_total{model="gpt-4o",route="auto",status="200"}`) {
		t.Error("the metrics count no requests")
	}
	http.DefaultClient.CloseIdleConnections()
	for name, said := range map[string]string{"log": log.String(), "others": public.String()} {
		if len(said) < 1000 {
			t.Errorf("%s: only %d bytes: that proves little", name, len(said))
		}
		for _, canary := range []string{canaryPrompt, secret, "canary-provider-key", "canary-admin"} {
			if at := strings.Index(said, canary); at >= 0 {
				t.Errorf("%s: %s sings: …%s…", name, canary, said[max(0, at-300):min(len(said), at+100)])
			}
		}
	}
}

// serveHTTP serves h on a free port.
func serveHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
