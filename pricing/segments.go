package pricing

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// The tokeniser first splits a text into pieces (a word, up to three digits, a
// run of punctuation, a run of blanks) and then merges the bytes of each piece,
// in time quadratic in the piece's length: 200,000 equal letters are one piece
// and would take minutes. A cutter bounds the length of the pieces, and that of
// the texts, before the tokeniser sees them.
type cutter struct {
	// run is the most bytes of one kind in a row, in bytes. A longer run, which
	// is no ordinary text, is cut there and may count a token more for each cut.
	run int
	// soft is the length in bytes from which a segment ends at the next place
	// where a piece surely ends, so that the count is the same as uncut.
	soft int
	// hard is the length in bytes at which a segment ends anywhere.
	hard int
}

// textCutter keeps the tokeniser's working memory, some 100 bytes for each byte
// of a segment, in bounds as well.
var textCutter = cutter{run: 256, soft: 32 << 10, hard: 256 << 10}

// Kinds of characters, as bits: the pieces of cl100k_base and o200k_base are at
// most two runs of characters that share a kind, and a few characters more.
// Digits have none, as no more than three of them make a piece.
const (
	wordKind   = 1 << iota // letters and marks
	symbolKind             // neither blank nor letter nor digit; marks too
	blankKind              // white space
	tailKind               // line ends and slashes, which may follow symbols
	kinds      = iota
)

// asciiKinds holds kindsOf of the ASCII characters.
var asciiKinds = func() (table [utf8.RuneSelf]uint8) {
	for r := range table {
		table[r] = kindsOf(rune(r))
	}
	return table
}()

func kindsOf(r rune) uint8 {
	var k uint8
	switch {
	case unicode.IsLetter(r):
		k = wordKind
	case unicode.IsMark(r):
		k = wordKind | symbolKind
	case unicode.IsNumber(r):
	case unicode.IsSpace(r):
		k = blankKind
	default:
		k = symbolKind
	}
	if r == '\n' || r == '\r' || r == '/' {
		k |= tailKind
	}
	return k
}

// segments yields the parts of text in order. Joined they are the text.
func (c cutter) segments(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var runs [kinds]int // bytes in a row of each kind that end at the current character
		start := 0
		before := rune(-1)
		for at := 0; at < len(text); {
			r, size, k := rune(text[at]), 1, uint8(0)
			if r < utf8.RuneSelf {
				k = asciiKinds[r]
			} else {
				r, size = utf8.DecodeRuneInString(text[at:])
				k = kindsOf(r)
			}
			cut := at-start >= c.hard || at-start >= c.soft && endsPiece(before, r)
			for i := range runs {
				if k&(1<<i) == 0 {
					runs[i] = 0
					continue
				}
				runs[i] += size
				cut = cut || runs[i] > c.run
			}
			if cut && at > start {
				if !yield(text[start:at]) {
					return
				}
				start = at
				for i := range runs {
					runs[i] = min(runs[i], size)
				}
			}
			before = r
			at += size
		}
		if start < len(text) {
			yield(text[start:])
		}
	}
}

// endsPiece says that a piece surely ends between two characters, whatever
// surrounds them: a blank may begin a piece but never continues a word or a
// number.
func endsPiece(before, after rune) bool {
	word := '0' <= before && before <= '9' || 'a' <= before && before <= 'z' || 'A' <= before && before <= 'Z'
	return word && (after == ' ' || after == '\n' || after == '\t' || after == '\r')
}
