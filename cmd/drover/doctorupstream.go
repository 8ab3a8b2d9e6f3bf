package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/upstream"
)

// listWithin bounds what one provider may take for its list of models.
const listWithin = 10 * time.Second

// upstreams asks every provider once for its models, all at one time.
func (p *patient) upstreams(ctx context.Context) []sandbox.Probe {
	if p.config == nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(p.config.Providers))
	found := make([][]sandbox.Probe, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		if !p.sound("providers." + name) {
			found[i] = []sandbox.Probe{{Name: name, Need: true, Saw: "not tried: its configuration has faults", Mend: "correct them, see above"}}
			continue
		}
		all.Go(func() { found[i] = p.upstream(ctx, name) })
	}
	all.Wait()
	return slices.Concat(found...)
}

// upstream asks one provider, and looks for the models that it is to answer.
func (p *patient) upstream(ctx context.Context, name string) []sandbox.Probe {
	config := p.config.Providers[name].WithDefaults()
	provider := upstream.NewProvider(name, config, http.ProxyFromEnvironment)
	defer provider.Close()
	ctx, cancel := context.WithTimeout(ctx, min(config.Timeout, listWithin))
	defer cancel()
	started := time.Now()
	list, err := provider.List(ctx)
	took := fmt.Sprintf("in %d ms", time.Since(started).Milliseconds())
	one := sandbox.Probe{Name: name, Need: true}
	var failed *openai.CallError
	if errors.As(err, &failed) {
		one.Saw = fmt.Sprintf("%s %s: %v", config.BaseURL, took, failed)
		switch status := failed.Status; status {
		case http.StatusUnauthorized, http.StatusForbidden:
			one.Mend = p.mendKey(name)
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusOK:
			one.OK = true
			one.Saw = fmt.Sprintf("%s answers %s, without a list of models (HTTP %d): key and models were not tried; if requests fail too, base_url is not where its API begins", config.BaseURL, took, status)
		case http.StatusTooManyRequests, http.StatusPaymentRequired:
			one.Mend = "look after the account's quota at the provider, or ask less of it"
		case 0:
			one.Mend = "start the host, or correct providers." + name + ".base_url; behind a proxy, set HTTPS_PROXY and NO_PROXY"
		default:
			one.Mend = "look at the host, and whether providers." + name + ".base_url is where its API begins"
		}
		return []sandbox.Probe{one}
	}
	if err != nil {
		one.Saw, one.Mend = err.Error(), "correct providers."+name+".base_url"
		return []sandbox.Probe{one}
	}
	one.OK, one.Saw = true, fmt.Sprintf("%s answers %s and lists %s", config.BaseURL, took, plural(len(list.Names), "model"))
	probes := []sandbox.Probe{one}
	for _, alias := range slices.Sorted(maps.Keys(p.config.Models)) {
		model := p.config.Models[alias]
		if model.Provider != name {
			continue
		}
		m := sandbox.Probe{Name: name + "/" + alias, OK: true, Need: true, Saw: model.Name + " is listed"}
		switch {
		case list.Has(model.Name):
		case !list.Tells():
			m.Saw = model.Name + " is not listed, which says nothing with this kind of host"
		default:
			m.OK, m.Saw = false, model.Name+" is not listed there"
			m.Mend = "correct models." + alias + ".name, or have the host serve it" + near(list.Names)
		}
		probes = append(probes, m)
	}
	return probes
}

// near names what a host has, where that is little.
func near(names []string) string {
	if len(names) == 0 || len(names) > 8 {
		return ""
	}
	return ": it has " + strings.Join(names, ", ")
}

var keyVariable = regexp.MustCompile(`api_key:\s*["']?\$\{([A-Za-z_][A-Za-z0-9_]*)`)

// mendKey says where the key of a provider comes from.
func (p *patient) mendKey(name string) string {
	path := "providers." + name + ".api_key"
	if p.config.Providers[name].APIKey == "" {
		return "set " + path + ": none is sent"
	}
	at := p.config.Fault(path, "")
	where := fmt.Sprintf("%s:%d: %s", at.File, at.Line, path)
	text, err := os.ReadFile(p.file)
	if lines := strings.Split(string(text), "\n"); err == nil && at.Line > 0 && at.Line <= len(lines) {
		if m := keyVariable.FindStringSubmatch(lines[at.Line-1]); m != nil {
			return "set " + m[1] + " in the environment to a key that the host takes (" + where + ")"
		}
	}
	return "give a key that the host takes (" + where + ")"
}
