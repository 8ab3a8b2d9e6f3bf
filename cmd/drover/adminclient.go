package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
)

// adminClient asks the server that holds the ledger.
type adminClient struct {
	base  string // URL without a path
	token string
	by    string // who asks, for the journal
	http  *http.Client
	close func() error
}

// maxAdminAnswer bounds what is read of an answer, in bytes.
const maxAdminAnswer = 64 << 20

// newAdminClient finds address and token of the server that holds a's ledger.
func newAdminClient(a access, by string) (*adminClient, error) {
	base, err := adminURL(a.admin.Address())
	if err != nil {
		return nil, fmt.Errorf("admin.listen: %w", err)
	}
	token := a.admin.Token
	if token == "" {
		if token, err = readAdminToken(a.ledger); err != nil {
			return nil, fmt.Errorf("asking the server at %s: %w; set admin.token to the token that the server uses", base, err)
		}
	}
	// The token goes to this address only, whatever the environment says of proxies.
	c := &adminClient{base: base, token: token, by: by, http: &http.Client{
		Transport:     &http.Transport{ResponseHeaderTimeout: answerWithin},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.close = func() error {
		c.http.CloseIdleConnections()
		return nil
	}
	return c, nil
}

// answerWithin is how long the server may take before it answers; a verification
// of a large ledger takes its time.
const answerWithin = 10 * time.Minute

// Close lets go of whatever was opened.
func (c *adminClient) Close() error { return c.close() }

// do sends body, unless it is nil, and decodes the answer into answer.
func (c *adminClient) do(ctx context.Context, method, path string, body, answer any) error {
	w, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxAdminAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of the admin API at %s: %w", c.base, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("what answers at %s is not drover's admin API: %w", c.base, err)
	}
	return nil
}

// stream copies the answer to a GET to w, whole or with an error.
func (c *adminClient) stream(ctx context.Context, path string, w io.Writer) error {
	answer, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("the answer broke off, what came is not whole: %w", err)
	}
	return nil
}

// verify has the whole ledger verified, and shows how far it is where out is a
// terminal.
func (c *adminClient) verify(ctx context.Context, out *os.File, found *policy.Inspection) error {
	if !term.IsTerminal(int(out.Fd())) {
		return c.do(ctx, http.MethodGet, "/api/ledger/verify", nil, found)
	}
	answer, err := c.send(ctx, http.MethodGet, "/api/ledger/verify?progress=true", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b := newBar(out, "Verifying records", 0)
	defer b.stop()
	for lines := json.NewDecoder(answer.Body); ; {
		var line admin.VerifyLine
		if err := lines.Decode(&line); err != nil {
			return fmt.Errorf("the verification broke off: %w", err)
		}
		if line.Found != nil {
			*found = *line.Found
			return nil
		}
		b.at(line.Records, line.Of)
	}
}

// send sends body, unless it is nil, and returns an answer that is no error.
func (c *adminClient) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(admin.ByHeader, c.by)
	w, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the admin API does not answer: %w; is admin.listen the address that the server uses?", err)
	}
	if w.StatusCode < 300 {
		return w, nil
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxAdminAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of the admin API at %s: %w", c.base, err)
	}
	return nil, c.refused(w, text)
}

// refused makes an error of an error answer.
func (c *adminClient) refused(w *http.Response, text []byte) error {
	var answer struct {
		Error struct{ Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Error.Message == "" {
		return fmt.Errorf("what answers at %s is not drover's admin API: status %s", c.base, w.Status)
	}
	return errors.New(answer.Error.Message)
}
