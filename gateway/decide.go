package gateway

// Decision is how a request will be answered.
type Decision struct {
	Route     string   // YAML name, "" when a model was called by name
	Models    []string // YAML names, each standing in for the one before it
	Responder Responder
	Reason    string // word of the verify schema
	Text      string // one sentence for people
}

// reason is why the model of this name answered.
func (d Decision) reason(model string) string {
	if model != d.Models[0] {
		return "provider_down"
	}
	return d.Reason
}

// decide chooses how to answer. It is asked before anything is spent; what it
// refuses costs nothing.
func (g *Gateway) decide(call Call) (Decision, error) {
	name := call.Request.Model
	if !g.knows(name) {
		return Decision{}, unknownModel(name, g.names(call.Key))
	}
	if !allowed(call.Key, name) {
		return Decision{}, modelNotAllowed(name, g.names(call.Key))
	}
	if route, ok := g.Routes[name]; ok {
		return Decision{Route: name, Models: route.Direct, Responder: direct{g}, Reason: "no_tests",
			Text: "The route has no search, so " + route.Direct[0] + " was asked once."}, nil
	}
	return Decision{Models: []string{name}, Responder: direct{g}, Reason: "pinned_model",
		Text: "The model was called by its name."}, nil
}
