package configs

import (
	"fmt"
	"regexp"
	"strings"
)

// reference is ${NAME} or ${NAME:-default}; $${ stands for ${ itself.
var reference = regexp.MustCompile(`\$?\$\{[^}]*\}*`)

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?\}$`)

// expand replaces the references to environment variables in one value. It works
// on values, never on the file's text, so that what a variable holds cannot
// become YAML.
func expand(text string, getenv func(string) (string, bool)) (string, error) {
	var fault error
	expanded := reference.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		m := variable.FindStringSubmatch(found)
		if m == nil {
			fault = fmt.Errorf("%s is not a reference to an environment variable; write ${NAME} or ${NAME:-default}", found)
			return ""
		}
		value, set := getenv(m[1])
		switch {
		case set && (value != "" || m[2] == ""):
			return value
		case m[2] != "" && !strings.Contains(m[3], "${"):
			return m[3]
		}
		if m[2] != "" {
			fault = fmt.Errorf("the default of %s must be plain text, without another ${…}", m[1])
			return ""
		}
		fault = fmt.Errorf("the environment variable %s is not set; set it, or write ${%s:-default}", m[1], m[1])
		return ""
	})
	return expanded, fault
}
