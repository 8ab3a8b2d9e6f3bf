package standin

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

// Notice is the line that whoever starts a stand-in has to show.
const Notice = "drover standin: every answer is simulated, no model is involved"

const (
	fingerprint = "simulated"
	owner       = "simulated"
	product     = "drover-standin (simulated)"

	maxBody     = 64 << 20
	defaultKeep = 100
	defaultSlow = 2 * time.Second
	defaultHuge = 8 << 20
)

// Config says what a Server answers. The zero value answers every model's name
// at once with the zero Script.
type Config struct {
	// Models are the scripts by the model's name. Empty: every name is answered.
	// Otherwise another name is model_not_found, except for those that ask for a
	// fault.
	Models map[string]Script
	// Default is the script of every name where Models is empty.
	Default Script
	// Keys are the accepted API keys. Empty: a key is not asked for.
	Keys []string
	// Keep is how many of the last requests are kept for assertions. 0: 100;
	// negative: none.
	Keep int
	// Slow is how long the fault "slow" waits. 0: two seconds.
	Slow time.Duration
	// Huge is how many bytes of text the fault "huge" gives. 0: 8 MiB.
	Huge int
	// Now tells the time. Nil: time.Now.
	Now func() time.Time
}

// Server is a stand-in for a provider. It is an http.Handler, and listens by
// itself between Start and Close.
type Server struct {
	config Config
	mux    *http.ServeMux
	nonce  string // part of every id, so that ids differ between servers
	ids    atomic.Uint64

	mu     sync.Mutex
	tally  tally
	closed bool

	// stopped ends waits: of the fault "timeout", and of delays.
	stopped context.Context
	stop    context.CancelFunc
	http    *http.Server
	address net.Addr
	serving sync.WaitGroup // the listener's goroutine and every request
	err     error          // what ended the listener's goroutine, if not Close
}

// New returns a server that does not listen yet.
func New(c Config) *Server {
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
	if c.Slow <= 0 {
		c.Slow = defaultSlow
	}
	if c.Huge <= 0 {
		c.Huge = defaultHuge
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{config: c, mux: http.NewServeMux(), nonce: rand.Text()[:8], tally: newTally(c.Keep)}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.mux.Handle("GET /v1/models", s.authorized(s.listModels))
	s.mux.Handle("GET /v1/models/{model...}", s.authorized(s.getModel))
	s.mux.Handle("POST /v1/chat/completions", s.authorized(s.serve(chatEndpoint)))
	s.mux.Handle("POST /v1/completions", s.authorized(s.serve(completionEndpoint)))
	s.mux.Handle("POST /v1/responses", s.authorized(s.serve(responsesEndpoint)))
	s.mux.Handle("POST /v1/embeddings", s.authorized(s.serve(embeddingEndpoint)))
	s.mux.HandleFunc("/", s.notFound)
	return s
}

// Start listens on addr, "127.0.0.1:0" for a free port, and serves until Close.
func (s *Server) Start(addr string) error {
	if s.http != nil {
		return errors.New("starting stand-in: already started")
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("starting stand-in: %w", err)
	}
	s.address = listener.Addr()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.err = err
		}
	})
	return nil
}

// URL is the base URL for clients, "http://127.0.0.1:9090/v1"; empty before Start.
func (s *Server) URL() string {
	if s.address == nil {
		return ""
	}
	return "http://" + s.address.String() + "/v1"
}

// Close cuts every connection and returns when no request is served any more.
// Its error is the one that ended listening before, if any did.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	s.serving.Wait()
	return errors.Join(err, s.err)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		newError(http.StatusServiceUnavailable, "server_error", "overloaded", "", "The stand-in is closed.").write(w)
		return
	}
	defer s.serving.Done()
	h := w.Header()
	h.Set("Server", product)
	h.Set("X-Request-Id", s.id("req_"))
	h.Set("Openai-Version", "2020-10-01")
	h.Set("Openai-Processing-Ms", "1")
	h.Set("X-Ratelimit-Limit-Requests", "10000")
	h.Set("X-Ratelimit-Remaining-Requests", "9999")
	h.Set("X-Ratelimit-Reset-Requests", "6ms")
	s.mux.ServeHTTP(w, r)
}

// begin counts a request in, unless the server is closed and waits for none.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.serving.Add(1)
	}
	return !s.closed
}

func (s *Server) authorized(next http.HandlerFunc) http.Handler {
	if len(s.config.Keys) == 0 {
		return next
	}
	keys := map[string]bool{}
	for _, k := range s.config.Keys {
		keys["Bearer "+k] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !keys[r.Header.Get("Authorization")] {
			errUnauthorized.write(w)
			return
		}
		next(w, r)
	})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	status, code := http.StatusNotFound, ""
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != "/" {
			status, code = http.StatusMethodNotAllowed, "method_not_supported"
		}
	}
	newError(status, "invalid_request_error", code, "", "Invalid URL (%s %s)", r.Method, r.URL.Path).write(w)
}

// script returns how a model behaves, and whether there is such a model.
func (s *Server) script(model string) (Script, bool) {
	if script, ok := s.config.Models[model]; ok {
		return script, true
	}
	if script, ok := scriptOfName(model); ok {
		return script, true
	}
	return s.config.Default, len(s.config.Models) == 0 && !strings.HasPrefix(model, faultPrefix)
}

// id returns a new id, unique beyond this server.
func (s *Server) id(prefix string) string {
	b := make([]byte, 0, 40)
	b = append(b, prefix...)
	b = append(b, s.nonce...)
	return string(strconv.AppendUint(b, s.ids.Add(1), 36))
}

// readBody reads the whole body, which is never streamed: a reply that begins
// before the request was read would break the client's connection.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	if 0 < r.ContentLength && r.ContentLength <= maxBody {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := io.Copy(&body, http.MaxBytesReader(w, r.Body, maxBody))
	return body.Bytes(), err
}

// encode marshals what cannot fail to marshal: our own structures and JSON that
// was read before.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("standin: encoding a reply: %v", err))
	}
	return data
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have left
}
