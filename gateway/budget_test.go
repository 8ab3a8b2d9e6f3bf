package gateway_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway"
	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/gateway/upstream"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/pricing"
)

const cent = pricing.Dollar / 100

// under puts the house's only team under budgets.
func (h *house) under(rules map[string]policy.BudgetConfig) *house {
	h.t.Helper()
	b := &policy.Budgets{Rules: rules, Teams: map[string]policy.TeamConfig{}}
	b.Teams["acme"] = policy.TeamConfig{Budgets: b.Names()}
	b.Validate(nil, func(path, format string, args ...any) { h.t.Fatalf(path+": "+format, args...) })
	h.gateway.Budgets = b
	h.gateway.Book.Configure(b, time.Now(), nil)
	return h
}

// state is how the budget stands once nothing is held: the book settles after the
// ledger has the outcome.
func (h *house) state(name string) policy.BudgetState {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		states := h.gateway.Book.States(time.Now())
		i := slices.IndexFunc(states, func(s policy.BudgetState) bool { return s.Name == name })
		if i < 0 {
			h.t.Fatalf("no budget %s", name)
		}
		if states[i].Held == 0 || time.Now().After(deadline) {
			return states[i]
		}
	}
}

type budgetErrorBody struct {
	Error struct{ Message, Type, Param, Code string }
}

func TestSpentBudgetRefusesForGood(t *testing.T) {
	t.Parallel()
	h := open(t, standin.Config{})
	alerts := make(chan policy.Alert, 10)
	h.gateway.Book = policy.NewBook(func(a policy.Alert) { alerts <- a })
	h.under(map[string]policy.BudgetConfig{"day": {Limit: 2 * cent, Every: policy.EveryDay}})
	body := `{"model":"gpt-4o","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}` // $0.009 and a prompt
	answers := 0
	for ; ; answers++ {
		resp, text := h.post(body)
		if resp.StatusCode == http.StatusOK {
			if resp.Header.Get("X-Drover-Budget-Remaining-Usd") == "" {
				t.Fatal("no x-drover-budget-remaining-usd")
			}
			if answers > 1000 {
				t.Fatal("never refused")
			}
			continue
		}
		e := unmarshal[budgetErrorBody](t, text).Error
		if resp.StatusCode != 429 || e.Code != "insufficient_quota" || e.Type != "insufficient_quota" || resp.Header.Get("X-Should-Retry") != "false" || resp.Header.Get("Retry-After") != "" {
			t.Fatalf("status %d, %+v, %v", resp.StatusCode, e, resp.Header)
		}
		break
	}
	s := h.state("day")
	if billed := h.billed("gpt-4o"); s.Spent != billed || s.Held != 0 || s.Spent > 2*cent || answers < 2 {
		t.Errorf("%d answers, spent %s, held %s, billed %s", answers, s.Spent, s.Held, billed)
	}
	if n := len(h.outcomes(answers)); n != answers {
		t.Errorf("%d outcomes", n)
	}
	h.post(body) // is refused, too
	if n := len(alerts); n != 1 {
		t.Fatalf("%d alerts", n)
	}
	if a := <-alerts; a.Event != policy.AlertRefused || a.Budget != "day" {
		t.Errorf("%+v", a)
	}
}

func TestRequestTooDearForPerRequestIsToldWhatFits(t *testing.T) {
	h := open(t, standin.Config{}).under(map[string]policy.BudgetConfig{"each": {PerRequest: cent / 2}})
	resp, text := h.post(`{"model":"gpt-4o","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`)
	if e := unmarshal[budgetErrorBody](t, text).Error; resp.StatusCode != 400 || e.Code != "budget_too_small" || !strings.Contains(e.Message, "max_tokens") {
		t.Fatalf("status %d, %+v", resp.StatusCode, e)
	}
	resp, text = h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`)
	if resp.StatusCode != 200 || !strings.Contains(string(text), "max_tokens: no limit was set") {
		t.Fatalf("status %d, %s", resp.StatusCode, text)
	}
	sent := string(h.models.Requests()[0].Body)
	if !strings.Contains(sent, `"max_completion_tokens":47`) {
		t.Errorf("sent %s", sent)
	}
	if len(h.models.Requests()) != 1 {
		t.Error("the refused request was sent")
	}
}

// A long prompt is counted where its bytes do not fit.
func TestLongPromptIsCountedWhereItsBytesDoNotFit(t *testing.T) {
	t.Parallel()
	h := openAt(t, "openai").under(map[string]policy.BudgetConfig{"each": {PerRequest: 2 * cent}})
	prompt := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 300) // 13,500 bytes, 3,000 tokens
	resp, text := h.post(fmt.Sprintf(`{"model":"gpt-4o","max_tokens":100,"messages":[{"role":"user","content":%q}]}`, prompt))
	if resp.StatusCode != 200 {
		t.Fatalf("status %d, %s", resp.StatusCode, text)
	}
	if hold := h.outcomes(1)[0]; hold.Cost == nil || *hold.Cost > 2*cent {
		t.Errorf("cost %v", hold.Cost)
	}
}

func openAt(t *testing.T, dialect string) *house {
	t.Helper()
	return openWith(t, standin.Config{}, upstream.Config{Dialect: dialect}, map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o"}}})
}

// A host of which nothing is known may have a tokeniser of its own, as the stand-in
// has: then no count is a bound, and the prompt's bytes are.
func TestPromptOfAnUnknownHostIsNeverCountedShort(t *testing.T) {
	most := cent + cent/5
	h := openAt(t, "").under(map[string]policy.BudgetConfig{"each": {PerRequest: most}})
	code := strings.Repeat("if ((a[i]) != (b[j])) { return f(-1, {}); }\n", 200) // 8,800 bytes, some 3,600 tokens; the stand-in bills 7,200
	for _, one := range []struct{ bytes, status int }{{8800, http.StatusBadRequest}, {4000, http.StatusOK}} {
		before := h.billed("gpt-4o")
		resp, text := h.post(fmt.Sprintf(`{"model":"gpt-4o","max_tokens":100,"messages":[{"role":"user","content":%q}]}`, code[:one.bytes]))
		if billed := h.billed("gpt-4o") - before; billed > most || resp.StatusCode != one.status {
			t.Errorf("%d bytes: status %d, billed $%s of $%s: %s", one.bytes, resp.StatusCode, billed, most, text)
		}
	}
}

func TestUnknownPriceUnderABudgetIsAnError(t *testing.T) {
	h := open(t, standin.Config{}).under(map[string]policy.BudgetConfig{"day": {Limit: cent, Every: policy.EveryDay}})
	for name, body := range map[string]string{
		"price":  `{"model":"unpriced","messages":[{"role":"user","content":"hi"}]}`,
		"search": `{"model":"gpt-4o","max_tokens":9,"web_search_options":{},"messages":[{"role":"user","content":"hi"}]}`,
		"file":   `{"model":"gpt-4o","max_tokens":9,"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`,
	} {
		resp, text := h.post(body)
		if e := unmarshal[budgetErrorBody](t, text).Error; resp.StatusCode != 400 || e.Code != "cost_unknown" {
			t.Errorf("%s: status %d, %s", name, resp.StatusCode, text)
		}
	}
	if n := len(h.models.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestImagesAreHeldAtTheirBound(t *testing.T) {
	h := open(t, standin.Config{}).under(map[string]policy.BudgetConfig{"each": {PerRequest: cent / 2}})
	image := func(detail string) string {
		data := strings.Repeat("A", 20_000) // far more bytes than tokens
		return fmt.Sprintf(`{"model":"gpt-4o","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,%s","detail":%q}}]}]}`, data, detail)
	}
	for detail, status := range map[string]int{"low": 200, "high": 200} { // 1,445 tokens: $0.0036
		if resp, text := h.post(image(detail)); resp.StatusCode != status {
			t.Errorf("%s: status %d, %s", detail, resp.StatusCode, text)
		}
	}
	h.under(map[string]policy.BudgetConfig{"each": {PerRequest: cent / 5}})
	for detail, status := range map[string]int{"low": 200, "high": 400} {
		if resp, text := h.post(image(detail)); resp.StatusCode != status {
			t.Errorf("%s, of less: status %d, %s", detail, resp.StatusCode, text)
		}
	}
}

// A budget that says cheapest is answered by the next model of the route.
func TestCheapestTurnsToTheModelThatFits(t *testing.T) {
	routes := map[string]gateway.RouteConfig{"auto": {Direct: gateway.Names{"gpt-4o", "cheap"}}}
	h := openWith(t, standin.Config{}, upstream.Config{}, routes, "cheap")
	h.gateway.Prices = pricesOf(t, map[string]pricing.Price{"gpt-4o": priced, "cheap": {Prompt: 1000, CachedPrompt: 1000, Completion: 1000}})
	body := `{"model":"auto","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`
	h.under(map[string]policy.BudgetConfig{"day": {Limit: cent / 2, Every: policy.EveryDay, Then: policy.ThenCheapest}})
	resp, text := h.post(body)
	reply := unmarshal[struct {
		Model  string
		Verify struct {
			Reason     string
			ReasonText string `json:"reason_text"`
		}
	}](t, text)
	if resp.StatusCode != 200 || reply.Model != "cheap" || reply.Verify.Reason != "budget_spent" || !strings.Contains(reply.Verify.ReasonText, "day") {
		t.Fatalf("status %d, %s", resp.StatusCode, text)
	}
	h.under(map[string]policy.BudgetConfig{"day": {Limit: cent / 2, Every: policy.EveryDay}})
	if resp, text := h.post(body); resp.StatusCode != 429 {
		t.Fatalf("refuse: status %d, %s", resp.StatusCode, text)
	}
}

// What a client leaves is charged at the most that it can have cost: the provider
// may have made more than came here.
func TestLeftStreamIsChargedItsBound(t *testing.T) {
	h := open(t, standin.Config{Default: standin.Script{PerChunk: 50 * time.Millisecond, Answers: []standin.Answer{{Text: strings.Repeat("word ", 100)}}}}).
		under(map[string]policy.BudgetConfig{"day": {Limit: 100 * cent, Every: policy.EveryDay}})
	r := h.request(t.Context(), `{"model":"gpt-4o","stream":true,"max_tokens":500,"messages":[{"role":"user","content":"hi"}]}`)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if _, err := resp.Body.Read(buf); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	o := h.outcomes(1)[0]
	charge := o.Charge()
	if o.Cost == nil || charge == nil || *o.Cost >= *charge || *charge < cent/2 {
		t.Errorf("cost %v, charge %v", o.Cost, charge)
	}
	if s := h.state("day"); s.Spent != *charge || s.Held != 0 {
		t.Errorf("%+v", s)
	}
}

func TestKeyUnderALostBudgetSpendsNothing(t *testing.T) {
	h := open(t, standin.Config{}).under(map[string]policy.BudgetConfig{"day": {Limit: cent, Every: policy.EveryDay}})
	h.gateway.Budgets = &policy.Budgets{Teams: map[string]policy.TeamConfig{"acme": {Budgets: []string{"gone"}}}}
	resp, text := h.post(`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`)
	if e := unmarshal[budgetErrorBody](t, text).Error; resp.StatusCode != 403 || e.Code != "budget_unknown" {
		t.Fatalf("status %d, %s", resp.StatusCode, text)
	}
}

func pricesOf(t *testing.T, prices map[string]pricing.Price) pricing.Table {
	t.Helper()
	table, err := pricing.NewTable(prices)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// GET /v1/key tells a key of itself what is over it.
func TestKeyIsToldItsBudgetsAndLimits(t *testing.T) {
	h := open(t, standin.Config{}).limited(gateway.LimitConfig{RequestsPerMinute: 5}).
		under(map[string]policy.BudgetConfig{"day": {Limit: cent, Every: policy.EveryDay, PerRequest: cent / 2}})
	if resp, text := h.post(small); resp.StatusCode != 200 {
		t.Fatalf("status %d: %s", resp.StatusCode, text)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/v1/key", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.key)
	_, text := h.do(r)
	got := unmarshal[struct {
		ID, Name, Team string
		Budgets        []struct {
			Name, Level, Window string
			Limit               float64   `json:"limit_usd"`
			Spent               float64   `json:"spent_usd"`
			Left                float64   `json:"left_usd"`
			ResetsAt            time.Time `json:"resets_at"`
		}
		Limits struct {
			RequestsLeft int `json:"requests_left"`
		}
	}](t, text)
	spent := h.state("day").Spent.Float64()
	if got.Name != "test" || got.Team != "acme" || len(got.Budgets) != 1 || got.Limits.RequestsLeft != 4 {
		t.Fatalf("%s", text)
	}
	b := got.Budgets[0]
	if b.Name != "day" || b.Level != "team" || b.Window != "day" || b.Limit != 0.01 || b.Spent != spent || spent == 0 || math.Abs(b.Left+spent-0.01) > 1e-12 || !b.ResetsAt.After(time.Now()) {
		t.Errorf("%+v, spent %v", b, spent)
	}
}

// A search is made as small as the budget wants it: first the strong model's answer
// is shorter, then it is not asked; there are as many samples as fit.
func TestSearchIsMadeToFitItsBudget(t *testing.T) {
	h := searching(t, texts(wrongAdd), texts(rightAdd))
	body := `{"model":"auto","messages":[{"role":"user","content":"Write a Python function add(a, b)."}],"verify":` + addTests + `}`
	for _, one := range []struct {
		most  pricing.USD
		route string
		said  string
	}{
		{2 * cent, "escalated", ""},
		{cent * 8 / 10, "escalated", "so an answer of gpt-4o has at most"},
		{cent / 5, "search", "does not escalate"},
	} {
		h.under(map[string]policy.BudgetConfig{"each": {PerRequest: one.most}})
		_, text := h.post(body)
		reply := unmarshal[struct{ Verify verifyReply }](t, text).Verify
		if reply.Route != one.route || !strings.Contains(string(text), one.said) {
			t.Errorf("with $%s: route %s, %s", one.most, reply.Route, text)
		}
	}
	for _, o := range h.outcomes(3) {
		if o.Cost == nil || *o.Cost > 2*cent {
			t.Errorf("cost %v", o.Cost)
		}
	}
	h.under(map[string]policy.BudgetConfig{"each": {PerRequest: 1}})
	resp, text := h.post(body)
	if e := unmarshal[budgetErrorBody](t, text).Error; resp.StatusCode != 400 || e.Code != "budget_too_small" {
		t.Errorf("status %d, %s", resp.StatusCode, text)
	}
}
