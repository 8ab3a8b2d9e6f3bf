package pricing

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestLlamaMarginHolds compares sums over collections of texts with those of
// Meta's own vocabulary of 128,000 tokens, which were counted once outside. The
// largest collection is counted with -all only.
func TestLlamaMarginHolds(t *testing.T) {
	for _, tt := range []struct {
		file, field string
		texts, want int
	}{
		{"problems/HumanEval.jsonl.gz", "canonical_solution", 164, 8_831},
		{"problems/HumanEval.jsonl.gz", "prompt", 164, 21_532},
		{"samples/llama31_greedy_humaneval.jsonl.gz", "code", 328, 71_861},
	} {
		if tt.texts > 164 && !*all {
			continue
		}
		file, err := os.Open(filepath.Join(moduleRoot(t), "..", "shared", "data", filepath.FromSlash(tt.file)))
		if err != nil {
			t.Skipf("the texts are not here: %v", err)
		}
		defer file.Close()
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		lines, texts, sum := bufio.NewScanner(unzipped), 0, 0
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var record map[string]any
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				t.Fatal(err)
			}
			text, _ := record[tt.field].(string)
			sum += Llama3.Count(text)
			texts++
		}
		if lines.Err() != nil || texts != tt.texts {
			t.Fatalf("%s: %d texts, want %d: %v", tt.file, texts, tt.texts, lines.Err())
		}
		if sum < tt.want || float64(sum) > float64(tt.want)*(1+LlamaMargin) {
			t.Errorf("%s, %s: %d tokens, want %d to %.1f %% more", tt.file, tt.field, sum, tt.want, 100*LlamaMargin)
		}
	}
}

func TestCountIsSafeForManyAtOnce(t *testing.T) {
	const text = "func main() { fmt.Println(\"hello, world\") }\n"
	want := GPT4o.Count(text)
	var counters sync.WaitGroup
	for range 8 {
		counters.Go(func() {
			for range 20 {
				if got := GPT4o.Count(text); got != want {
					t.Errorf("Count = %d, alone %d", got, want)
				}
			}
		})
	}
	counters.Wait()
}
