package standin

import "strings"

// logprobs are invented: the rough likeness of a confident model.
type logprobs struct {
	Content []tokenLogprob `json:"content"`
	Refusal *struct{}      `json:"refusal"`
}

type tokenLogprob struct {
	Token   string         `json:"token"`
	Logprob float64        `json:"logprob"`
	Bytes   []int          `json:"bytes"`
	Top     []tokenLogprob `json:"top_logprobs,omitzero"`
}

func chatLogprobs(text string, top int) *logprobs {
	out := &logprobs{Content: []tokenLogprob{}}
	for text != "" {
		token := text[:nextToken(text)]
		text = text[len(token):]
		entry := describeToken(token, 0)
		entry.Top = []tokenLogprob{}
		for i := range top {
			entry.Top = append(entry.Top, describeToken(token[:len(token)/(i+1)], i))
		}
		out.Content = append(out.Content, entry)
	}
	return out
}

// describeToken gives the token of a rank a probability that falls with it.
func describeToken(token string, rank int) tokenLogprob {
	t := tokenLogprob{Token: strings.ToValidUTF8(token, ""), Logprob: -0.0625 - 2*float64(rank), Bytes: []int{}}
	for _, b := range []byte(token) {
		t.Bytes = append(t.Bytes, int(b))
	}
	return t
}
