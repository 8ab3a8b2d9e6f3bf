package sandbox

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// candidateFiles are the files that the candidate's process may see. It must not
// hold what is expected of it: files that look like tests stay out, and so do
// those that the tests name and the candidate does not. shared is a file that
// both name, and from which a candidate could read what is expected.
func (j Job) candidateFiles() (files map[string][]byte, shared string) {
	ofTests, ofCode := j.named(j.Tests), j.named([]string{j.Code})
	files = map[string][]byte{}
	for name, content := range j.Files {
		switch {
		case looksLikeTests(name), ofTests[name] && !ofCode[name]:
			continue
		case ofTests[name] && (shared == "" || name < shared):
			shared = name
		}
		files[name] = content
	}
	return files, shared
}

func looksLikeTests(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "test_") || strings.HasPrefix(base, "tests.") || strings.HasPrefix(base, "conftest") ||
		strings.Contains(base, "_test.") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") ||
		slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(dir string) bool { return dir == "test" || dir == "tests" || dir == "__tests__" })
}

// named are the files that sources name, and those that these name in turn.
func (j Job) named(sources []string) map[string]bool {
	found := map[string]bool{}
	for todo := sources; len(todo) > 0; {
		source := todo[0]
		todo = todo[1:]
		words := map[string]bool{}
		for _, w := range word.FindAllString(source, -1) {
			words[w] = true
		}
		for name, content := range j.Files {
			if !found[name] && speaksOf(source, words, name) {
				found[name] = true
				todo = append(todo, string(content))
			}
		}
	}
	return found
}

var word = regexp.MustCompile(`[A-Za-z0-9_]+`)

// speaksOf says whether a source of these words names a file: of a program by its module's
// name, of another by its name, its folder or, where the name itself is made up
// as the tests run, by its extension.
func speaksOf(source string, words map[string]bool, file string) bool {
	base, extension := path.Base(file), path.Ext(file)
	parts := strings.Split(path.Dir(file), "/")
	switch extension {
	case ".py", ".js", ".mjs", ".cjs":
		stem := strings.TrimSuffix(base, extension)
		if stem == "__init__" || stem == "index" {
			break
		}
		parts = []string{stem}
	default:
		if strings.Contains(source, base) || extension != "" && strings.Contains(source, extension) {
			return true
		}
	}
	return slices.ContainsFunc(parts, func(part string) bool { return words[part] })
}
