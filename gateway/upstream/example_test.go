package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/upstream"
)

// A call that cost nothing is made again; a failure says whether it may have cost
// something.
func Example() {
	var calls atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch calls.Add(1) {
		case 1:
			w.Header().Set("Retry-After-Ms", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			fmt.Fprint(w, `{"choices":[{"message":{"content":"Hello."}}],"usage":{"prompt_tokens":8,"completion_tokens":2}}`)
		default:
			fmt.Fprint(w, `<html>`)
		}
	}))
	defer host.Close()

	provider := upstream.NewProvider("host", upstream.Config{BaseURL: host.URL + "/v1", APIKey: "k"}, nil)
	defer provider.Close()
	model := provider.Client("llama3.1:8b", slog.New(slog.DiscardHandler))
	request, err := openai.DecodeChatRequest([]byte(`{"model":"auto","messages":[{"role":"user","content":"Hi"}]}`))
	if err != nil {
		log.Fatal(err)
	}

	reply, err := model.Complete(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(openai.Text(reply.Choices[0].Message.Get("content")), reply.Usage.Completion, "tokens,", reply.Tries, "tries")

	_, err = model.Complete(context.Background(), request)
	if failed, ok := errors.AsType[*openai.CallError](err); ok {
		fmt.Println(failed.Failure, "spent:", failed.Spent)
	}
	// Output:
	// Hello. 2 tokens, 2 tries
	// bad_reply spent: true
}
