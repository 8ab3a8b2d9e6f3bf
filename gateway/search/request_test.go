package search

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/drover-llm/drover/gateway/openai"
	"github.com/drover-llm/drover/gateway/sandbox"
)

func TestRequestShowsTestsOnlyWhereTheyMayBeSeen(t *testing.T) {
	for name, c := range map[string]struct {
		messages, verify string
		want             string // of the messages
	}{
		"hidden": {`[{"role":"user","content":"Write f."}]`, `"assert f(1)"`, `[{"role":"user","content":"Write f."}]`},
		"shown": {`[{"role":"user","content":"Write f.","name":"ann"},{"role":"assistant","content":"No."}]`, `{"tests":"assert f(1)\n","show":"all","language":"python"}`,
			`[{"role":"user","content":"Write f.\n\nThe program must pass these tests:\n\n` + ticks + `python\nassert f(1)\n` + ticks + `\n","name":"ann"},{"role":"assistant","content":"No."}]`},
		"in parts": {`[{"role":"user","content":[{"type":"text","text":"Write f."}]}]`, `{"cases":[{"stdin":"1\n","stdout":"2\n"}],"show":"all"}`,
			`[{"role":"user","content":[{"type":"text","text":"Write f."},{"type":"text","text":"\n\nThe program must pass these tests:\n\nInput 1:\n1\nOutput:\n2\n"}]}]`},
		"no user": {`[{"role":"system","content":"Write f."}]`, `{"tests":"assert f(1)","show":"all","language":"go"}`,
			`[{"role":"system","content":"Write f."},{"role":"user","content":"The program must pass these tests:\n\n` + ticks + `go\nassert f(1)\n` + ticks + `\n"}]`},
		"already there": {`[{"role":"user","content":"Write f.\nassert f(1)"}]`, `{"route":"search"}`, `[{"role":"user","content":"Write f.\nassert f(1)"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"model":"auto@suite_x","messages":` + c.messages + `,"verify":` + c.verify + `,"metadata":{"verify_suite":"suite_x","a":"b"},"temperature":1}`
			q, err := openai.DecodeChatRequest([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := ParseTask(q, Sources{Suites: asSuites(func(string) ([]byte, bool) { return []byte(`"suite"`), !strings.Contains(c.verify, "tests") })})
			if name == "already there" {
				q.Set("metadata", []byte(`{"a":"b"}`))
				q.Model = "auto"
				parsed, err = ParseTask(q, Sources{})
			}
			if err != nil {
				t.Fatal(err)
			}
			sent := parsed.Request(q)
			if got := string(sent.Get("messages")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if sent.Get("verify") != nil || string(sent.Get("metadata")) != `{"a":"b"}` || strings.Contains(sent.Model, "@") {
				t.Errorf("sent %s", sent.AppendJSON(nil))
			}
			again, err := openai.DecodeChatRequest(sent.AppendJSON(nil))
			if err != nil || len(again.Messages) != len(sent.Messages) {
				t.Fatalf("%s: %v", sent.AppendJSON(nil), err)
			}
			for i, m := range again.Messages {
				if m.Text() != sent.Messages[i].Text() || m.Role != sent.Messages[i].Role {
					t.Errorf("message %d is %q, and %q as JSON", i, sent.Messages[i].Text(), m.Text())
				}
			}
			if string(q.AppendJSON(nil)) != body && name != "already there" {
				t.Error("the client's request was touched")
			}
		})
	}
}

func TestEscalationShowsTheBestAttemptWhereItIsToBeRepaired(t *testing.T) {
	for show, test := range map[string]bool{ShowNone: false, ShowAll: true} {
		q := request(t, "Write f.", `"verify":{"tests":"assert f(1) == secret","show":"`+show+`"}`)
		tk := task(t, q)
		r := Result{Best: 1, Samples: []Sample{{}, {Text: "my attempt", Report: sandbox.Report{Verdict: sandbox.Failed, Failure: "f(1): got 7"}}}}
		fresh := string(tk.Escalation(q, EscalateFresh, r).AppendJSON(nil))
		if fresh != string(tk.Request(q).AppendJSON(nil)) {
			t.Errorf("fresh sent %s", fresh)
		}
		sent := tk.Escalation(q, EscalateRepair, r)
		repair := string(sent.AppendJSON(nil))
		if !strings.Contains(repair, "my attempt") || strings.Contains(repair, "got 7") != test || strings.Contains(repair, "secret") != test || len(sent.Messages) != 3 {
			t.Errorf("show %s: repair sent %s", show, repair)
		}
		if none := tk.Escalation(q, EscalateRepair, Result{Best: -1}); len(none.Messages) != 1 {
			t.Error("there is nothing to repair")
		}
	}
}

// Whatever the request looks like, a canary in its tests, cases, files, commands,
// suite or failures reaches no model while the tests are hidden.
func TestNoTestReachesAModel(t *testing.T) {
	const canary = "CANARY"
	rapid.Check(t, func(rt *rapid.T) {
		fields := map[string]string{
			"tests": `"assert f(1) == 'CANARY'"`, "cases": `[{"stdin":"CANARY","stdout":"CANARY"}]`, "command": `["make","CANARY"]`,
			"files": `{"CANARY.txt":"CANARY"}`, "entry_point": `"CANARY"`, "on_fail": `"best"`, "show": `"none"`, "answer": `{"path":"CANARY.py","suffix":"CANARY"}`,
		}
		var members []string
		for _, name := range []string{"tests", "cases", "command", "files", "entry_point", "on_fail", "show", "answer"} {
			if name == "tests" && len(members) == 0 || rapid.Bool().Draw(rt, name) {
				members = append(members, `"`+name+`":`+fields[name])
			}
		}
		q := request(t, rapid.SampledFrom([]string{"Write f.", "Write f.\n\nassert f(1) == 2", ""}).Draw(rt, "prompt"),
			`"verify":{`+strings.Join(members, ",")+`}`, `"metadata":{"verify_suite":"suite_CANARY"}`, `"stream":true`, `"stream_options":{"include_usage":true}`)
		tk := task(t, q)
		model := &scripted{script: []said{{text: "half 1"}, {text: "half 2"}, {text: "fail"}}}
		var sent []string
		synctest.Test(t, func(t *testing.T) {
			r, err := Find(t.Context(), tk, Plan{Request: q, Rungs: []Rung{model.rung(1)}, Stopper: batches(1, 2, 3), Runner: &judge{accept: map[string]sandbox.Report{
				"": {Verdict: sandbox.Failed, Total: 2, Failure: canary, Checks: []sandbox.Check{{Name: canary, Message: canary}}}}}, Ceiling: 100, Now: time.Now})
			if err == nil && len(r.Samples) == 6 {
				sent = append(sent, string(tk.Escalation(q, EscalateRepair, r).AppendJSON(nil)), string(tk.Escalation(q, EscalateFresh, r).AppendJSON(nil)))
			}
		})
		for _, q := range model.requests {
			sent = append(sent, string(q.AppendJSON(nil)))
		}
		if len(sent) != 8 {
			rt.Fatalf("%d requests", len(sent))
		}
		for _, body := range sent {
			if strings.Contains(body, canary) || strings.Contains(body, "verify") {
				rt.Fatalf("sent %s", body)
			}
		}
	})
}
