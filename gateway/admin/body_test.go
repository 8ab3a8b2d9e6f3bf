package admin_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
)

// writes counts what reaches the ledger beside the keys; nothing else is asked of it.
type writes struct {
	admin.Ledger
	n int
}

func (w *writes) Note(context.Context, policy.Change) error { w.n++; return nil }

func (w *writes) AddPriors(context.Context, policy.Priors) error { w.n++; return nil }

func (w *writes) Import(_ context.Context, outcomes []policy.Outcome) (int, error) {
	w.n++
	return len(outcomes), nil
}

// Whatever takes a body takes one object of the fields that it knows. Other bodies are
// refused in OpenAI's error shape with the place of the fault, and change nothing.
func TestFaultyBodiesChangeNothing(t *testing.T) {
	keys, ledger := &shelf{}, &writes{}
	released := 0
	s, err := admin.New(admin.Config{Token: token}, admin.Control{Keys: keys, Ledger: ledger, Release: func(_ context.Context, r policy.Release) (policy.Hold, error) {
		released++
		return policy.Hold{ID: r.ID}, nil
	}}, admin.Options{By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	state := func() int { return len(keys.asked) + ledger.n + released }

	type fault struct {
		body, param, code, says string
		status                  int // 0: 400
	}
	for _, endpoint := range []struct {
		method, path string
		good         string
		most         int // bytes
		bodyMayLack  bool
		faults       map[string]fault
	}{
		{"POST", "/api/keys", `{"name":"ci"}`, 64 << 10, false, map[string]fault{
			"a name that is none":  {`{"name":{}}`, "name", "invalid_type", "must be a string", 0},
			"tags that are none":   {`{"tags":["a"]}`, "tags", "invalid_type", "must be an object", 0},
			"a tag that is none":   {`{"tags":{"a":1}}`, "tags.a", "invalid_type", "must be a string", 0},
			"a date without hours": {`{"expires_at":"2027-01-31"}`, "expires_at", "invalid_type", "2027-01-31T00:00:00Z", 0},
		}},
		{"PATCH", "/api/keys/key1", `{"name":"other"}`, 64 << 10, false, map[string]fault{
			"nothing to change": {`{}`, "", "missing_required_parameter", "nothing is to change", 0},
			"a word for yes":    {`{"never_expires":"yes"}`, "never_expires", "invalid_type", "must be true or false", 0},
			"a list of lists":   {`{"budgets":[["a"]]}`, "budgets[0]", "invalid_type", "must be a string", 0},
			"a contradiction":   {`{"never_expires":true,"expires_at":"2027-01-31T00:00:00Z"}`, "never_expires", "invalid_value", "contradicts", 0},
			"a bad name":        {`{"name":"a\u0000"}`, "name", "invalid_value", "name", 0},
		}},
		{"POST", "/api/keys/key1/rotate", `{"overlap":"1h"}`, 64 << 10, true, map[string]fault{
			"a number":    {`{"overlap":3600}`, "overlap", "invalid_type", "must be a string", 0},
			"no duration": {`{"overlap":"soon"}`, "overlap", "invalid_value", "24h", 0},
			"negative":    {`{"overlap":"-1h"}`, "overlap", "invalid_value", "24h", 0},
			"too long":    {`{"overlap":"9999h"}`, "overlap", "invalid_value", "2160h", 0},
		}},
		{"POST", "/api/holds/h1", `{"action":"charge"}`, 64 << 10, false, map[string]fault{
			"no action":      {`{}`, "action", "invalid_value", "release", 0},
			"another action": {`{"action":"forget"}`, "action", "invalid_value", "forget", 0},
			"a number":       {`{"action":1}`, "action", "invalid_type", "must be a string", 0},
		}},
		{"POST", "/api/ledger/import", `{"outcomes":[{"id":"o1"}],"from":"a.jsonl"}`, 16 << 20, false, map[string]fault{
			"no list":              {`{"outcomes":{}}`, "outcomes", "invalid_type", "must be a list", 0},
			"an outcome is a word": {`{"outcomes":["o1"]}`, "outcomes[0]", "invalid_type", "must be an object", 0},
			"without an id":        {`{"outcomes":[{"id":"o1"},{}]}`, "outcomes[1].id", "invalid_value", "1 to 256", 0},
			"an id too long":       {`{"outcomes":[{"id":"` + strings.Repeat("x", 257) + `"}]}`, "outcomes[0].id", "invalid_value", "1 to 256", 0},
			"a status in words":    {`{"outcomes":[{"id":"o1","status":"fine"}]}`, "outcomes[0].status", "invalid_type", "must be a whole number", 0},
			"a cost in words":      {`{"outcomes":[{"id":"o1","cost":"much"}]}`, "outcomes[0].cost", "invalid_type", "much", 0},
			"a time in words":      {`{"outcomes":[{"id":"o1","at":"today"}]}`, "outcomes[0].at", "invalid_type", "must be a time", 0},
			"unknown inside":       {`{"outcomes":[{"id":"o1","verdict":"passed"}]}`, "outcomes[0].verdict", "unknown_parameter", "verdict", 0},
		}},
		{"POST", "/api/ledger/priors", `{"name":"p","counts":[{"model":"m","problem":"1","samples":2,"right":1,"passed":1}]}`, 16 << 20, false, map[string]fault{
			"no counts":           {`{"name":"p"}`, "counts", "invalid_value", "empty", 0},
			"no name":             {`{"counts":[{"model":"m","problem":"1","samples":2,"right":1,"passed":1}]}`, "counts", "invalid_value", "name", 0},
			"more right than all": {`{"name":"p","counts":[{"model":"m","problem":"1","samples":2,"right":3,"passed":3}]}`, "counts", "invalid_value", "count 1", 0},
			"half a sample":       {`{"name":"p","counts":[{"model":"m","problem":"1","samples":2.5}]}`, "counts[0].samples", "invalid_type", "must be a whole number", 0},
		}},
	} {
		unknown := strings.TrimSuffix(endpoint.good, "}") + `,"dry_run":true}`
		again := strings.TrimSuffix(endpoint.good, "}") + "," + strings.TrimPrefix(endpoint.good, "{")
		for name, f := range map[string]fault{
			"null": {"null", "", "", "must be a JSON object", 0}, "a list": {"[" + endpoint.good + "]", "", "", "must be a JSON object", 0},
			"a word": {`"` + "release" + `"`, "", "", "must be a JSON object", 0}, "a number": {"7", "", "", "must be a JSON object", 0},
			"no JSON": {"{name: ci}", "", "", "not valid JSON", 0}, "cut off": {strings.TrimSuffix(endpoint.good, "}"), "", "", "not valid JSON", 0},
			"two objects": {endpoint.good + endpoint.good, "", "", "not valid JSON", 0}, "a field twice": {again, "", "", "duplicate", 0},
			"no UTF-8": {strings.TrimSuffix(endpoint.good, "}") + ",\"\xff\":1}", "", "", "UTF-8", 0}, "a form": {"name=ci&action=charge", "", "", "must be a JSON object", 0},
			"unknown field": {unknown, "dry_run", "unknown_parameter", "dry_run", 0}, "blanks": {" \n", "", "", "must be a JSON object", 0},
			"too large": {endpoint.good + strings.Repeat(" ", endpoint.most), "", "", "larger than", http.StatusRequestEntityTooLarge},
		} {
			endpoint.faults["any: "+name] = f
		}
		if !endpoint.bodyMayLack {
			endpoint.faults["any: nothing"] = fault{"", "", "", "must be a JSON object", 0}
		}
		// It would have been done: the good body is taken.
		before := state()
		if status, body := ask(t, s, endpoint.method, endpoint.path, endpoint.good); status > 299 || state() == before {
			t.Fatalf("%s %s: status %d: %s", endpoint.method, endpoint.path, status, body)
		}
		before = state()
		for name, f := range endpoint.faults {
			status, body := ask(t, s, endpoint.method, endpoint.path, f.body)
			kind, param, code, message := wireError(t, body)
			if status != cmp.Or(f.status, http.StatusBadRequest) || kind != "invalid_request_error" || param != f.param || code != f.code || !strings.Contains(message, f.says) {
				t.Errorf("%s %s, %s: status %d, want param %q, code %q and %q: %s", endpoint.method, endpoint.path, name, status, f.param, f.code, f.says, body)
			}
			if state() != before {
				t.Fatalf("%s %s, %s: it was done", endpoint.method, endpoint.path, name)
			}
		}
		// A connection that breaks off in the middle of a body that was whole until then.
		r := httptest.NewRequest(endpoint.method, endpoint.path, io.MultiReader(strings.NewReader(endpoint.good), iotest.ErrReader(errors.New("broken off"))))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if _, _, _, message := wireError(t, w.Body.String()); w.Code != http.StatusBadRequest || !strings.Contains(message, "to its end") || state() != before {
			t.Errorf("%s %s, broken off: status %d: %s", endpoint.method, endpoint.path, w.Code, w.Body)
		}
	}
}
