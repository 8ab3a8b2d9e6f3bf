package sandbox

// languageNames are the languages of the verify schema. Those without a
// built-in command can be added by configuration.
var languageNames = []string{"python", "javascript", "typescript", "go", "java", "c", "cpp", "rust", "bash"}

// builtinLanguages start the common languages with the tools that their
// distributions install. A tool that is missing makes the language unsupported.
var builtinLanguages = map[string]Language{
	"python":     {Command: []string{"python3"}, Extension: "py"},
	"javascript": {Command: []string{"node", "{file}"}, Extension: "js"},
	"bash":       {Command: []string{"bash", "{file}"}, Extension: "sh"},
	"c": {Command: []string{"{out}"}, Extension: "c",
		Compile: []string{"gcc", "-std=gnu17", "-O1", "-o", "{out}", "{file}", "-lm"}},
	"cpp": {Command: []string{"{out}"}, Extension: "cpp",
		Compile: []string{"g++", "-std=gnu++20", "-O1", "-o", "{out}", "{file}"}},
	"go": {Command: []string{"{out}"}, Extension: "go",
		Compile: []string{"go", "build", "-o", "{out}", "{file}"}},
	"rust":       {Extension: "rs"},
	"java":       {Extension: "java"},
	"typescript": {Extension: "ts"},
}

// language is the built-in language with the configuration's fields over it.
func (c Config) language(name string) Language {
	l := builtinLanguages[name]
	own := c.Languages[name]
	if len(own.Command) > 0 {
		l.Command = own.Command
		l.Compile = own.Compile
	}
	if len(own.Compile) > 0 {
		l.Compile = own.Compile
	}
	if own.Extension != "" {
		l.Extension = own.Extension
	}
	l.CPU, l.Memory = own.CPU, own.Memory
	return l
}
