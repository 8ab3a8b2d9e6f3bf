package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/gateway/standin"
)

// panicking is a sandbox that breaks Drover when it judges an answer.
type panicking struct{}

func (panicking) Run(context.Context, sandbox.Job) (sandbox.Report, error) { panic("judging") }
func (panicking) Down() string                                             { return "" }
func (panicking) Unsupported(string) string                                { return "" }

// Nobody knows what was spent when a panic follows the hold: the whole ceiling
// counts.
func TestPanicAfterTheHoldChargesTheCeiling(t *testing.T) {
	h := open(t, standin.Config{})
	h.gateway.Sandbox = panicking{}
	resp, text := h.post(`{"max_tokens":10,"verify":{"tests":"assert f(1)","entry_point":"f"},` + asking[1:])
	if e := fourKeys(t, text); resp.StatusCode != http.StatusInternalServerError || e["code"] != "internal_error" || strings.Contains(string(text), "judging") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	o := h.outcomes(1)[0]
	if o.Status != http.StatusInternalServerError || o.Cost == nil || *o.Cost < h.billed("gpt-4o") {
		t.Errorf("outcome %+v", o)
	}
	h.gateway.Sandbox = nil
	if resp, text := h.post(asking); resp.StatusCode != http.StatusOK {
		t.Errorf("the next request: %d %s", resp.StatusCode, text)
	}
}

// Replies that do not fit beside the others are refused, and charged.
func TestRepliesHoldBoundedMemory(t *testing.T) {
	h := open(t, standin.Config{Huge: 1 << 20}, "fault-huge")
	huge := strings.Replace(asking, "gpt-4o", "fault-huge", 1)
	if resp, text := h.post(huge); resp.StatusCode != http.StatusOK || len(text) < 1<<20 {
		t.Fatalf("%d, %d bytes", resp.StatusCode, len(text))
	}
	give := h.gateway.TakeReplyMemory(512<<20 - 1<<18)
	resp, text := h.post(huge)
	if e := fourKeys(t, text); resp.StatusCode != http.StatusServiceUnavailable || e["code"] != "overloaded" || resp.Header.Get("x-should-retry") != "false" {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	give()
	if resp, _ := h.post(huge); resp.StatusCode != http.StatusOK {
		t.Errorf("%d once there is room again", resp.StatusCode)
	}
	if o := h.outcomes(3)[1]; o.Cost == nil || *o.Cost == 0 {
		t.Errorf("outcome %+v", o)
	}
}
