package upstream

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway/openai"
)

// shapes are what the hosts answer. They are written after the hosts' own
// documentation and public reports, not recorded from the hosts: this machine has
// no way to them.
var shapes = []struct {
	dialect string
	errors  []shape
	stream  string // events; each is "hello", ends with stop, and took 10 and 2 tokens
}{
	{
		dialect: "openai",
		errors: []shape{
			{429, `{"error":{"message":"Rate limit reached for gpt-4o","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, openai.RateLimited, "Rate limit"},
			{429, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, openai.NoQuota, "quota"},
			{400, `{"error":{"message":"Unrecognized request argument supplied: verify","type":"invalid_request_error","param":null,"code":null}}`, openai.Refused, "verify"},
			{404, `{"error":{"message":"The model gpt-5x does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, openai.Denied, "does not exist"},
		},
		stream: `{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}
{"id":"c","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}],"usage":null}
{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}
{"id":"c","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0}}}`,
	},
	{
		dialect: "azure", // the first chunk has filter results and no choice
		errors: []shape{
			{429, `{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry after 2 seconds."}}`, openai.RateLimited, "call rate"},
			{404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, openai.Denied, "deployment"},
			{401, `{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired."}`, openai.Denied, "Unauthorized"},
			{400, `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, openai.Refused, "filtered"},
		},
		stream: `{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}
{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"id":"c"}
{"choices":[{"content_filter_results":{"hate":{"filtered":false}},"delta":{"content":"hello"},"finish_reason":null,"index":0}],"id":"c"}
{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0}],"id":"c"}
{"choices":[],"id":"c","usage":{"completion_tokens":2,"prompt_tokens":10,"total_tokens":12}}`,
	},
	{
		dialect: "groq", // usage stands in x_groq
		errors: []shape{
			{429, `{"error":{"message":"Rate limit reached for model llama-3.1-8b-instant in organization on tokens per minute (TPM)","type":"tokens","code":"rate_limit_exceeded"}}`, openai.RateLimited, "Rate limit"},
			{413, `{"error":{"message":"Request too large for model llama-3.1-8b-instant","type":"tokens","code":"rate_limit_exceeded"}}`, openai.Refused, "too large"},
			{400, `{"error":{"message":"Failed to call a function","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"x"}}`, openai.Refused, "function"},
			{498, `{"error":{"message":"Flex tier capacity exceeded","type":"capacity_exceeded"}}`, openai.Refused, "capacity"},
		},
		stream: `{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"x_groq":{"id":"req_1"}}
{"id":"c","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}
{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"queue_time":0.1,"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}}`,
	},
	{
		dialect: "together", // finish_reason is eos on some models, and usage comes with the last choice
		errors: []shape{
			{429, `{"id":"o","error":{"message":"You have reached the rate limit specific to this model","type":"model_rate_limit","param":null,"code":null}}`, openai.RateLimited, "rate limit"},
			{402, `{"id":"o","error":{"message":"Credit limit exceeded","type":"credit_limit","param":null,"code":null}}`, openai.NoQuota, "Credit"},
			{400, `{"id":"o","error":{"message":"Unable to access non-serverless model","type":"invalid_request_error","param":null,"code":"model_not_available"}}`, openai.Refused, "non-serverless"},
			{422, `{"error":{"message":"Input validation error: inputs tokens + max_new_tokens must be <= 8193","type":"invalid_request_error","param":"max_tokens","code":null}}`, openai.Refused, "max_new_tokens"},
		},
		stream: `{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"text":"hello","logprobs":null,"finish_reason":null,"seed":null,"delta":{"token_id":1,"role":"assistant","content":"hello","tool_calls":null}}],"usage":null}
{"id":"c","choices":[{"index":0,"text":"","finish_reason":"eos","seed":1,"delta":{"token_id":2,"role":"assistant","content":""}}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`,
	},
	{
		dialect: "vllm", // the code is a number; older versions have no error object
		errors: []shape{
			{400, `{"error":{"message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}}`, openai.Refused, "maximum context"},
			{400, `{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice","type":"BadRequestError","param":null,"code":400}`, openai.Refused, "tool choice"},
			{404, `{"error":{"message":"The model x does not exist.","type":"NotFoundError","param":"model","code":404}}`, openai.Denied, "does not exist"},
			{401, `{"error":"Unauthorized"}`, openai.Denied, "Unauthorized"},
		},
		stream: `{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}
{"id":"c","choices":[{"index":0,"delta":{"content":"hello","reasoning_content":null},"logprobs":null,"finish_reason":null,"token_ids":null}]}
{"id":"c","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":128009}]}
{"id":"c","choices":[],"usage":{"prompt_tokens":10,"total_tokens":12,"completion_tokens":2}}`,
	},
	{
		dialect: "ollama",
		errors: []shape{
			{404, `{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, openai.Denied, "pulling"},
			{400, `{"error":{"message":"invalid message format","type":"invalid_request_error","param":null,"code":null}}`, openai.Refused, "invalid message"},
			{503, `{"error":{"message":"server busy, please try again. maximum pending requests exceeded","type":"api_error","param":null,"code":null}}`, openai.Unavailable, "busy"},
		},
		stream: `{"id":"c","object":"chat.completion.chunk","created":1,"model":"llama3.1:8b","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}]}
{"id":"c","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}
{"id":"c","system_fingerprint":"fp_ollama","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`,
	},
	{
		dialect: "llamacpp", // the code is a number; the last chunk has timings
		errors: []shape{
			{400, `{"error":{"code":400,"message":"request (4476 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":4476,"n_ctx":4096}}`, openai.Refused, "context size"},
			{503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, openai.Unavailable, "Loading"},
			{401, `{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}`, openai.Denied, "Invalid"},
		},
		stream: `{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"c","model":"gpt-3.5-turbo","object":"chat.completion.chunk"}
{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"hello"}}],"id":"c"}
{"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"id":"c"}
{"choices":[],"id":"c","usage":{"completion_tokens":2,"prompt_tokens":10,"total_tokens":12},"timings":{"prompt_n":10,"predicted_n":2}}`,
	},
}

type shape struct {
	status int
	body   string
	want   openai.Failure
	says   string
}

func TestErrorsOfEveryDialectAreUnderstood(t *testing.T) {
	for _, s := range shapes {
		for _, e := range s.errors {
			c := host(t, Config{Dialect: s.dialect}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "60") // so that nothing is tried again here
				w.WriteHeader(e.status)
				_, _ = io.WriteString(w, e.body)
			})
			_, err := c.Complete(t.Context(), request(t, hi))
			if got := failed(t, err); got.Failure != e.want || got.Spent || got.Detail == nil || !strings.Contains(got.Detail.Message, e.says) {
				t.Errorf("%s %d: %+v", s.dialect, e.status, got)
			}
		}
	}
}

func TestStreamsOfEveryDialectAreUnderstood(t *testing.T) {
	for _, s := range shapes {
		c := host(t, Config{Dialect: s.dialect}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for event := range strings.SplitSeq(s.stream, "\n") {
				_, _ = io.WriteString(w, "data: "+event+"\n\n")
			}
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		})
		stream, err := c.Stream(t.Context(), request(t, strings.Replace(hi, "{", `{"stream":true,`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var text, finish string
		var usage *openai.Usage
		for chunk, err := range stream.Chunks() {
			if err != nil {
				t.Errorf("%s: %v", s.dialect, err)
			}
			for _, d := range chunk.Choices {
				text += openai.Text(d.Delta.Get("content"))
				if d.Ended {
					finish = d.Finish()
				}
			}
			if chunk.Usage != nil {
				usage = chunk.Usage
			}
		}
		stream.Close()
		if text != "hello" || finish != "stop" || usage == nil || usage.Prompt != 10 || usage.Completion != 2 {
			t.Errorf("%s: %q ends with %q and took %+v", s.dialect, text, finish, usage)
		}
	}
}

func TestDialectIsRecognised(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.openai.com/v1": "openai", "https://eu.api.openai.com/v1": "openai", "https://api.openai.com.evil.example/v1": "other",
		"https://me.openai.azure.com/openai/v1": "azure", "https://api.groq.com/openai/v1": "groq", "https://api.together.xyz/v1": "together",
		"http://localhost:11434/v1": "ollama", "http://[::1]:11434/v1": "ollama", "http://gpu:8000/v1": "other",
	} {
		if got := (Config{BaseURL: address}).dialect().Name; got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
	if got := (Config{BaseURL: "http://gpu:8000/v1", Dialect: "vllm"}); !got.ManyChoices() || (Config{Dialect: "vllm", SupportsN: new(false)}).ManyChoices() {
		t.Error("supports_n")
	}
}

func TestAzureDeploymentPaths(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.String()+" "+r.Header.Get("Api-Key")+r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	for _, c := range []Config{
		{Dialect: "azure", APIVersion: "2024-10-21", APIKey: "secret"},
		{Dialect: "azure", APIKey: "secret"},
	} {
		c.BaseURL = server.URL
		p := NewProvider("azure", c, nil)
		if _, err := p.Client("my deployment", slog.New(slog.DiscardHandler)).Complete(t.Context(), request(t, hi)); err != nil {
			t.Error(err)
		}
		p.Close()
	}
	want := []string{"/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21 secret", "/chat/completions secret"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
	if got := (Config{BaseURL: "https://me.openai.azure.com/openai", APIVersion: "v"}).address("d", openai.Responses); got != "https://me.openai.azure.com/openai/responses?api-version=v" {
		t.Error(got)
	}
}

func TestConfigOfDialects(t *testing.T) {
	for want, c := range map[string]Config{
		"dialect: must be one of other, openai, azure": {BaseURL: "http://h", Dialect: "nope"},
		"api_version: is Azure's":                      {BaseURL: "http://h", APIVersion: "2024-10-21"},
		"api_version: does not go with":                {BaseURL: "https://me.openai.azure.com/openai/v1", APIVersion: "2024-10-21"},
	} {
		var faults []string
		c.Validate(func(path, format string, _ ...any) {
			faults = append(faults, path+": "+strings.ReplaceAll(format, "%s", strings.Join(Dialects(), ", ")))
		})
		if len(faults) != 1 || !strings.HasPrefix(faults[0], want) {
			t.Errorf("%q, want %q", faults, want)
		}
	}
}
