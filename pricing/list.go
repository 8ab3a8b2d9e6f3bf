package pricing

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// List is a published price list, by the name of the host that asks the prices.
// It is plain data: whoever reads the file decodes into it.
type List map[string]Section

// Section is what one host asks for its models.
type Section struct {
	// Owner says that the names of the section's models are the host's own, so
	// that they have its price wherever they are served, a proxy for example.
	Owner bool `yaml:"owner,omitempty" json:"owner,omitempty"`
	// Host names of the service. A name also stands for every name below it:
	// "groq.com" matches api.groq.com.
	Hosts []string `yaml:"hosts" json:"hosts"`
	// Prices by the name that the host gives to the model.
	Models map[string]Entry `yaml:"models" json:"models"`
}

// Entry is one line of a price list.
type Entry struct {
	PriceConfig `yaml:",inline"`
	// The most completion tokens that the model gives in one answer. 0: unknown.
	MaxOutput int64 `yaml:"max_output,omitempty" json:"max_output,omitempty"`
}

// Find looks up what a provider asks for a model. provider is its name in the
// configuration, host the host of its base URL, with or without a port, and
// model the name that the provider knows the model by. The first of these
// decides:
//
//  1. the section whose hosts match host, the longest match first;
//  2. the section that is named like the provider;
//  3. the section that owns the model's name.
//
// A section that was found and does not list the model ends the search: what
// one host asks says nothing about another. source is a phrase that says where
// the price comes from: "openai's list", "openai's list, by the model's name".
func (l List) Find(provider, host, model string) (entry Entry, source string, ok bool) {
	name, found := l.sectionOfHost(host)
	if !found {
		_, found = l[provider]
		name = provider
	}
	if found {
		entry, ok = l[name].Models[model]
		if !ok {
			return Entry{}, "", false
		}
		return entry, name + "'s list", true
	}
	return l.findByName(model)
}

func (l List) sectionOfHost(host string) (name string, ok bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	longest := 0
	for section, s := range l {
		for _, h := range s.Hosts {
			if len(h) > longest && (host == h || strings.HasSuffix(host, "."+h)) {
				name, longest = section, len(h)
			}
		}
	}
	return name, longest > 0
}

func (l List) findByName(model string) (entry Entry, source string, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(l)) {
		if e, listed := l[name].Models[model]; listed && l[name].Owner {
			return e, name + "'s list, by the model's name", true
		}
	}
	return Entry{}, "", false
}

// Validate reports every fault of the list with its path.
func (l List) Validate(fault func(path, format string, args ...any)) {
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(l)) {
		for i, h := range l[name].Hosts {
			path := fmt.Sprintf("%s.hosts[%d]", name, i)
			switch other, taken := owner[h]; {
			case h == "" || h != strings.ToLower(h) || strings.ContainsAny(h, ":/* ") || strings.Trim(h, ".") != h:
				fault(path, "must be a host name in lower case without scheme, port or wildcard, got %q", h)
			case taken:
				fault(path, "%q is already a host of %s", h, other)
			default:
				owner[h] = name
			}
		}
		if len(l[name].Models) == 0 {
			fault(name+".models", "missing: a section needs at least one model")
		}
		for _, model := range slices.Sorted(maps.Keys(l[name].Models)) {
			e := l[name].Models[model]
			path := fmt.Sprintf("%s.models[%q]", name, model)
			e.Validate(func(p, format string, args ...any) { fault(path+"."+p, format, args...) })
			if e.MaxOutput < 0 {
				fault(path+".max_output", "must not be negative, got %d", e.MaxOutput)
			}
		}
	}
}
