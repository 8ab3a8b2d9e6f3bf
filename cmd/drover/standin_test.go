package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway/standin"
)

func TestStandinSaysWhatItIsAndServesUntilStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- serveStandin(ctx, standin.Config{}, "127.0.0.1:0", standin.Notice, in) }()

	lines := bufio.NewScanner(out)
	lines.Scan()
	if lines.Text() != standin.Notice {
		t.Errorf("first line %q, want the notice", lines.Text())
	}
	lines.Scan()
	url, ok := strings.CutPrefix(lines.Text(), "base_url: ")
	if !ok {
		t.Fatalf("second line %q", lines.Text())
	}
	res, err := http.Get(url + "/models")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("GET /models: %s", res.Status)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("after stopping: %v", err)
	}
	if res, err := http.Get(url + "/models"); err == nil {
		res.Body.Close()
		t.Error("still serving after it was stopped")
	}
}
