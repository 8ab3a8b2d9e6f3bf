package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/drover-llm/drover/gateway/openai"
)

// maxList bounds what is read of a list of models, in bytes.
const maxList = 16 << 20

// List is what a host says of its models.
type List struct {
	Names   []string
	dialect Dialect
}

// Tells reports whether the list can tell that a model is missing: Azure lists what
// could be deployed, and llama.cpp answers with its one model by any name.
func (l List) Tells() bool { return l.dialect.Name != "azure" && l.dialect.Name != "llamacpp" }

// Has reports whether the host lists a model. Ollama adds the tag latest where a
// name has none.
func (l List) Has(name string) bool {
	return slices.Contains(l.Names, name) || l.dialect.Name == "ollama" && slices.Contains(l.Names, name+":latest")
}

// List asks the host once for its models. A *openai.CallError says what keeps it
// from answering; its status is 404, 405 or 501 where the host has no list at the
// base URL, and 200 where what it gave is none.
func (p *Provider) List(ctx context.Context) (List, error) {
	list := List{dialect: p.dialect}
	at := p.config.BaseURL + "/models"
	if p.config.APIVersion != "" {
		at = strings.TrimSuffix(p.config.BaseURL, "/openai") + "/openai/models?api-version=" + url.QueryEscape(p.config.APIVersion)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return list, err
	}
	r.Header = p.header.Clone()
	r.Header.Del("Content-Type")
	resp, err := p.transport.RoundTrip(r)
	if err != nil {
		return list, broken(ctx, err, false)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxList))
	if err != nil {
		return list, broken(ctx, err, false)
	}
	if resp.StatusCode != http.StatusOK {
		return list, p.refused(resp, text)
	}
	if list.Names, err = namesIn(text); err != nil {
		return list, &openai.CallError{Failure: openai.BadReply, Status: resp.StatusCode, Err: err}
	}
	return list, nil
}

// namesIn reads a list of models: OpenAI's, or the bare array that Together gives.
func namesIn(text []byte) ([]string, error) {
	type model struct{ ID string }
	var whole struct{ Data []model }
	into := any(&whole)
	if strings.HasPrefix(strings.TrimSpace(string(text[:min(len(text), 64)])), "[") {
		into = &whole.Data
	}
	if err := json.Unmarshal(text, into); err != nil || whole.Data == nil {
		return nil, fmt.Errorf("what it gave is no list of models")
	}
	names := make([]string, len(whole.Data))
	for i, m := range whole.Data {
		names[i] = m.ID
	}
	return names, nil
}
