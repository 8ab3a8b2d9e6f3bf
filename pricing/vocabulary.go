package pricing

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"

	"github.com/pkoukk/tiktoken-go"
	"github.com/pkoukk/tiktoken-go-loader/assets"
)

// encoder builds one encoding's tables, once for the process: o200k_base takes a
// twentieth of a second and 14 MB.
type encoder func() (*tiktoken.Tiktoken, error)

var (
	o200k  = encoder(sync.OnceValues(func() (*tiktoken.Tiktoken, error) { return newEncoder(tiktoken.MODEL_O200K_BASE, 199_998) }))
	cl100k = encoder(sync.OnceValues(func() (*tiktoken.Tiktoken, error) { return newEncoder(tiktoken.MODEL_CL100K_BASE, 100_256) }))
)

// vocabulary is the rank of each token by its bytes.
type vocabulary map[string]int

// LoadTiktokenBpe hands the vocabulary to the library, which would download one.
func (v vocabulary) LoadTiktokenBpe(string) (map[string]int, error) { return v, nil }

// loading guards the library's loader, which is a global.
var loading sync.Mutex

// newEncoder builds an encoding from the vocabulary of so many tokens that is built
// into the binary. The library keeps the map that it is given, and makes tables for
// decoding of what is in it by then. Nothing is decoded here, so it is given an empty
// map, which is filled afterwards: that takes a fifth of the time, and half of the memory.
func newEncoder(encoding string, tokens int) (*tiktoken.Tiktoken, error) {
	ranks := make(vocabulary, tokens)
	loading.Lock()
	tiktoken.SetBpeLoader(ranks)
	e, err := tiktoken.GetEncoding(encoding)
	loading.Unlock()
	if err != nil {
		return nil, fmt.Errorf("building tokeniser %s: %w", encoding, err)
	}
	lines, err := assets.Assets.ReadFile(encoding + ".tiktoken")
	if err != nil {
		return nil, fmt.Errorf("building tokeniser %s: %w", encoding, err)
	}
	if err := ranks.read(lines, tokens); err != nil {
		return nil, fmt.Errorf("building tokeniser %s: %w", encoding, err)
	}
	return e, nil
}

// read adds the tokens of a vocabulary's lines, each a token in base64 and its rank.
func (v vocabulary) read(lines []byte, tokens int) error {
	all := make([]byte, 0, len(lines)*3/4)
	ends := make([]int, 0, tokens)
	ranks := make([]int, 0, tokens)
	for line := range bytes.Lines(lines) {
		token, rank, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte(" "))
		var err error
		if all, err = base64.StdEncoding.AppendDecode(all, token); err != nil {
			return fmt.Errorf("line %d: %w", len(ends)+1, err)
		}
		n, err := strconv.Atoi(string(rank))
		if err != nil {
			return fmt.Errorf("line %d: %w", len(ends)+1, err)
		}
		ends, ranks = append(ends, len(all)), append(ranks, n)
	}
	text, start := string(all), 0 // one text that all tokens share
	for i, end := range ends {
		v[text[start:end]] = ranks[i]
		start = end
	}
	if len(v) != tokens {
		return fmt.Errorf("%d tokens, not %d", len(v), tokens)
	}
	return nil
}
