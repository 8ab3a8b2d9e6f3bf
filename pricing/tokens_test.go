package pricing

import (
	"flag"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// library counts with the tokeniser alone, in one piece.
func library(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, f Family, text string) int {
	t.Helper()
	build, ok := f.encoder()
	if !ok {
		t.Fatalf("family %d has no encoder", f)
	}
	tokenizer, err := build()
	if err != nil {
		t.Fatalf("building the tokeniser of family %d: %v", f, err)
	}
	return len(tokenizer.EncodeOrdinary(text))
}

func TestFamilyOf(t *testing.T) {
	for model, want := range map[string]Family{
		"gpt-4o": GPT4o, "gpt-4o-mini-2024-07-18": GPT4o, "openai/GPT-4o": GPT4o, "chatgpt-4o-latest": GPT4o, "gpt-4.1-nano": GPT4o,
		"o3": GPT4o, "o1-mini": GPT4o, "openai/o4-mini-2025-04-16": GPT4o,
		"gpt-4-turbo": GPT4, "gpt-35-turbo": GPT4, "text-embedding-3-small": GPT4,
		"llama3.1:8b": Llama3, "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo": Llama3, "meta.llama3-1-8b-instruct-v1:0": Llama3,
		"accounts/fireworks/models/llama-v3p1-405b-instruct": Llama3, "llama-3.1-8b-instant": Llama3,
		"llama-2-7b": Unknown, "mistral-large": Unknown, "our-o1": Unknown, "": Unknown,
	} {
		if got := FamilyOf(model); got != want {
			t.Errorf("FamilyOf(%q) = %d, want %d", model, got, want)
		}
	}
}

// TestCountAgreesWithPublishedCounts uses the counts of OpenAI's cookbook and,
// for Llama, those of Meta's own vocabulary of 128,000 tokens.
func TestCountAgreesWithPublishedCounts(t *testing.T) {
	for _, tt := range []struct {
		text        string
		gpt4o, gpt4 int
	}{
		{"tiktoken is great!", 6, 6},
		{"antidisestablishmentarianism", 6, 6},
		{"2 + 2 = 4", 7, 7},
		{"お誕生日おめでとう", 8, 9},
		{"", 0, 0},
	} {
		if got := GPT4o.Count(tt.text); got != tt.gpt4o {
			t.Errorf("GPT4o.Count(%q) = %d, want %d", tt.text, got, tt.gpt4o)
		}
		if got := Count("gpt-4", tt.text); got != tt.gpt4 {
			t.Errorf("GPT4.Count(%q) = %d, want %d", tt.text, got, tt.gpt4)
		}
	}
	for _, tt := range []struct {
		text string
		want int // by Meta's vocabulary
		high float64
	}{
		{"hello world", 2, LlamaMargin},
		{"Der Gutachter prüft die Rechnung und schreibt anschließend einen ausführlichen Bericht über die Größe der Straßen in München.", 34, LlamaMargin},
		{"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 AAABBBCC==/+x9f", 52, LlamaMargin},
		{"请写一个函数，返回两个整数的和，并解释它的时间复杂度和空间复杂度。", 26, .2},
		{"두 정수의 합을 반환하는 함수를 작성하고 시간 복잡도를 설명해 주세요.", 20, .5},
	} {
		got := Count("llama3.1:8b", tt.text)
		if got < tt.want || float64(got) > float64(tt.want)*(1+tt.high) {
			t.Errorf("Count for Llama of %q = %d, want %d to %.0f %% more", tt.text, got, tt.want, 100*tt.high)
		}
	}
}

func TestUnknownFamilyCountsBytes(t *testing.T) {
	if got := Count("somebody's model", "漢字"); got != 6 {
		t.Errorf("Count = %d, want the 6 bytes", got)
	}
}

var all = flag.Bool("all", false, "count all texts, not a part of them")

// sources are Go files of this module and of the standard library, one after the
// other, of so many bytes or a file more.
func sources(t testing.TB, size int) string {
	t.Helper()
	var text strings.Builder
	for _, dir := range []string{moduleRoot(t), filepath.Join(build.Default.GOROOT, "src", "strconv"), filepath.Join(build.Default.GOROOT, "src", "net", "http")} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || text.Len() > size {
				return fs.SkipAll // no standard library here: our own sources are enough
			}
			if d.IsDir() || filepath.Ext(path) != ".go" {
				return nil
			}
			data, err := os.ReadFile(path)
			text.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if text.Len() < min(size, 500_000) {
		t.Fatalf("only %d bytes of sources found", text.Len())
	}
	return text.String()
}

// What is counted in segments, as all that is longer than one, and cut finer than
// ever, counts as the library counts it in one piece.
func TestCountEqualsTheLibraryOnOrdinaryText(t *testing.T) {
	size := 40_000
	if *all {
		size = 2_000_000
	}
	finer := cutter{run: textCutter.run, soft: 500, hard: textCutter.hard}
	for name, text := range map[string]string{
		"sources":       sources(t, size),
		"mixed scripts": strings.Repeat("Naïve café – 漢字かな交じり文、한국어 텍스트; हिन्दी पाठ. Ünïcödé's 🎉👩‍👩‍👧‍👦 123456 x₁²\r\n\tint main(void) { return 0; } // …\n", 40),
	} {
		for _, f := range []Family{GPT4o, GPT4} {
			want, segments, inParts := library(t, f, text), 0, 0
			for s := range finer.segments(text) {
				segments++
				inParts += library(t, f, s)
			}
			if got := f.Count(text); got != want || inParts != want || segments < len(text)/1000 {
				t.Errorf("family %d, %s: Count = %d, in %d segments %d, the library's %d", f, name, got, segments, inParts, want)
			}
		}
	}
}

// trickyText draws texts that are dense in characters that decide where pieces end.
func trickyText() *rapid.Generator[string] {
	word := rapid.SampledFrom([]string{
		"a", "bc", "The", "DON", "'s", "'LL", "'", " ", "  ", "\n", "\r\n", "\t", "/", "//", ".", "...", "(", ")", "1", "23", "4567",
		"é", "e\u0301", "\u0301", "漢", "字", "ー", "ǅ", "ʰ", "²", "½", "٣", "\u00a0", "\u2028", "\u200d", "🎉", "👩‍👧", "�", "_", "==",
	})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "words"), "") })
}

func TestCuttingWhereAPieceEndsKeepsTheCount(t *testing.T) {
	everywhere := cutter{run: 1 << 20, soft: 1, hard: 1 << 20}
	rapid.Check(t, func(t *rapid.T) {
		text := trickyText().Draw(t, "text")
		for _, f := range []Family{GPT4o, GPT4} {
			got := 0
			for s := range everywhere.segments(text) {
				got += library(t, f, s)
			}
			if want := library(t, f, text); got != want {
				t.Fatalf("family %d: %q counts %d in parts, %d as a whole", f, text, got, want)
			}
		}
	})
}

func TestSegmentsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cutter{
			run:  rapid.IntRange(4, 20).Draw(t, "run"),
			soft: rapid.IntRange(1, 60).Draw(t, "soft"),
			hard: rapid.IntRange(60, 80).Draw(t, "hard"),
		}
		text := rapid.OneOf(trickyText(), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		var joined strings.Builder
		for s := range c.segments(text) {
			joined.WriteString(s)
			if s == "" || len(s) > c.hard+utf8.UTFMax {
				t.Fatalf("segment of %d bytes: %q", len(s), s)
			}
			for kind := range kinds {
				row := 0
				for at, r := range s {
					_, size := utf8.DecodeRuneInString(s[at:])
					if kindsOf(r)&(1<<kind) == 0 {
						row = 0
					} else if row += size; row > c.run {
						t.Fatalf("%d bytes of kind %d in a row in %q", row, kind, s)
					}
				}
			}
		}
		if joined.String() != text {
			t.Fatalf("segments of %q join to %q", text, joined.String())
		}
	})
}

// TestLongRunsAreCounted would take many minutes if runs were not cut: the tokeniser's
// time grows with the square of a run.
func TestLongRunsAreCounted(t *testing.T) {
	for name, tt := range map[string]struct {
		unit        string
		size        int
		gpt4o, gpt4 int // extrapolated from the tokeniser's own counts of short runs; 0: not compared
	}{
		"lower case":            {"a", 200_000, 25_000, 25_000},
		"CJK":                   {"漢", 4_000, 0, 0},
		"upper case":            {"A", 4_000, 500, 500},
		"mixed case":            {"aA", 4_000, 0, 0},
		"digits":                {"1", 4_000, 1_334, 1_334},
		"spaces":                {" ", 4_000, 0, 0},
		"tabs":                  {"\t", 4_000, 0, 0},
		"line ends":             {"\n", 4_000, 0, 0},
		"punctuation":           {"!", 4_000, 250, 500},
		"slashes and line ends": {"/\n", 4_000, 0, 0},
		"blanks and line ends":  {" \n", 4_000, 0, 0},
		"emoji":                 {"🎉", 4_000, 0, 0},
		"marks":                 {"\u0301", 4_000, 0, 0},
		"marked points":         {".\u0301", 4_000, 0, 0},
		"letters and digits":    {"a1", 4_000, 4_000, 4_000},
		"contractions":          {"'s", 4_000, 0, 0},
		"no UTF-8":              {"\xff", 4_000, 0, 0},
	} {
		text := strings.Repeat(tt.unit, tt.size/len(tt.unit))
		for f, want := range map[Family]int{GPT4o: tt.gpt4o, GPT4: tt.gpt4} {
			got := f.Count(text)
			if got < 1 || got > len(text) {
				t.Errorf("family %d, %s: Count = %d of %d bytes", f, name, got, len(text))
			}
			if want > 0 && (got < want*99/100 || got > want*101/100) {
				t.Errorf("family %d, %s: Count = %d, want %d within 1 %%", f, name, got, want)
			}
		}
	}
}

func TestWarm(t *testing.T) {
	if err := Warm(GPT4o, Unknown, Llama3); err != nil {
		t.Fatal(err)
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"", "func main() {}\n", strings.Repeat("a", 3000), strings.Repeat("/\n", 2000), "\xff\xfe", "<|endoftext|>", "e\u0301'S \u2028", strings.Repeat("漢", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, family := range []Family{GPT4o, GPT4} {
			got := family.Count(text)
			if got > len(text) || text != "" && got == 0 {
				t.Fatalf("family %d: Count = %d of %d bytes: %q", family, got, len(text), text)
			}
			if len(text) <= textCutter.run && utf8.ValidString(text) && got != library(t, family, text) {
				t.Fatalf("family %d: Count = %d, library %d: %q", family, got, library(t, family, text), text)
			}
		}
	})
}

// BenchmarkCount prints what cutting costs on ordinary text, as a ratio to the
// tokeniser alone, and what a run of equal characters costs, as a ratio to
// ordinary text of the same length.
func BenchmarkCount(b *testing.B) {
	if err := Warm(GPT4o); err != nil {
		b.Fatal(err)
	}
	ordinary := strings.Repeat("func main() { fmt.Println(\"hello, world\") } // say it\n", 200)
	run := strings.Repeat("a", len(ordinary))
	var alone, cut, long time.Duration
	measure := func(total *time.Duration, count func()) {
		start := time.Now()
		count()
		*total += time.Since(start)
	}
	for b.Loop() {
		measure(&alone, func() { library(b, GPT4o, ordinary) })
		measure(&cut, func() { GPT4o.Count(ordinary) })
		measure(&long, func() { GPT4o.Count(run) })
	}
	b.ReportMetric(float64(b.N*len(ordinary))/cut.Seconds()/1e6, "MB/s")
	b.ReportMetric(cut.Seconds()/alone.Seconds(), "x-library")
	b.ReportMetric(long.Seconds()/cut.Seconds(), "x-for-one-run")
}
