package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/pricing"
)

const (
	middlePrompt = "Write a Python function middle(xs: list[int]) -> float that returns the median of xs, and 0 for no numbers."
	rightMiddle  = "```python\ndef middle(xs):\n    if not xs:\n        return 0\n    s = sorted(xs)\n    h = len(s) // 2\n    return s[h] if len(s) % 2 else (s[h - 1] + s[h]) / 2\n```"
)

// comparing is a house whose route auto searches requests without tests too.
func comparing(t *testing.T, llama, strong standin.Script) *house {
	t.Helper()
	h := searching(t, llama, strong)
	route := h.gateway.Routes["auto"]
	route.SearchUntested = true
	h.gateway.Routes["auto"] = route
	return h
}

// inTurn answers in turn, and with asserts where those are asked for.
func inTurn(asserts string, list ...string) standin.Script {
	turn := make(chan int, 1)
	turn <- 0
	return standin.Script{Func: func(q standin.Request) standin.Answer {
		if strings.Contains(string(q.Body), "assert statements") {
			return standin.Answer{Text: asserts}
		}
		i := <-turn
		turn <- i + 1
		return standin.Answer{Text: list[i%len(list)]}
	}}
}

func (h *house) compare(prompt string) (verifyReply, string) {
	h.t.Helper()
	resp, body := h.post(fmt.Sprintf(`{"model":"auto","messages":[{"role":"user","content":%q}]}`, prompt))
	reply := unmarshal[struct {
		Choices []struct{ Message struct{ Content string } }
		Verify  verifyReply
	}](h.t, body)
	if resp.StatusCode != 200 || reply.Verify.Reason != "no_tests" || reply.Verify.Verified != nil || reply.Verify.Tests.Total != 0 {
		h.t.Errorf("%d %s", resp.StatusCode, body)
	}
	return reply.Verify, reply.Choices[0].Message.Content
}

// Samples that agree answer at the small model's price; nothing is verified, since
// no test was given, and the strong model is not asked.
func TestSamplesThatAgreeAnswerWithoutTests(t *testing.T) {
	other := strings.Replace(strings.Replace(rightMiddle, "sorted(xs)", "list(xs); s.sort()", 1), "h = len(s) // 2", "h = int(len(s) / 2)", 1)
	wrong := strings.Replace(rightMiddle, "/ 2\n", "// 2\n", 1)
	h := comparing(t, inTurn("assert middle([1, 3, 2]) == 2\nassert middle([1, 2]) == 1.5", rightMiddle, other, wrong, rightMiddle, other), texts(rightMiddle))
	v, text := h.compare(middlePrompt)
	if v.Route != "search" || v.Model != "llama-3.1-8b" || v.Samples.Drawn != 8 || text != rightMiddle && text != other {
		t.Errorf("%+v\n%s", v, text)
	}
	if n := h.models.Calls("gpt-4o"); n != 0 {
		t.Errorf("gpt-4o was called %d times", n)
	}
	o := h.outcomes(1)[0]
	if o.Way != "search" || o.Stop != "agreed" || o.Task != nil || *o.Cost != h.llamaBill() {
		t.Errorf("%+v, billed %s", o, h.llamaBill())
	}
}

// Samples that do not agree are escalated; the strong model writes no tests.
func TestSamplesThatDisagreeAreEscalated(t *testing.T) {
	var list []string
	for i := range 8 {
		list = append(list, fmt.Sprintf("```python\ndef middle(xs):\n    return len(xs) + %d\n```", i))
	}
	h := comparing(t, inTurn("assert middle([]) == 0", list...), texts(rightMiddle))
	v, text := h.compare(middlePrompt)
	if v.Route != "escalated" || v.Model != "gpt-4o" || text != rightMiddle || v.Samples.Drawn != 8 {
		t.Errorf("%+v\n%s", v, text)
	}
	for _, r := range h.models.Requests() {
		if r.Model == "gpt-4o" && strings.Contains(string(r.Body), "assert statements") {
			t.Errorf("the strong model was asked for tests: %s", r.Body)
		}
	}
	if n := h.models.Calls("gpt-4o"); n != 1 {
		t.Errorf("gpt-4o was called %d times", n)
	}
}

// A strong model whose answer has no program that runs stands back behind the
// samples that agree most.
func TestGroupAnswersWhereTheStrongModelHasNoProgram(t *testing.T) {
	list := []string{rightMiddle, rightMiddle, rightMiddle}
	for i := range 5 {
		list = append(list, fmt.Sprintf("```python\ndef middle(xs):\n    return len(xs) + %d\n```", i))
	}
	h := comparing(t, inTurn("I cannot.", list...), texts("I would rather not."))
	if v, text := h.compare(middlePrompt); v.Route != "search" || text != rightMiddle || h.models.Calls("gpt-4o") != 1 {
		t.Errorf("%+v\n%s", v, text)
	}
	returned := 0
	for _, s := range h.outcomes(1)[0].Samples {
		if s.Returned {
			returned++
		}
	}
	if returned != 1 { // what feedback teaches of
		t.Errorf("%d samples were returned", returned)
	}
}

// What is no function's worth of Python goes the direct way at once, and so does
// everything on a route that does not turn it on.
func TestComparingIsForPythonOnRoutesThatWantIt(t *testing.T) {
	h := comparing(t, inTurn("", rightMiddle), texts(rightMiddle))
	h.compare("Write a Go function that adds two numbers.")
	h.gateway.Routes["auto"] = searching(t, texts(""), texts("")).gateway.Routes["auto"]
	h.compare(middlePrompt)
	if n := h.models.Calls("llama-3.1-8b"); n != 0 {
		t.Errorf("the small model was called %d times", n)
	}
}

// llamaBill is what the stand-in would bill for the small model.
func (h *house) llamaBill() pricing.USD {
	h.t.Helper()
	b := h.models.Billed()["llama-3.1-8b"]
	cost, err := h.gateway.Prices.Cost("llama-3.1-8b", pricing.Usage{Prompt: b.Prompt, CachedPrompt: b.CachedPrompt, Completion: b.Completion})
	if err != nil {
		h.t.Fatal(err)
	}
	return cost
}
