package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Handler serves a runner to gateways on other machines: POST /v1/run with a
// [Job] gives a [Report], POST /v1/probe the probes, GET /healthz the health.
// Every request but the last must bear the token; an empty token admits whom
// TLS has admitted, and is the caller's responsibility.
func Handler(r *Runner, token string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/run", func(w http.ResponseWriter, q *http.Request) {
		var j Job
		d := json.NewDecoder(http.MaxBytesReader(w, q.Body, maxRemoteBody))
		d.DisallowUnknownFields()
		if err := d.Decode(&j); err != nil {
			status := http.StatusBadRequest
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, fmt.Sprintf("decoding the job: %v", err), status)
			return
		}
		report, err := r.Run(q.Context(), j)
		switch {
		case q.Context().Err() != nil:
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, report)
	})
	mux.HandleFunc("POST /v1/probe", func(w http.ResponseWriter, q *http.Request) { reply(w, r.Probe(q.Context())) })
	open := http.NewServeMux()
	open.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if why := r.Down(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	open.Handle("/", authorized(token, mux))
	return open
}

// authorized compares digests, so that the time taken says nothing of the token.
func authorized(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		given, bearer := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !bearer && token != "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the bearer token is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, q)
	})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that is gone has given up its verdict
}
