package standin_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/drover-llm/drover/gateway/standin"
)

func Example() {
	server := standin.New(standin.Config{Models: map[string]standin.Script{
		"llama-3.1-8b": {Answers: []standin.Answer{{Text: "def add(a, b): return a + b"}}},
	}})
	if err := server.Start("127.0.0.1:0"); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	ask := func(model string) int {
		body := `{"model":"` + model + `","messages":[{"role":"user","content":"Write add."}]}`
		res, err := http.Post(server.URL()+"/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return 0
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	fmt.Println(ask("llama-3.1-8b"), ask("fault-429-1"), ask("fault-429-1"))
	fmt.Println(server.Billed()["llama-3.1-8b"].Calls)
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// 200 429 200
	// 1
}
