package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
)

func (h *house) limited(c gateway.LimitConfig) *house {
	h.gateway.Limits = map[string]gateway.LimitConfig{"default": c}
	return h
}

const small = `{"model":"gpt-4o","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`

func TestRequestsPerMinuteAreCountedExactly(t *testing.T) {
	h := open(t, standin.Config{}).limited(gateway.LimitConfig{RequestsPerMinute: 3})
	for i := range 3 {
		resp, text := h.post(small)
		if resp.StatusCode != 200 {
			t.Fatalf("status %d: %s", resp.StatusCode, text)
		}
		if got := resp.Header.Get("X-Ratelimit-Remaining-Requests"); got != strconv.Itoa(2-i) || resp.Header.Get("X-Ratelimit-Limit-Requests") != "3" || resp.Header.Get("X-Ratelimit-Limit-Tokens") != "" {
			t.Errorf("request %d: %v", i, resp.Header)
		}
		if reset, err := time.ParseDuration(resp.Header.Get("X-Ratelimit-Reset-Requests")); err != nil || reset < 55*time.Second || reset > 61*time.Second {
			t.Errorf("reset %v, %v", reset, err)
		}
	}
	resp, text := h.post(small)
	e := unmarshal[budgetErrorBody](t, text).Error
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	ms, _ := strconv.Atoi(resp.Header.Get("Retry-After-Ms"))
	if resp.StatusCode != 429 || e.Type != "requests" || e.Code != "rate_limit_exceeded" || after < 1 || after > 60 || ms < 50_000 || ms > 60_000 || resp.Header.Get("X-Ratelimit-Remaining-Requests") != "0" {
		t.Errorf("status %d, %+v, %v", resp.StatusCode, e, resp.Header)
	}
	if n := len(h.models.Requests()); n != 3 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestTokensPerMinuteCountWhatWasTaken(t *testing.T) {
	h := open(t, standin.Config{Default: standin.Script{Answers: []standin.Answer{{Text: "one two three"}}}}).limited(gateway.LimitConfig{TokensPerMinute: 200})
	used := int64(0)
	for {
		resp, text := h.post(small)
		if resp.StatusCode != 200 {
			e := unmarshal[budgetErrorBody](t, text).Error
			if resp.StatusCode != 429 || e.Type != "tokens" || e.Code != "rate_limit_exceeded" || used < 100 || used > 200 {
				t.Errorf("after %d tokens: status %d, %s", used, resp.StatusCode, text)
			}
			break
		}
		b := h.models.Billed()["gpt-4o"]
		used = b.Prompt + b.Completion
		if got := resp.Header.Get("X-Ratelimit-Remaining-Tokens"); got != fmt.Sprint(200-used) {
			t.Fatalf("remaining %s after %d", got, used)
		}
	}
	resp, text := h.post(strings.Replace(small, "50", "500", 1))
	if resp.StatusCode != 429 || resp.Header.Get("X-Should-Retry") != "false" || !strings.Contains(string(text), "too large") {
		t.Errorf("too large: status %d, %s", resp.StatusCode, text)
	}
}

// A request over the limit of those at one time waits for its turn as long as the
// limits say.
func TestParallelRequestsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	slow := standin.Config{Default: standin.Script{FirstByte: 100 * time.Millisecond}}
	for _, queue := range []time.Duration{0, 10 * time.Second} {
		h := open(t, slow).limited(gateway.LimitConfig{Parallel: 1, Queue: queue})
		statuses := make(chan int)
		for range 4 {
			go func() {
				resp, err := http.DefaultClient.Do(h.request(t.Context(), small))
				if err != nil {
					t.Error(err)
					statuses <- 0
					return
				}
				resp.Body.Close()
				statuses <- resp.StatusCode
			}()
		}
		got := map[int]int{}
		for range 4 {
			got[<-statuses]++
		}
		if queue > 0 && got[200] != 4 || queue == 0 && (got[200] == 0 || got[200]+got[429] != 4) {
			t.Errorf("queue %v: %v", queue, got)
		}
	}
}
