package standin

import (
	"errors"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// TestOfficialClientUnderstands drives every endpoint with OpenAI's own client.
func TestOfficialClientUnderstands(t *testing.T) {
	s := start(t, Config{Keys: []string{"sk-good"}})
	client := openai.NewClient(option.WithBaseURL(s.URL()), option.WithAPIKey("sk-good"), option.WithMaxRetries(0))
	ctx := t.Context()
	chat := openai.ChatCompletionNewParams{Model: "gpt-4o", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hi")}}

	whole, err := client.Chat.Completions.New(ctx, chat)
	if err != nil || whole.Choices[0].Message.Content != defaultText(0) || whole.Usage.TotalTokens == 0 || !strings.HasPrefix(whole.ID, "chatcmpl-") {
		t.Errorf("chat: %+v, %v", whole, err)
	}

	streamed := chat
	streamed.StreamOptions.IncludeUsage = openai.Bool(true)
	stream, sum := client.Chat.Completions.NewStreaming(ctx, streamed), openai.ChatCompletionAccumulator{}
	for stream.Next() {
		if !sum.AddChunk(stream.Current()) {
			t.Fatalf("the accumulator refuses %s", stream.Current().RawJSON())
		}
	}
	if stream.Err() != nil || sum.Choices[0].Message.Content != defaultText(0) || sum.Usage.CompletionTokens != whole.Usage.CompletionTokens {
		t.Errorf("stream: %+v, %v", sum.ChatCompletion, stream.Err())
	}

	faulty := chat
	faulty.Model = "fault-event"
	broken := client.Chat.Completions.NewStreaming(ctx, faulty)
	for broken.Next() {
	}
	if broken.Err() == nil {
		t.Error("fault-event: the client saw no error")
	}
	var refused *openai.Error
	faulty.Model = "fault-quota"
	if _, err := client.Chat.Completions.New(ctx, faulty); !errors.As(err, &refused) || refused.StatusCode != 429 || refused.Code != "insufficient_quota" {
		t.Errorf("fault-quota: %v", err)
	}

	embedded, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model: "text-embedding-3-small", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}},
	})
	if err != nil || len(embedded.Data) != 2 || len(embedded.Data[1].Embedding) != defaultDimensions {
		t.Errorf("embeddings: %v", err)
	}
	completed, err := client.Completions.New(ctx, openai.CompletionNewParams{
		Model: "gpt-3.5-turbo-instruct", MaxTokens: openai.Int(5), Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Say hi")},
	})
	if err != nil || completed.Usage.CompletionTokens != 5 || completed.Choices[0].FinishReason != "length" {
		t.Errorf("completions: %+v, %v", completed, err)
	}

	ask := responses.ResponseNewParams{Model: "gpt-4o", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hi")}}
	responded, err := client.Responses.New(ctx, ask)
	if err != nil || responded.OutputText() != defaultText(0) || responded.Status != "completed" {
		t.Errorf("responses: %+v, %v", responded, err)
	}
	eventStream, number, text, last := client.Responses.NewStreaming(ctx, ask), int64(0), "", ""
	for eventStream.Next() {
		e := eventStream.Current()
		if e.SequenceNumber != number {
			t.Errorf("event %d has number %d", number, e.SequenceNumber)
		}
		if e.Type == "response.output_text.delta" {
			text += e.Delta
		}
		number, last = number+1, e.Type
	}
	if eventStream.Err() != nil || text != defaultText(0) || last != "response.completed" {
		t.Errorf("responses stream: %q, last event %s, %v", text, last, eventStream.Err())
	}

	models, err := client.Models.List(ctx)
	if err != nil || len(models.Data) < 3 || models.Data[0].OwnedBy != "simulated" {
		t.Errorf("models: %v", err)
	}
	if one, err := client.Models.Get(ctx, "meta-llama/Meta-Llama-3.1-8B-Instruct"); err != nil || one.ID != "meta-llama/Meta-Llama-3.1-8B-Instruct" {
		t.Errorf("model: %+v, %v", one, err)
	}
}
