package standin

import (
	"maps"
	"net/http"
	"slices"
)

// defaultModels are listed where every name is answered.
var defaultModels = []string{"gpt-4o", "gpt-4o-mini", "llama-3.1-8b"}

// created is the date that every model gives as its own: 2024-07-23.
const created = 1721692800

type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func describe(name string) model { return model{name, "model", created, owner} }

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) {
	names := slices.Sorted(maps.Keys(s.config.Models))
	if len(names) == 0 {
		names = slices.Clone(defaultModels)
	}
	for _, f := range Faults() {
		names = append(names, faultPrefix+string(f))
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list"}
	for _, name := range names {
		list.Data = append(list.Data, describe(name))
	}
	writeJSON(w, http.StatusOK, encode(list))
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("model")
	if _, ok := s.script(name); !ok {
		unknownModel(name).write(w)
		return
	}
	writeJSON(w, http.StatusOK, encode(describe(name)))
}
