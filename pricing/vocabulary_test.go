package pricing

import (
	"maps"
	"testing"
	"time"

	"github.com/pkoukk/tiktoken-go"
	tiktokenloader "github.com/pkoukk/tiktoken-go-loader"
	"github.com/pkoukk/tiktoken-go-loader/assets"
)

// vocabularies are those that are read here, by the library's names.
var vocabularies = map[string]int{tiktoken.MODEL_O200K_BASE: 199_998, tiktoken.MODEL_CL100K_BASE: 100_256}

// fromBinary reads a vocabulary as newEncoder does.
func fromBinary(t testing.TB, name string) vocabulary {
	t.Helper()
	lines, err := assets.Assets.ReadFile(name + ".tiktoken")
	if err != nil {
		t.Fatal(err)
	}
	v := make(vocabulary, vocabularies[name])
	if err := v.read(lines, vocabularies[name]); err != nil {
		t.Fatal(err)
	}
	return v
}

// The larger vocabulary is compared with -all only.
func TestVocabulariesAreThoseOfTheLibrary(t *testing.T) {
	for name := range vocabularies {
		if name == tiktoken.MODEL_O200K_BASE && !*all {
			continue
		}
		want, err := tiktokenloader.NewOfflineLoader().LoadTiktokenBpe(name + ".tiktoken")
		if err != nil || !maps.Equal(fromBinary(t, name), want) {
			t.Errorf("%s is not the library's, of %d tokens: %v", name, len(want), err)
		}
	}
}

func TestDamagedVocabularyIsRefused(t *testing.T) {
	for _, lines := range []string{"", "YQ==", "YQ== x\n", "Y 1\n", "YQ== 1\nYQ== 2\n", "YQ== 1\n\n"} {
		if err := make(vocabulary).read([]byte(lines), 2); err == nil {
			t.Errorf("%q was read", lines)
		}
	}
	v := make(vocabulary)
	if err := v.read([]byte("YQ== 1\nYWI= 2\n"), 2); err != nil || v["a"] != 1 || v["ab"] != 2 {
		t.Errorf("%v, %v", v, err)
	}
}

// BenchmarkVocabulary prints what building the tables of GPT-4o takes, as a ratio to
// how the library builds them.
func BenchmarkVocabulary(b *testing.B) {
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		fromBinary(b, tiktoken.MODEL_O200K_BASE)
		ours += time.Since(start)
		start = time.Now()
		ranks, err := tiktokenloader.NewOfflineLoader().LoadTiktokenBpe(tiktoken.MODEL_O200K_BASE + ".tiktoken")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tiktoken.NewCoreBPE(ranks, map[string]int{tiktoken.ENDOFTEXT: 199_999}, "."); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(start)
	}
	b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-library")
}
