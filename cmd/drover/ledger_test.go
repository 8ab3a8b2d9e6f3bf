package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
	"github.com/drover-llm/drover/pricing"
)

// fill journals n requests of two teams, and leaves one hold open as a crash does.
func fill(t *testing.T, a access, n int) {
	t.Helper()
	l, err := ledger.Open(a.ledger, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range n + 1 {
		who := policy.Account{Key: "k1", Team: []string{"acme", "rival"}[i%2]}
		h := policy.Hold{ID: fmt.Sprintf("chatcmpl-%03d", i), At: time.Now(), Account: who, Route: "auto", Ceiling: new(pricing.USD(5_000_000))}
		if err := l.Hold(context.Background(), h); err != nil {
			t.Fatal(err)
		}
		if i == n {
			return
		}
		o := policy.Outcome{ID: h.ID, At: h.At, Account: who, Requested: "=cmd()", Route: "auto", Model: "gpt-4o", Status: 200, Cost: new(pricing.USD(1_500_000)), Tags: map[string]string{"job": "ci"}}
		if i == 0 { // its end was not seen
			o.Calls = []policy.Call{{Model: "gpt-4o", Cost: o.Cost, Most: new(pricing.USD(2_000_000))}}
		}
		if err := l.Settle(context.Background(), o); err != nil {
			t.Fatal(err)
		}
	}
}

// walkLedger does with commands what an administrator does with a ledger that fill
// filled.
func walkLedger(t *testing.T, a access, n int) {
	t.Helper()
	if r := must(t, a, "ledger", "verify"); !strings.Contains(r.stdout, fmt.Sprintf("%d outcomes that cost $%s", n, pricing.USD(n*1_500_000))) || !strings.Contains(r.stdout, "1 hold open") || !strings.Contains(r.stdout, "0 faults") {
		t.Fatalf("verify: %+v", r)
	}
	dir := t.TempDir()
	lines := strings.Split(strings.TrimSpace(must(t, a, "ledger", "export", "--team", "acme").stdout), "\n")
	if len(lines) != (n+1)/2 {
		t.Fatalf("%d lines exported", len(lines))
	}
	var entry policy.Entry
	if err := json.Unmarshal([]byte(lines[0]), &entry); err != nil || entry.Outcome.Account.Team != "acme" || entry.Outcome.Cost.String() != "0.0015" {
		t.Fatal(lines[0], err)
	}
	table := filepath.Join(dir, "all.csv")
	must(t, a, "ledger", "export", "--format", "csv", "-o", table)
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != n+1 || rows[1][1] != "chatcmpl-000" || rows[1][5] != "'=cmd()" || rows[1][20] != "0.0015" || rows[1][27] != "0.002" || rows[2][27] != "0.0015" {
		t.Fatal(rows, err)
	}

	backup := filepath.Join(dir, "backup.db")
	if r := must(t, a, "ledger", "backup", backup); !strings.Contains(r.stdout, "0 faults") {
		t.Fatalf("backup: %+v", r)
	}
	if r := drover(t, a, "ledger", "backup", backup); r.code != exitFault {
		t.Fatalf("a backup was overwritten: %+v", r)
	}

	var holds admin.HoldList
	if err := json.Unmarshal([]byte(must(t, a, "ledger", "holds", "--json").stdout), &holds); err != nil || len(holds.Holds) != 1 || holds.Holds[0].UnderWay {
		t.Fatal(holds, err)
	}
	id := holds.Holds[0].ID
	must(t, a, "ledger", "release", "--charge", id)
	if r := drover(t, a, "ledger", "release", id); r.code != exitFault || !strings.Contains(r.stderr, "no open hold") {
		t.Fatalf("released twice: %+v", r)
	}
	if r := must(t, a, "ledger", "changes"); !strings.Contains(r.stdout, "hold.charge") || !strings.Contains(r.stdout, id) || !strings.Contains(r.stdout, "$0.005") {
		t.Fatalf("changes: %+v", r)
	}

	foreign := filepath.Join(dir, "foreign.jsonl")
	content := strings.ReplaceAll(strings.Join(lines, "\n"), "chatcmpl-", "other-")
	if err := os.WriteFile(foreign, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{fmt.Sprintf("%d imported, 0 were", len(lines)), fmt.Sprintf("0 imported, %d were", len(lines))} {
		if r := must(t, a, "ledger", "import", foreign); !strings.Contains(r.stderr, want) {
			t.Fatalf("import: %+v", r)
		}
	}
	bad := filepath.Join(dir, "bad.jsonl")
	if err := os.WriteFile(bad, []byte(lines[0]+"\n{\"x\":1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := drover(t, a, "ledger", "import", bad); r.code != exitFault || !strings.Contains(r.stderr, "bad.jsonl:2:") {
		t.Fatalf("a bad import: %+v", r)
	}
	rates := filepath.Join(dir, "rates.csv")
	if err := os.WriteFile(rates, []byte("task_id,gpt-4o (n=100),llama (n=100)\nHumanEval/0,99.0,50.0\nHumanEval/1,100.0,7.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := must(t, a, "ledger", "import", "--priors", "published", rates); !strings.Contains(r.stderr, "4 pass counts") {
		t.Fatalf("priors: %+v", r)
	}
	if r := must(t, a, "ledger", "verify"); !strings.Contains(r.stdout, fmt.Sprintf("%d imported", len(lines))) || !strings.Contains(r.stdout, "0 faults") {
		t.Fatalf("verify: %+v", r)
	}
}

func TestLedgerCommandsOnTheFile(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	if r := drover(t, a, "ledger", "verify"); r.code != exitFault || !strings.Contains(r.stderr, "no ledger") {
		t.Fatalf("%+v", r)
	}
	fill(t, a, 10)
	walkLedger(t, a, 10)
	must(t, a, "ledger", "compact")

	backup := filepath.Join(t.TempDir(), "backup.db")
	must(t, a, "ledger", "backup", backup)
	if r := drover(t, a, "ledger", "restore", backup); r.code != exitFault || !strings.Contains(r.stderr, "--replace") {
		t.Fatalf("a ledger was overwritten: %+v", r)
	}
	if err := os.WriteFile(a.ledger, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := drover(t, a, "ledger", "verify"); r.code != exitFault || !strings.Contains(r.stderr, "damaged") {
		t.Fatalf("%+v", r)
	}
	must(t, a, "ledger", "restore", "--replace", backup)
	must(t, a, "ledger", "verify", "--repair")
	if r := must(t, a, "ledger", "verify"); !strings.Contains(r.stdout, "10 outcomes") {
		t.Fatalf("%+v", r)
	}
}

func TestLedgerCommandsThroughAServer(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	a.admin.Token = "right"
	fill(t, a, 10)
	serveLedger(t, &a, "right")
	walkLedger(t, a, 10)
	for _, args := range [][]string{{"compact"}, {"verify", "--repair"}, {"restore", "--replace", a.ledger}} {
		if r := drover(t, a, append([]string{"ledger"}, args...)...); r.code != exitFault || !strings.Contains(r.stderr, "another process") {
			t.Fatalf("%q under a server: %+v", args, r)
		}
	}
}
