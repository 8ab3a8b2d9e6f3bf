package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway/standin"
)

// Requests are answered without a sandbox too, with verified: null.
func TestReadyTellsOfTheSandboxAndStaysReady(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{})
	h.gateway.Sandbox = downSandbox{h.gateway.Sandbox}
	resp, err := http.Get(h.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Status string
		Checks map[string]string
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || body.Status != "ready" || body.Checks["ledger"] != "ok" || !strings.HasPrefix(body.Checks["sandbox"], "down") || strings.Contains(body.Checks["sandbox"], "namespaces") {
		t.Errorf("%d %+v", resp.StatusCode, body)
	}
}
