package pricing

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestCountChatAgreesWithOpenAI uses the example of OpenAI's cookbook, whose
// counts its API confirmed.
func TestCountChatAgreesWithOpenAI(t *testing.T) {
	messages := []Message{
		{"system", "", "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
		{"system", "example_user", "New synergies will help drive top-line growth."},
		{"system", "example_assistant", "Things working well together will increase revenue."},
		{"system", "example_user", "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
		{"system", "example_assistant", "Let's talk later when we're less busy about how to do better."},
		{"user", "", "This late pivot means we don't have time to boil the ocean for the client deliverable."},
	}
	for model, want := range map[string]int{"gpt-4o": 124, "gpt-4": 129} {
		if got := CountChat(model, messages); got != want {
			t.Errorf("CountChat for %s = %d, want %d", model, got, want)
		}
	}
}

// TestCountChatForLlama counts the prompt "hi" in Llama 3.1's format: Meta's
// template makes 36 tokens of it, 11 where the host leaves out the dates.
func TestCountChatForLlama(t *testing.T) {
	if got := CountChat("llama3.1:8b", []Message{{Role: "user", Content: "hi"}}); got != 36 {
		t.Errorf("CountChat = %d, want 36", got)
	}
}

func TestBoundIsAboveEveryCount(t *testing.T) {
	roles := rapid.SampledFrom([]string{"system", "developer", "user", "assistant", "tool", "function"})
	rapid.Check(t, func(t *rapid.T) {
		var messages []Message
		var bytes int64
		for range rapid.IntRange(0, 5).Draw(t, "messages") {
			m := Message{roles.Draw(t, "role"), rapid.StringN(0, 5, -1).Draw(t, "name"), rapid.String().Draw(t, "content")}
			bytes += int64(len(m.Name) + len(m.Content))
			messages = append(messages, m)
		}
		for _, f := range []Family{GPT4o, GPT4, Llama3, Unknown} {
			if got, bound := int64(f.CountChat(messages)), Bound(bytes, int64(len(messages))); got > bound {
				t.Fatalf("family %d: %d tokens, bound %d: %q", f, got, bound, messages)
			}
		}
	})
}

func TestBoundSaturates(t *testing.T) {
	for _, tt := range []struct{ bytes, messages int64 }{
		{math.MaxInt64, 0}, {0, math.MaxInt64}, {math.MaxInt64, math.MaxInt64}, {math.MaxInt64 - 40, 2},
	} {
		if got := Bound(tt.bytes, tt.messages); got != math.MaxInt64 {
			t.Errorf("Bound(%d, %d) = %d, want the largest int64", tt.bytes, tt.messages, got)
		}
	}
	if got := Bound(-1, -1); got != Bound(0, 0) {
		t.Errorf("Bound of negative counts = %d", got)
	}
}

func BenchmarkBound(b *testing.B) {
	text := strings.Repeat("x", 1<<20)
	for b.Loop() {
		if Bound(int64(len(text)), 3) < 1<<20 {
			b.Fatal("too low")
		}
	}
}
