package gateway_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
)

const asking = `{"model":"gpt-4o","messages":[{"role":"user","content":"Say hello."}]}`

// fourKeys fails unless the body is OpenAI's error object, and returns it.
func fourKeys(t *testing.T, body []byte) map[string]any {
	t.Helper()
	e := unmarshal[map[string]map[string]any](t, body)["error"]
	for _, key := range []string{"message", "type", "param", "code"} {
		if _, ok := e[key]; !ok || len(e) != 4 {
			t.Fatalf("not the four keys: %s", body)
		}
	}
	return e
}

func zipped(text string) *bytes.Buffer {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return &b
}

func TestGzippedRequests(t *testing.T) {
	t.Parallel()
	h := openHTTP(t, standin.Config{}, gateway.HTTPConfig{MaxBody: 1 << 20})
	send := func(body io.Reader) (*http.Response, []byte) {
		r := h.request(t.Context(), "")
		r.Body, r.ContentLength = io.NopCloser(body), -1
		r.Header.Set("Content-Encoding", "gzip")
		return h.do(r)
	}
	if resp, text := send(zipped(asking)); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	// 4 MiB of spaces are 4 KiB when zipped.
	resp, text := send(zipped(asking + strings.Repeat(" ", 4<<20)))
	if fourKeys(t, text); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb: %d %s", resp.StatusCode, text)
	}
	whole := zipped(asking).Bytes()
	for name, body := range map[string][]byte{"no gzip": []byte(asking), "cut": whole[:len(whole)-9], "broken": append(whole[:20:20], make([]byte, 20)...)} {
		resp, text := send(bytes.NewReader(body))
		if fourKeys(t, text); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
	}
}

func TestBodyLimitIsConfigurable(t *testing.T) {
	h := openHTTP(t, standin.Config{}, gateway.HTTPConfig{MaxBody: 2 << 10})
	resp, text := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("x", 3<<10) + `"}]}`)
	if e := fourKeys(t, text); resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(e["message"].(string), "2KB") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestUnencryptedHTTP2(t *testing.T) {
	h := open(t, standin.Config{})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	for _, body := range []string{asking, strings.Replace(asking, "{", `{"stream":true,`, 1), "{"} {
		resp, err := (&http.Client{Transport: transport}).Do(h.request(t.Context(), body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.ProtoMajor != 2 || body != "{" && resp.StatusCode != http.StatusOK {
			t.Errorf("%v %s %d %s", err, resp.Proto, resp.StatusCode, text)
		}
	}
}

func TestCORSIsByChoice(t *testing.T) {
	preflight := func(h *house) *http.Response {
		r := h.request(t.Context(), "")
		r.Method, r.Body = http.MethodOptions, nil
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type,x-stainless-lang")
		resp, _ := h.do(r)
		return resp
	}
	if resp := preflight(open(t, standin.Config{})); resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("nobody asked for it: %v", resp.Header)
	}
	h := openHTTP(t, standin.Config{}, gateway.HTTPConfig{CORS: gateway.CORSConfig{Origins: []string{"https://app.example"}}})
	resp := preflight(h)
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "x-stainless-lang") {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	r := h.request(t.Context(), asking)
	r.Header.Set("Origin", "https://evil.example")
	if resp, _ := h.do(r); resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", resp.Header)
	}
}

func TestKeepAliveInWholeReplies(t *testing.T) {
	t.Parallel()
	slow := standin.Config{Models: map[string]standin.Script{"gpt-4o": {FirstByte: 1300 * time.Millisecond}, "slow-500": {FirstByte: 600 * time.Millisecond, Faults: []standin.Fault{standin.ContextLength}}}}
	h := openHTTP(t, slow, gateway.HTTPConfig{KeepAlive: 300 * time.Millisecond}, "slow-500")
	// It says that it gives up after a second; it does not while it hears us.
	r := h.request(t.Context(), asking)
	r.Header.Set("X-Stainless-Timeout", "1")
	resp, text := h.do(r)
	if resp.StatusCode != http.StatusOK || !bytes.HasPrefix(text, []byte(" \n \n")) || !json.Valid(text) {
		t.Errorf("%d %q", resp.StatusCode, text)
	}
	reply, err := ptr(h.client()).Models.Get(t.Context(), "gpt-4o")
	if err != nil || reply.ID != "gpt-4o" {
		t.Error(err)
	}
	resp, text = h.post(strings.Replace(asking, "gpt-4o", "slow-500", 1))
	if e := fourKeys(t, text); resp.StatusCode != http.StatusOK || e["code"] != "context_length_exceeded" {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestAnnouncedTimeoutEndsInAnErrorThatIsNotRetried(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Faults: []standin.Fault{standin.Timeout}}}})
	r := h.request(t.Context(), asking)
	r.Header.Set("X-Stainless-Timeout", "1")
	resp, text := h.do(r)
	if e := fourKeys(t, text); resp.StatusCode != http.StatusGatewayTimeout || e["code"] != "upstream_timeout" || resp.Header.Get("x-should-retry") != "false" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, text)
	}
	if o := h.outcomes(1)[0]; o.Status != http.StatusGatewayTimeout || *o.Cost == 0 {
		t.Errorf("outcome %+v", o)
	}
}

// A stream that does not begin in time keeps its status for the error; one that
// falls silent has an event for it.
func TestAnnouncedTimeoutEndsAStream(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{Models: map[string]standin.Script{"gpt-4o": {Faults: []standin.Fault{standin.Timeout}}, "silent": {PerChunk: time.Hour}}}, "silent")
	for name, seconds := range map[string]string{"gpt-4o": "0.5", "silent": "1"} {
		r := h.request(t.Context(), strings.Replace(asking, `"gpt-4o"`, `"`+name+`","stream":true`, 1))
		r.Header.Set("X-Stainless-Read-Timeout", seconds)
		resp, text := h.do(r)
		if !strings.Contains(string(text), `"code":"upstream_timeout"`) || strings.Contains(string(text), "[DONE]") {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
		if name == "gpt-4o" && (resp.StatusCode != http.StatusGatewayTimeout || resp.Header.Get("x-should-retry") != "false" || fourKeys(t, text) == nil) {
			t.Errorf("%d %v %s", resp.StatusCode, resp.Header, text)
		}
	}
	for _, o := range h.outcomes(2) {
		if o.Status != http.StatusGatewayTimeout || *o.Cost == 0 {
			t.Errorf("outcome %+v", o)
		}
	}
}

// What net/http refuses itself comes in OpenAI's shape too.
func TestUnreadableHTTPGetsTheFourKeyError(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{})
	address := strings.TrimPrefix(h.url, "http://")
	for name, request := range map[string]string{
		"first line":  "GARBAGE GARBAGE GARBAGE\r\n\r\n",
		"no host":     "GET /v1/models HTTP/1.1\r\n\r\n",
		"header":      "GET /v1/models HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
		"long":        "GET /v1/models HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 80<<10) + "\r\n\r\n",
		"encoding":    "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n",
		"two lengths": "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, request) // it may be refused before its end
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(resp.Body)
		if e := fourKeys(t, text); err != nil || resp.StatusCode < 400 || e["type"] != "invalid_request_error" || resp.Header.Get("x-request-id") == "" {
			t.Errorf("%s: %v %d %v %s", name, err, resp.StatusCode, resp.Header, text)
		}
		resp.Body.Close()
		c.Close()
	}
}

// pair writes a certificate for 127.0.0.1 with this serial number.
func pair(t *testing.T, dir string, serial int64) gateway.TLSConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := gateway.TLSConfig{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for name, block := range map[string]*pem.Block{c.Cert: {Type: "CERTIFICATE", Bytes: der}, c.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Unix(1_700_000_000+serial, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestTLSReadsItsFilesAgain(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{})
	dir := t.TempDir()
	config, err := pair(t, dir, 1).ServerTLS(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := gateway.Server(h.gateway.Handler())
	server.TLSConfig = config
	done := make(chan error, 1)
	go func() { done <- server.ServeTLS(gateway.Listener(l), "", "") }()
	defer func() { _ = server.Shutdown(context.Background()); <-done }()

	serial := func() int64 {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		r := h.request(t.Context(), asking)
		r.URL, _ = url.Parse(fmt.Sprintf("https://%s/v1/chat/completions", l.Addr()))
		resp, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
			t.Errorf("%s %d", resp.Proto, resp.StatusCode)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	r := h.request(t.Context(), asking)
	r.URL.Host = l.Addr().String() // without TLS
	if resp, text := h.do(r); resp.StatusCode != http.StatusBadRequest || !strings.Contains(fourKeys(t, text)["message"].(string), "https://") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	pair(t, dir, 2)
	for deadline := time.Now().Add(10 * time.Second); serial() != 2; {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not in use")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := (gateway.TLSConfig{Cert: filepath.Join(dir, "none"), Key: filepath.Join(dir, "none")}).ServerTLS(nil); err == nil {
		t.Error("files that are not there were read")
	}
}
