package ledger

import (
	"bytes"
	"reflect"
	"testing"

	json2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/drover-llm/drover/policy"
)

// TestReadingByHandIsDecoding states that what is read by hand is what a JSON package
// makes of it, also of a text that somebody has changed, and that all that is written
// by hand is read by hand.
func TestReadingByHandIsDecoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.Make[policy.Outcome]().Draw(t, "outcome")
		o.At, o.Task, o.Samples, o.Features, o.Plan, o.Chances, o.Audit = day, nil, nil, nil, nil, nil, false
		h := rapid.Make[policy.Hold]().Draw(t, "hold")
		h.At = day
		readsAlike[policy.Outcome](t, &o, (*reader).outcome)
		readsAlike[policy.Hold](t, &h, (*reader).hold)
		plain, held := outcome("chatcmpl-1"), hold("chatcmpl-1")
		held.Budgets = []string{"a", "b"}
		readsAlike[policy.Outcome](t, &plain, (*reader).outcome)
		readsAlike[policy.Hold](t, &held, (*reader).hold)
	})
}

func readsAlike[T any](t *rapid.T, v *T, read func(*reader, *T) bool) {
	text, err := encode(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	var got, want T
	if !read(&reader{all: string(text)}, &got) {
		t.Fatalf("not read by hand: %s", text)
	}
	if err := json2.Unmarshal(text, &want, decodeOptions); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: %v\n%s", text, err, cmp.Diff(want, got))
	}
	at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
	letter := rapid.SampledFrom([]byte(`"\\{}[],:0-19.nulltruez `+"\x00\xff")).Draw(t, "letter")
	for _, changed := range [][]byte{
		append(bytes.Clone(text[:at]), append([]byte{letter}, text[at+1:]...)...),
		append(bytes.Clone(text[:at]), text[at+1:]...),
		append(bytes.Clone(text[:at]), append([]byte{letter}, text[at:]...)...),
		text[:at],
	} {
		var got, want T
		if !read(&reader{all: string(changed)}, &got) {
			continue
		}
		if err := json2.Unmarshal(changed, &want, decodeOptions); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %v\n%s", changed, err, cmp.Diff(want, got))
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	o := outcome("chatcmpl-0123456789abcdef")
	text, err := encode(nil, &o)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("by=hand", func(b *testing.B) {
		for b.Loop() {
			if err := decode(1, text, new(policy.Outcome)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by=json", func(b *testing.B) {
		for b.Loop() {
			if err := json2.Unmarshal(text, new(policy.Outcome), decodeOptions); err != nil {
				b.Fatal(err)
			}
		}
	})
}
