package policy

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxNameLength bounds a key's name, its team and the names of its models, in
// characters.
const maxNameLength = 128

// maxTags is how many tags a key may have.
const maxTags = 16

// Validate reports every fault of a key that is to be created at now, by the
// name that the field has outside. The name may be empty.
func (k Key) Validate(now time.Time, fault func(path, format string, args ...any)) {
	checkName(k.Name, "name", fault)
	checkName(k.Team, "team", fault)
	for i, m := range k.Models {
		path := "models[" + strconv.Itoa(i) + "]"
		if m == "" {
			fault(path, "must be the name of a model or route, got %q", m)
			continue
		}
		checkName(m, path, fault)
	}
	for i, b := range k.Budgets {
		path := "budgets[" + strconv.Itoa(i) + "]"
		if b == "" {
			fault(path, "must be the name of a budget, got %q", b)
			continue
		}
		checkName(b, path, fault)
	}
	if len(k.Tags) > maxTags {
		fault("tags", "must be at most %d, got %d", maxTags, len(k.Tags))
	}
	for name, value := range k.Tags {
		if name == "" || strings.ContainsAny(name+value, ",=") {
			fault("tags", "must be names and values without commas and equals signs, got %q=%q", name, value)
			continue
		}
		checkName(name, "tags", fault)
		checkName(value, "tags."+name, fault)
	}
	if !k.Expires.IsZero() && !k.Expires.After(now) {
		fault("expires_at", "must lie in the future, got %s", k.Expires.UTC().Format(time.RFC3339))
	}
}

// checkName keeps names fit for one line of a log or a table.
func checkName(name, path string, fault func(path, format string, args ...any)) {
	if n := utf8.RuneCountInString(name); n > maxNameLength {
		fault(path, "must have at most %d characters, got %d", maxNameLength, n)
		return
	}
	if !utf8.ValidString(name) {
		fault(path, "must be valid UTF-8, got %q", name)
		return
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			fault(path, "must hold printable characters only, got %q", name)
			return
		}
	}
}
