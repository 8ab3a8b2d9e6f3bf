package openai_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/drover-llm/drover/gateway/openai"
)

// A request travels on as the client sent it, but for what is set.
func Example() {
	request, err := openai.DecodeChatRequest([]byte(`{"model":"auto","messages":[{"role":"user","content":"Hi"}],"seed":7,"x_new":{"a":[1]},"max_tokens":20}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(request.Model, request.MaxTokens, request.Messages[0].Text())
	sent := request.Object.Clone()
	sent.Set("model", openai.String("gpt-4o-2024-08-06"))
	fmt.Println(string(sent.AppendJSON(nil)))
	// Output:
	// auto 20 Hi
	// {"model":"gpt-4o-2024-08-06","messages":[{"role":"user","content":"Hi"}],"seed":7,"x_new":{"a":[1]},"max_tokens":20}
}

// What is wrong is told with its place, as OpenAI would tell it.
func ExampleDecodeChatRequest() {
	_, err := openai.DecodeChatRequest([]byte(`{"model":"auto","messages":[{"role":"wizard","content":"Hi"}]}`))
	if wrong, ok := errors.AsType[*openai.Error](err); ok {
		fmt.Println(string(wrong.AppendJSON(nil)))
	}
	// Output:
	// {"error":{"message":"messages[0].role must be one of developer, system, user, assistant, tool, got \"wizard\"","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"}}
}
