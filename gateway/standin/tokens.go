package standin

import "unicode/utf8"

// maxTokenBytes bounds a word's token, so that long words have several.
const maxTokenBytes = 6

// nextToken returns the length in bytes of the first token of a text that is
// not empty: a space and a part of a word, or one other character. The rule is
// a rough likeness of a real tokeniser, with the one property that matters
// here: the tokens of a text, joined, are the text.
func nextToken(text string) int {
	n := 0
	if text[0] == ' ' && len(text) > 1 && isWordByte(text[1]) {
		n = 1
	}
	end := n
	for end < len(text) && end-n < maxTokenBytes && isWordByte(text[end]) {
		end++
	}
	if end > n {
		return end
	}
	_, size := utf8.DecodeRuneInString(text)
	return size
}

func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_'
}

func countTokens(text string) int {
	n := 0
	for ; text != ""; n++ {
		text = text[nextToken(text):]
	}
	return n
}

// firstTokens returns the longest start of text with at most limit tokens.
func firstTokens(text string, limit int) (start string, tokens int) {
	at := 0
	for tokens < limit && at < len(text) {
		at += nextToken(text[at:])
		tokens++
	}
	return text[:at], tokens
}

// pieces splits text into parts of whole tokens: n parts of about equal size,
// or one for each token when n is 0 or there are fewer tokens.
func pieces(text string, tokens, n int) []piece {
	if n <= 0 || n > tokens {
		n = tokens
	}
	parts := make([]piece, 0, n)
	for i := range n {
		size := tokens*(i+1)/n - tokens*i/n
		part, _ := firstTokens(text, size)
		parts = append(parts, piece{text: part, tokens: size})
		text = text[len(part):]
	}
	return parts
}

// piece is a part of an answer that one chunk of a stream carries.
type piece struct {
	text   string
	tokens int
	tool   bool // text is a part of a tool call's arguments
}
