package gateway

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/drover-llm/drover/gateway/openai"
)

// listModels answers GET /v1/models with the routes and models that the key may
// use.
func (g *Gateway) listModels(c echo.Context) error {
	key, err := g.authenticate(c.Request().Header)
	if err != nil {
		return err
	}
	b := []byte(`{"object":"list","data":[`)
	for i, name := range g.names(key) {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.appendModel(b, name)
	}
	return c.JSONBlob(http.StatusOK, append(b, "]}"...))
}

// getModel answers GET /v1/models/{id}.
func (g *Gateway) getModel(c echo.Context) error {
	key, err := g.authenticate(c.Request().Header)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(c.Request().URL.Path, "/v1/models/")
	if decoded, err := url.PathUnescape(c.Param("*")); err == nil {
		name = decoded
	}
	if !g.Knows(name) || !g.allowed(key, name) {
		return unknownModel(name, g.names(key))
	}
	return c.JSONBlob(http.StatusOK, g.appendModel(nil, name))
}

func (g *Gateway) appendModel(b []byte, name string) []byte {
	owner := "drover" // a route
	if m, ok := g.Models[name]; ok {
		owner = m.Client.Provider()
	}
	b = append(b, `{"id":`...)
	b = openai.AppendString(b, name)
	b = append(b, `,"object":"model","created":`...)
	b = strconv.AppendInt(b, g.Started.Unix(), 10)
	b = append(b, `,"owned_by":`...)
	b = openai.AppendString(b, owner)
	return append(b, '}')
}
