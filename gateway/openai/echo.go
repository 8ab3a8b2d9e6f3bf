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

	// mostSaid is how many bytes of a text are looked through for every word of a
	// prompt.
	mostSaid = 4096
)

// WithoutEcho takes out of a text, such as a provider's error message, what it
// repeats of the prompt in the request's body. A longer text than of 4096 bytes is
// cut.
func WithoutEcho(text string, body []byte) string {
	if len(text) < leastEcho {
		return text
	}
	if len(text) > mostSaid {
		text = strings.ToValidUTF8(text[:mostSaid], "") + "…"
	}
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
	eachOwnWord(body, func(said string) {
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
			part := said[i : i+echoLength]
			for _, place := range at[part] {
				mark(place, echoLength)
			}
			delete(at, part) // once is enough, also in a prompt that repeats itself
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

// eachOwnWord calls say for every string of a JSON value that a user wrote: those in
// members of such names, and in lists there. It reads the value once, however deep.
func eachOwnWord(v jsontext.Value, say func(string)) {
	r := read(v, lenient)
	defer r.done()
	var lists []bool // by depth: what stands right in this list is a user's
	own := false     // what comes next is
	for {
		if in, count := r.dec.StackIndex(r.dec.StackDepth()); in == '[' {
			own = lists[len(lists)-1]
		} else if in == '{' && count%2 == 0 && r.dec.PeekKind() == '"' {
			name, err := r.dec.ReadToken()
			if err != nil {
				return
			}
			own = ownWords[name.String()]
			continue
		}
		token, err := r.dec.ReadToken()
		if err != nil {
			return
		}
		switch token.Kind() {
		case '[', '{':
			lists = append(lists, own)
		case ']', '}':
			lists = lists[:len(lists)-1]
		case '"':
			if own {
				say(token.String())
			}
		}
	}
}
