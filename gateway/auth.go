package gateway

import (
	"errors"
	"net/http"
	"strings"

	"github.com/drover-llm/drover/policy"
)

// authenticate tells who sent the request: by its bearer token, or by the
// x-api-key header that some editors send instead.
func (g *Gateway) authenticate(h http.Header) (policy.Key, error) {
	token := ""
	if scheme, rest, ok := strings.Cut(h.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		token = strings.TrimSpace(rest)
	}
	if token == "" {
		token = strings.TrimSpace(h.Get("X-Api-Key"))
	}
	if token == "" {
		return policy.Key{}, errNoKey
	}
	key, err := g.Keys.Authenticate(token)
	if err != nil {
		g.Log.Info("request refused", "reason", err)
		if ended := new(policy.EndedKeyError); errors.As(err, &ended) {
			return policy.Key{}, endedKey(ended)
		}
		return policy.Key{}, wrongKey(token)
	}
	return key, nil
}
