package gateway

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/drover-llm/drover/gateway/openai"
)

// Listener makes what net/http itself refuses, a request whose first line or
// headers cannot be read, an error of OpenAI's shape: before any handler is asked,
// net/http answers in plain text and ends the connection.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

type conn struct{ net.Conn }

// plainEnd is what ends the headers of net/http's own refusals. The gateway never
// says text/plain.
var plainEnd = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// plainHTTP is how net/http begins its answer to a request without TLS where TLS is
// spoken.
const plainHTTP = "HTTP/1.0 400 Bad Request\r\n\r\n"

// Write passes on what is written, but for such a refusal, which net/http writes
// at once.
func (c conn) Write(b []byte) (int, error) {
	if string(b[:min(len(b), len(plainHTTP))]) == plainHTTP {
		return c.refuse("400 Bad Request", "TLS is spoken here; the URL must begin with https://", len(b))
	}
	if len(b) > 1<<10 || !bytes.HasPrefix(b, []byte("HTTP/1.1 ")) {
		return c.Conn.Write(b)
	}
	at := bytes.Index(b, plainEnd)
	if at < 0 || b[len("HTTP/1.1 ")] < '4' {
		return c.Conn.Write(b)
	}
	status, _, _ := strings.Cut(string(b[len("HTTP/1.1 "):at]), ":") // such as 400 Bad Request: missing required Host header
	text := strings.TrimSuffix(string(b[at+len(plainEnd):]), ".")
	return c.refuse(status, text, len(b))
}

// refuse writes an error of OpenAI's shape in the place of so many bytes.
func (c conn) refuse(status, why string, instead int) (int, error) {
	e := openai.BadRequest("", "The HTTP request could not be read: %s.", why)
	body := e.AppendJSON(nil)
	reply := fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Request-Id: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, newID("req_", time.Now()), len(body), body)
	if _, err := c.Conn.Write(reply); err != nil {
		return 0, err
	}
	return instead, nil
}

// CloseWrite lets net/http end its side first, so that the refusal arrives.
func (c conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
