package openai

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ownWords are the members of requests that hold what a user wrote, and not what a
// client set.
var ownWords = map[string]bool{"content": true, "text": true, "input": true, "prompt": true, "instructions": true, "arguments": true, "output": true, "suffix": true}

const (
	// echoLength is how many bytes a text and a prompt have in common before that
	// is no coincidence. Prompts that are shorter must stand there whole.
	echoLength = 12
	leastEcho  = 6
	unsaid     = "[…]"
)

// WithoutEcho takes out of a text, such as a provider's error message, what it
// repeats of the prompt in the request's body.
func WithoutEcho(text string, body []byte) string {
	repeated := make([]bool, len(text)) // by byte
	at := map[string][]int{}            // places of the text's parts of echoLength bytes
	var begins [1 << 16]bool            // the first two bytes of those: most parts of a prompt are not looked up
	for i := range max(len(text)-echoLength+1, 0) {
		part := text[i : i+echoLength]
		at[part] = append(at[part], i)
		begins[int(part[0])<<8|int(part[1])] = true
	}
	mark := func(i, n int) {
		for j := i; j < i+n; j++ {
			repeated[j] = true
		}
	}
	eachOwnWord(body, false, func(said string) {
		if said = strings.TrimSpace(said); len(said) < echoLength {
			for i := 0; len(said) >= leastEcho; i += len(said) {
				found := strings.Index(text[i:], said)
				if found < 0 {
					return
				}
				i += found
				mark(i, len(said))
			}
			return
		}
		for i := range len(said) - echoLength + 1 {
			if !begins[int(said[i])<<8|int(said[i+1])] {
				continue
			}
			for _, place := range at[said[i:i+echoLength]] {
				mark(place, echoLength)
			}
		}
	})
	var left strings.Builder
	for i := range len(text) {
		switch {
		case !repeated[i]:
			left.WriteByte(text[i])
		case i == 0 || !repeated[i-1]:
			left.WriteString(unsaid)
		}
	}
	return strings.ToValidUTF8(left.String(), "")
}

// eachOwnWord calls say for every string of a JSON value that a user wrote.
func eachOwnWord(v jsontext.Value, own bool, say func(string)) {
	switch v.Kind() {
	case '"':
		if own {
			say(Text(v))
		}
	case '[':
		r := read(v, lenient)
		defer r.done()
		if r.open('[') != nil {
			return
		}
		for r.dec.PeekKind() != ']' {
			one, err := r.dec.ReadValue()
			if err != nil {
				return
			}
			eachOwnWord(one, own, say)
		}
	case '{':
		o, err := DecodeObject(v)
		if err != nil {
			return
		}
		for _, m := range o {
			eachOwnWord(m.Value, ownWords[m.Name], say)
		}
	}
}
