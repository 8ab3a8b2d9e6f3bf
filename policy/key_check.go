package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/drover-llm/drover/pricing"
)

// maxNameLength bounds a key's name, its team and the names of its models, in
// characters.
const maxNameLength = 128

// maxTags is how many tags a key may have.
const maxTags = 16

// Windows are the words for the calendar windows of a budget, in UTC.
var Windows = []string{"minute", "hour", "day", "week", "month"}

// ParseKeyBudget reads one of a key's own budgets: the name of a budget of the
// configuration, or an amount in dollars and its window, "5.00/day". A name has
// no slash; inline tells which it is, and limit and window belong to an amount.
func ParseKeyBudget(s string) (limit pricing.USD, window string, inline bool, err error) {
	amount, window, inline := strings.Cut(s, "/")
	if !inline {
		return 0, "", false, nil
	}
	limit, err = pricing.ParseUSD(amount)
	if err != nil || limit <= 0 || !slices.Contains(Windows, window) {
		return 0, "", true, fmt.Errorf("must be the name of a budget or an amount such as 5.00/day (or minute, hour, week, month), got %q", s)
	}
	return limit, window, true, nil
}

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
			fault(path, "must be the name of a budget or an amount such as 5.00/day, got %q", b)
			continue
		}
		checkName(b, path, fault)
		if _, _, _, err := ParseKeyBudget(b); err != nil {
			fault(path, "%v", err)
		}
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
