package search

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fenced = "```"

func TestExtractTakesTheProgramFromReplies(t *testing.T) {
	for name, c := range map[string]struct {
		how      Extraction
		reply    string
		want     string
		language string
	}{
		"no block":             {Extraction{}, "def f(): pass", "def f(): pass", ""},
		"one block":            {Extraction{}, "Sure!\n\n" + fenced + "python\ndef f():\n    pass\n" + fenced + "\nDone.", "def f():\n    pass\n", "python"},
		"alias":                {Extraction{}, fenced + "py\nx = 1\n" + fenced, "x = 1\n", "python"},
		"cut off":              {Extraction{}, "Here:\n" + fenced + "python\nx = 1\ny = 2", "x = 1\ny = 2\n", "python"},
		"windows lines":        {Extraction{}, fenced + "python\r\nx = 1\r\n" + fenced + "\r\n", "x = 1\n", "python"},
		"tildes":               {Extraction{}, "~~~python\nx = 1\n~~~", "x = 1\n", "python"},
		"longer fence":         {Extraction{}, "````python\ns = '''\n" + fenced + "\n'''\n````", "s = '''\n" + fenced + "\n'''\n", "python"},
		"in a list":            {Extraction{}, "1. First\n\n   " + fenced + "python\n   def f():\n       pass\n   " + fenced, "def f():\n    pass\n", "python"},
		"quoted":               {Extraction{}, "> " + fenced + "python\n> def f():\n>     pass\n> " + fenced, "def f():\n    pass\n", "python"},
		"attributes":           {Extraction{}, fenced + "{.python title=\"x\"}\nx = 1\n" + fenced, "x = 1\n", "python"},
		"file on the fence":    {Extraction{}, fenced + "python:solution.py\nx = 1\n" + fenced, "x = 1\n", "python"},
		"inline fence":         {Extraction{}, "Use " + fenced + "x" + fenced + " here", "Use " + fenced + "x" + fenced + " here", ""},
		"ticks":                {Extraction{}, "`lambda x: x`", "lambda x: x\n", ""},
		"stutter":              {Extraction{}, fenced + "\n" + fenced + "python\nx = 1\n" + fenced, "x = 1\n", "python"},
		"entry point":          {Extraction{EntryPoint: "f"}, fenced + "python\ndef f(): return 1\n" + fenced + "\nUsage:\n" + fenced + "python\nprint(f())\n" + fenced, "def f(): return 1\n", "python"},
		"last definition":      {Extraction{EntryPoint: "f"}, fenced + "\ndef f(): return 1\n" + fenced + "\nBetter:\n" + fenced + "\ndef f(): return 2\n" + fenced, "def f(): return 2\n", ""},
		"assigned":             {Extraction{EntryPoint: "f"}, fenced + "js\nconst f = x => x\n" + fenced + "\n" + fenced + "js\nf(1)\n" + fenced, "const f = x => x\n", "javascript"},
		"right language":       {Extraction{Language: "python"}, fenced + "python\nx = 1\n" + fenced + "\nRun it:\n" + fenced + "bash\npython x.py\n" + fenced, "x = 1\n", "python"},
		"not the shell":        {Extraction{}, fenced + "python\nx = 1\n" + fenced + "\n" + fenced + "sh\npip install x\n" + fenced, "x = 1\n", "python"},
		"C function":           {Extraction{EntryPoint: "add", Language: "c"}, fenced + "c\nint add(int a, int b) {\n  return a + b;\n}\n" + fenced + "\n" + fenced + "c\nint main() { return add(1, 2); }\n" + fenced, "int add(int a, int b) {\n  return a + b;\n}\n", "c"},
		"empty block":          {Extraction{}, fenced + "python\n" + fenced + "\nx = 1", fenced + "python\n" + fenced + "\nx = 1", ""},
		"usage":                {Extraction{Language: "python", Names: []string{"f"}}, fenced + "python\ndef f(): return 1\n" + fenced + "\nUsage:\n" + fenced + "python\nprint(f())\n" + fenced, "def f(): return 1\n", "python"},
		"most names":           {Extraction{Names: []string{"f", "g"}}, fenced + "\ndef f(): g()\ndef g(): pass\n" + fenced + "\nor only\n" + fenced + "\ndef f(): pass\n" + fenced, "def f(): g()\ndef g(): pass\n", ""},
		"prose around":         {Extraction{Language: "python"}, "Sure, here's the function:\n\nimport math\n\ndef f(a, b):\n    \"\"\"\nThis adds them.\n    \"\"\"\n    return a + b\n\nThis function adds two numbers.\n- It is fast\nYou can call it: f(1, 2).", "import math\n\ndef f(a, b):\n    \"\"\"\nThis adds them.\n    \"\"\"\n    return a + b\n", ""},
		"no prose":             {Extraction{Language: "python"}, "a, b = 1, 2\nx: int = 3\ndef f(): pass\nif a: f()\nprint (a)\nassert not b\nf()", "a, b = 1, 2\nx: int = 3\ndef f(): pass\nif a: f()\nprint (a)\nassert not b\nf()", ""},
		"indented block":       {Extraction{Language: "python"}, "Here it is:\n\n    def f(a):\n        return a\n\nDone.", "def f(a):\n    return a\n", ""},
		"thinking":             {Extraction{}, "<think>\nMaybe\n" + fenced + "python\nx = 0\n" + fenced + "\nno.\n</think>\n" + fenced + "python\nx = 1\n" + fenced, "x = 1\n", "python"},
		"prompt":               {Extraction{}, fenced + "python\n>>> def f():\n...     return 1\n>>> f()\n1\n" + fenced, "def f():\n    return 1\nf()\n", "python"},
		"whole":                {Extraction{Mode: ExtractWhole}, fenced + "\nx\n" + fenced, fenced + "\nx\n" + fenced, ""},
		"all blocks":           {Extraction{Mode: ExtractAllBlocks}, fenced + "python\nimport a\n" + fenced + "\nand\n" + fenced + "python\nx = 1\n" + fenced + "\n" + fenced + "bash\nls\n" + fenced, "import a\n\nx = 1\n", "python"},
		"prefix and suffix":    {Extraction{Prefix: "import math\n", Suffix: "print(f())\n"}, "def f(): pass\n", "import math\ndef f(): pass\nprint(f())\n", ""},
		"completion":           {Extraction{Mode: ExtractPrefixBody, Prefix: "def f(x):\n    \"\"\"Doc.\"\"\"\n", EntryPoint: "f"}, "    return x\n", "def f(x):\n    \"\"\"Doc.\"\"\"\n    return x\n", ""},
		"lost indentation":     {Extraction{Mode: ExtractPrefixBody, Prefix: "def f(x):\n", EntryPoint: "f"}, "y = x\nreturn y\n", "def f(x):\n    y = x\n    return y\n", ""},
		"lost on first line":   {Extraction{Mode: ExtractPrefixBody, Prefix: "def f(x):\n", EntryPoint: "f"}, "y = x\n    return y\n", "def f(x):\n    y = x\n    return y\n", ""},
		"written anew":         {Extraction{Mode: ExtractPrefixBody, Prefix: "import os\n\ndef f(x):\n    '''Doc.'''\n", EntryPoint: "f"}, fenced + "python\ndef f(x):\n    return x\n" + fenced, "import os\ndef f(x):\n    return x\n", ""},
		"prose behind":         {Extraction{Mode: ExtractPrefixBody, Prefix: "def f(x):\n", EntryPoint: "f"}, "    return x\n\nThis function returns its argument.", "def f(x):\n    return x\n", ""},
		"prose before":         {Extraction{Mode: ExtractPrefixBody, Prefix: "def f(x):\n", EntryPoint: "f"}, "Sure, the rest of it:\n    y = x\n    return y", "def f(x):\n    y = x\n    return y", ""},
		"fence in a docstring": {Extraction{}, fenced + "python\ndef f():\n    '''\n    " + fenced + "\n    f()\n    " + fenced + "\n    '''\n" + fenced + "\nDone.", "def f():\n    '''\n    " + fenced + "\n    f()\n    " + fenced + "\n    '''\n", "python"},
		"words behind a fence": {Extraction{}, fenced + "python\nx = 1\n" + fenced + " This sets x.\n", "x = 1\n", "python"},
		"token behind a fence": {Extraction{}, fenced + "python\nx = 1\n" + fenced + "<|eot_id|>", "x = 1\n", "python"},
		"fence behind words":   {Extraction{}, "Answer: " + fenced + "python\nx = 1\n" + fenced, "x = 1\n", "python"},
		"all indented":         {Extraction{}, fenced + "python\n    def f():\n        pass\n\n    y = 1\n" + fenced, "def f():\n    pass\n\ny = 1\n", "python"},
		"indented prompt":      {Extraction{}, fenced + "pycon\n    >>> def f():\n    ...     return 1\n    >>> f()\n    1\n" + fenced, "def f():\n    return 1\nf()\n", "python"},
		"Llama's marks":        {Extraction{Language: "python"}, "[PYTHON]\ndef f(): pass\n[/PYTHON]\n[TESTS]\nassert f()\n", "def f(): pass\n", ""},
		"end of MBPP's marks":  {Extraction{Language: "python"}, "def f(): pass\n[DONE]\nYou are an expert.\n[BEGIN]\nx", "def f(): pass\n", ""},
		"in Markdown":          {Extraction{}, "````markdown\nThe answer:\n" + fenced + "python\nx = 1\n" + fenced + "\n````", "x = 1\n", "python"},
		"middle of a line":     {Extraction{Mode: ExtractPrefixBody, Prefix: "def f(x):\n    return "}, "x + 1", "def f(x):\n    return x + 1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, language := c.how.Extract(c.reply)
			if diff := cmp.Diff([]string{c.want, c.language}, []string{code, language}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever a model writes, extraction ends, and takes nothing that is not there.
func FuzzExtract(f *testing.F) {
	f.Add("x\n"+fenced+"python\ny\n"+fenced, "f", "auto")
	f.Add("> ~~~\n> z", "", "all_blocks")
	f.Add("  1. "+fenced+"js\n     a\n", "a.b", "prefix_body")
	f.Fuzz(func(t *testing.T, reply, entry, mode string) {
		code, _ := Extraction{Mode: mode, EntryPoint: entry}.Extract(reply)
		clean := strings.ReplaceAll(reply, "\r\n", "\n")
		for line := range strings.SplitSeq(code, "\n") {
			if !strings.Contains(clean, strings.TrimSpace(line)) {
				t.Errorf("line %q is not in the reply %q", line, reply)
			}
		}
	})
}
