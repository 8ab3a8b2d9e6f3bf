package standin

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

var embeddingEndpoint = endpoint{path: "/v1/embeddings", parse: parseEmbedding, write: writeEmbedding}

var embeddingFields = []string{"dimensions", "encoding_format", "input", "model", "user"}

// defaultDimensions is the size of text-embedding-3-small.
const defaultDimensions = 1536

func parseEmbedding(b *body) want {
	w := want{model: b.model(), n: 1, size: defaultDimensions}
	w.inputs, w.tokens = parseInputs(b, "input")
	if b.has("dimensions") {
		w.size = b.integer("dimensions", 1, 3072)
	}
	format := "float"
	b.read("encoding_format", "a string", &format)
	if format != "float" && format != "base64" {
		b.refuse("invalid_value", "encoding_format", "Invalid value: '%s'. Supported values are: 'float' and 'base64'.", format)
	}
	w.base64 = format == "base64"
	w.strictFault = b.unknownField(embeddingFields)
	return w
}

type embeddingReply struct {
	Object string          `json:"object"`
	Data   []embedding     `json:"data"`
	Model  string          `json:"model"`
	Usage  *embeddingUsage `json:"usage,omitzero"`
}

type embeddingUsage struct {
	PromptTokens int64 `json:"prompt_tokens"`
	TotalTokens  int64 `json:"total_tokens"`
}

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

func writeEmbedding(c *call) {
	c.usage.Completion = 0
	reply := embeddingReply{Object: "list", Model: c.request.Model}
	for i, text := range c.want.inputs {
		e := embedding{Object: "embedding", Index: i}
		vector := embed(text, c.want.size)
		if e.Embedding = vector; c.want.base64 {
			e.Embedding = packed(vector)
		}
		reply.Data = append(reply.Data, e)
	}
	if !c.has(NoUsage) {
		reply.Usage = &embeddingUsage{c.usage.Prompt, c.usage.Prompt}
	}
	c.writeWhole(encode(reply))
}

// embed returns a vector of length one that depends on nothing but the text.
func embed(text string, size int) []float32 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(text))
	random := rand.New(rand.NewPCG(hash.Sum64(), 0))
	vector, norm := make([]float32, size), 0.0
	for i := range vector {
		v := random.NormFloat64()
		vector[i] = float32(v)
		norm += v * v
	}
	for i := range vector {
		vector[i] /= float32(math.Sqrt(norm))
	}
	return vector
}

// packed is a vector as OpenAI's base64 has it: little-endian 32-bit floats.
func packed(vector []float32) string {
	data := make([]byte, 0, 4*len(vector))
	for _, v := range vector {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(data)
}
