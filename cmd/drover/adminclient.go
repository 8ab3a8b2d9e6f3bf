package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// adminClient asks the server that holds the ledger.
type adminClient struct {
	base  string // URL without a path
	token string
	http  *http.Client
}

// maxAdminAnswer bounds what is read of an answer, in bytes.
const maxAdminAnswer = 64 << 20

// newAdminClient finds address and token of the server that holds a's ledger.
func newAdminClient(a access) (*adminClient, error) {
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
	return &adminClient{base: base, token: token, http: &http.Client{
		Transport:     &http.Transport{},
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (c *adminClient) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// do sends body, unless it is nil, and decodes the answer into answer.
func (c *adminClient) do(ctx context.Context, method, path string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	w, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("the admin API does not answer: %w; is admin.listen the address that the server uses?", err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxAdminAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of the admin API at %s: %w", c.base, err)
	}
	if w.StatusCode >= 300 {
		return c.refused(w, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("what answers at %s is not drover's admin API: %w", c.base, err)
	}
	return nil
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
