package gateway

import (
	"fmt"

	"github.com/drover-llm/drover/gateway/openai"
)

// embeddingsEndpoint is POST /v1/embeddings, passed on to the direct model.
var embeddingsEndpoint = endpoint{wire: openai.Embeddings, prefix: "embd-", encode: encodeEmbeddings}

func encodeEmbeddings(call Call, a Answer, v verification) []byte {
	packed := openai.Text(call.Request.Get("encoding_format")) == "base64"
	b := append(make([]byte, 0, a.Reply.Size()+256), `{"object":"list","data":[`...)
	for i, one := range openai.Objects(a.Reply.Get("data")) {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"object":"embedding","index":%d,"embedding":`, i)
		at := len(b)
		var err error
		if b, err = openai.AppendVector(b, one.Get("embedding"), packed); err != nil {
			b = append(b[:at], one.Get("embedding")...) // what cannot be read travels as it is
		}
		b = append(b, '}')
	}
	b = append(b, `],"model":`...)
	b = openai.AppendString(b, a.Model)
	return fmt.Appendf(b, `,"usage":{"prompt_tokens":%d,"total_tokens":%d,"cost":%s}}`, a.Usage.Prompt, a.Usage.Prompt, v.Cost)
}
