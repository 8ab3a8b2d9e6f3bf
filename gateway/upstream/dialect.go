package upstream

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/drover-llm/drover/gateway/openai"
)

// Dialect is how a kind of host differs from OpenAI. The table below is written
// after the hosts' own documentation, as of November 2026; what it says nothing
// of travels as it is.
type Dialect struct {
	Name string
	// hosts are the names, with all below them, and the ports by which a provider
	// is recognised when its configuration does not say what it is.
	hosts []string
	// N says that the host gives several choices for one call, if any did: hosts
	// that do not refuse n, or ignore it.
	N bool
	// MaxTokens is the one member that bounds the output of a chat at this host;
	// empty: what the client sent, both are known.
	MaxTokens string
	// Refuses lists members of a chat request that the host refuses or ignores.
	Refuses []string
	// NoNames says that a message must not have a name.
	NoNames bool
	// Lacks lists the endpoints that the host does not have.
	Lacks []*openai.Endpoint
	// keyHeader carries the key as it is; empty: Authorization, as a bearer token.
	keyHeader string
}

var dialects = []Dialect{
	{Name: "openai", hosts: []string{"api.openai.com"}, N: true},
	// The key goes into api-key, which the deployment paths want; with
	// api_version set, the model's name stands in the path.
	{Name: "azure", hosts: []string{"openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"}, N: true, keyHeader: "Api-Key"},
	{Name: "groq", hosts: []string{"api.groq.com"}, MaxTokens: "max_completion_tokens", NoNames: true,
		Refuses: []string{"logprobs", "top_logprobs", "logit_bias"},
		Lacks:   []*openai.Endpoint{openai.Completions, openai.Embeddings}},
	{Name: "together", hosts: []string{"api.together.xyz", "api.together.ai"}, N: true, MaxTokens: "max_tokens", Refuses: []string{"parallel_tool_calls"},
		Lacks: []*openai.Endpoint{openai.Responses}},
	{Name: "vllm", N: true},
	{Name: "ollama", hosts: []string{"ollama.com", ":11434"}, MaxTokens: "max_tokens", Refuses: []string{"logit_bias", "parallel_tool_calls"}},
	{Name: "llamacpp", MaxTokens: "max_tokens", Refuses: []string{"parallel_tool_calls"}},
}

// generic is a host of which nothing is known.
var generic = Dialect{Name: "other"}

// Dialects are the words that dialect may be.
func Dialects() []string {
	names := []string{generic.Name}
	for _, d := range dialects {
		names = append(names, d.Name)
	}
	return names
}

// Dialect is that of the configuration, or else of its host.
func (c Config) dialect() Dialect {
	u, _ := url.Parse(c.BaseURL) // Validate reports what is no URL
	for _, d := range dialects {
		if c.Dialect == d.Name || c.Dialect == "" && u != nil && slices.ContainsFunc(d.hosts, func(host string) bool { return isBelow(u.Host, host) }) {
			return d
		}
	}
	return generic
}

// Known reports whether something is known of the host.
func (c Config) Known() bool { return !c.dialect().Unknown() }

// isBelow reports whether an address is at this host, or at a name below it, or
// at this port when that is all.
func isBelow(address, host string) bool {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		name = address
	}
	if strings.HasPrefix(host, ":") {
		return host == ":"+port
	}
	return name == host || strings.HasSuffix(name, "."+host)
}

// Serves reports whether the host has the endpoint, as far as is known.
func (d Dialect) Serves(e *openai.Endpoint) bool { return !slices.Contains(d.Lacks, e) }

// Unknown reports whether nothing is known of the host.
func (d Dialect) Unknown() bool { return d.Name == generic.Name }

// Without reports whether the host has no use for a member of a chat request.
func (d Dialect) Without(member string) bool { return slices.Contains(d.Refuses, member) }

// setKey puts the key where the host looks for it.
func (d Dialect) setKey(h http.Header, key string) {
	switch {
	case key == "":
	case d.keyHeader != "":
		h.Set(d.keyHeader, key)
	default:
		h.Set("Authorization", "Bearer "+key)
	}
}

// address is where requests for a model go. With an API version, Azure wants the
// name of the deployment in the path.
func (c Config) address(model string, e *openai.Endpoint) string {
	if c.APIVersion == "" {
		return c.BaseURL + e.Path
	}
	base := strings.TrimSuffix(c.BaseURL, "/openai")
	at := base + "/openai/deployments/" + url.PathEscape(model) + e.Path
	if e == openai.Responses { // not below a deployment
		at = base + "/openai" + e.Path
	}
	return at + "?api-version=" + url.QueryEscape(c.APIVersion)
}
