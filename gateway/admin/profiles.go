package admin

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/labstack/echo/v4"
)

// profiles serves Go's profiles, to whoever has the token.
func profiles(e *echo.Echo) {
	open := func(h http.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			// A profile is taken for as long as the caller says.
			_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{})
			h(c.Response(), c.Request())
			return nil
		}
	}
	e.GET("/debug/pprof", open(pprof.Index))
	e.GET("/debug/pprof/*", open(pprof.Index))
	e.GET("/debug/pprof/cmdline", open(pprof.Cmdline))
	e.GET("/debug/pprof/profile", open(pprof.Profile))
	e.GET("/debug/pprof/symbol", open(pprof.Symbol))
	e.GET("/debug/pprof/trace", open(pprof.Trace))
}
