package sandbox

import (
	"slices"
	"testing"
)

func TestLocalPrefixesShowOnlyWhatHoldsATool(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  []string
	}{
		{[]string{"/usr/bin/python3"}, nil},
		{[]string{"/usr/local/bin/node"}, []string{"/usr/local/bin"}},
		{[]string{"/usr/local/go/bin/go"}, []string{"/usr/local/go"}},
		{[]string{"/usr/local/bin/gcc", "/usr/bin/ccache"}, []string{"/usr/local/bin"}},
		{[]string{"/usr/local/bin/node", "/usr/local/lib/node/bin/node"}, []string{"/usr/local/bin", "/usr/local/lib/node"}},
		{[]string{"/usr/bin/python3", "/usr/local/bin/"}, []string{"/usr/local/bin"}},
		{[]string{"/usr/local/tool"}, nil}, // never all of /usr/local
	} {
		if got := localPrefixes(c.files...); !slices.Equal(got, c.want) {
			t.Errorf("localPrefixes(%q) = %q, want %q", c.files, got, c.want)
		}
	}
}
