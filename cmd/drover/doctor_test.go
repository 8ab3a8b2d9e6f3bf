package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/ledger"
)

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// examined is what the doctor finds of providers and ledger, by group and name.
func examined(t *testing.T, config string) map[string]finding {
	t.Helper()
	p := (&doctorCommand{Config: write(t, "drover.yaml", config)}).patient()
	found := map[string]finding{}
	for _, f := range examine(t.Context(), []examination{{"upstream", p.upstreams}, {"ledger", p.ledger}}) {
		found[f.Group+" "+f.Name] = f
	}
	return found
}

func TestDoctorAsksEveryProvider(t *testing.T) {
	const secret = "sk-very-secret-key"
	t.Setenv("DOCTOR_TEST_KEY", secret)
	host := simulated(t, standin.Config{Models: map[string]standin.Script{"served": {}}})
	serve := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer "+secret {
				t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL + "/v1"
	}
	silent := make(chan struct{})
	mute := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	t.Cleanup(mute.Close)
	t.Cleanup(func() { close(silent) })
	key := "    api_key: ${DOCTOR_TEST_KEY}\n"
	found := examined(t, "ledger: {path: "+filepath.Join(t.TempDir(), "drover.db")+"}\nproviders:\n"+
		"  here:\n    base_url: "+host.URL()+"\n"+
		"  denied:\n    base_url: "+serve(401, `{"error":{"message":"Incorrect API key provided: `+secret+`"}}`)+"\n"+key+
		"  away:\n    base_url: http://"+closedPort(t)+"/v1\n"+key+
		"  mute:\n    timeout: 50ms\n    base_url: "+mute.URL+"/v1\n"+
		"  listless:\n    base_url: "+serve(404, "no such page")+"\n"+key+
		"  array:\n    base_url: "+serve(200, `[{"id":"meta/llama"}]`)+"\n"+key+
		"  tagged:\n    dialect: ollama\n    base_url: "+serve(200, `{"data":[{"id":"llama3.1:latest"}]}`)+"\n"+key+
		"models:\n  served: {provider: here}\n  gone: {provider: here, name: gone-1}\n  llama: {provider: array, name: meta/llama}\n  pulled: {provider: tagged, name: llama3.1}\n")
	for name, want := range map[string]struct {
		ok        bool
		saw, mend string
	}{
		"here": {true, "lists", ""}, "here/served": {true, "served is listed", ""},
		"here/gone":   {false, "gone-1 is not listed", "models.gone.name"},
		"denied":      {false, "401", "set DOCTOR_TEST_KEY in the environment"},
		"away":        {false, "refused", "providers.away.base_url"},
		"mute":        {false, "timed", "providers.mute.base_url"},
		"listless":    {true, "without a list of models", ""},
		"array/llama": {true, "meta/llama is listed", ""}, "tagged/pulled": {true, "is listed", ""},
	} {
		f, there := found["upstream "+name]
		if !there || f.OK != want.ok || !f.Need || !strings.Contains(f.Saw, want.saw) || !strings.Contains(f.Mend, want.mend) || (f.Mend == "") != f.OK {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if text, err := json.Marshal(found); err != nil || strings.Contains(string(text), secret) {
		t.Errorf("the key was shown: %s, %v", text, err)
	}
}

func TestDoctorLooksAtTheLedger(t *testing.T) {
	t.Parallel()
	host := simulated(t, standin.Config{})
	a := newAccess(t)
	config := func(adminListen string) string {
		return "admin: {listen: \"" + adminListen + "\", token: token}\nledger: {path: " + a.ledger + "}\n" + overStandin(host)
	}
	expect := func(found map[string]finding, name string, ok bool, saw string) {
		t.Helper()
		if f, there := found["ledger "+name]; !there || f.OK != ok || !strings.Contains(f.Saw, saw) || f.OK != (f.Mend == "") {
			t.Errorf("%s: %+v, want %v and %q", name, f, ok, saw)
		}
	}
	found := examined(t, config(a.admin.Listen))
	expect(found, "file", true, "none yet")
	expect(found, "folder", true, "writable")
	if _, err := os.Stat(a.ledger); err == nil {
		t.Error("the doctor made a ledger")
	}

	t.Run("held", func(t *testing.T) {
		l := serveLedger(t, &a, "token")
		if err := l.Hold(context.Background(), policy.Hold{ID: "cut-off", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		expect(examined(t, config(a.admin.Listen)), "file", true, "held by the server")
		expect(examined(t, config(closedPort(t))), "file", false, "held by another process")
	})
	found = examined(t, config(a.admin.Listen))
	expect(found, "file", true, "format 4")
	expect(found, "holds", false, "1 hold")

	if err := os.WriteFile(a.ledger, []byte("not a ledger, but long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(examined(t, config(a.admin.Listen)), "file", false, "not a ledger")
	a.ledger = filepath.Join(t.TempDir(), "nowhere", "drover.db")
	expect(examined(t, config(a.admin.Listen)), "folder", false, "nowhere")
}

// What the doctor saw is what the next start finds.
func TestLookingAtALedgerChangesNothing(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	fill(t, a, 3)
	before, err := os.ReadFile(a.ledger)
	if err != nil {
		t.Fatal(err)
	}
	if look, err := ledger.LookAt(a.ledger, time.Second); err != nil || look.Format != look.Current || look.Size != int64(len(before)) {
		t.Errorf("%+v, %v", look, err)
	}
	if after, err := os.ReadFile(a.ledger); err != nil || string(after) != string(before) {
		t.Error("the file is another now", err)
	}
}

func TestDoctorNamesFaultsAndLanguages(t *testing.T) {
	t.Parallel()
	config := write(t, "drover.yaml", "providers: {p: {base_url: \"ftp://x\"}}\nmodels: {m: {provider: p}}\nsandbox: {languages: {rust: {command: [no-such-program-here]}}}\n")
	status, out := command(t, "doctor", "--json", "-c", config)
	if status != 1 {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"drover.yaml:1: providers.p.base_url", "not tried", "language rust", "no-such-program-here: not found", "language python"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said: %s", want, out)
		}
	}
}

func TestCheckNamesTheSchemeThatIsServed(t *testing.T) {
	t.Parallel()
	const models = "providers: {p: {base_url: \"http://127.0.0.1:1/v1\"}}\nmodels: {m: {provider: p}}\n"
	for config, want := range map[string]string{models: "use http://HOST:8080/v1", models + "http: {tls: {cert: c.pem, key: k.pem}}\n": "use https://HOST:8080/v1"} {
		if status, out := command(t, "check", "-c", write(t, "drover.yaml", config)); status != 0 || !strings.Contains(out, want) {
			t.Errorf("status %d, without %q: %s", status, want, out)
		}
	}
}
