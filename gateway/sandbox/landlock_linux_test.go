package sandbox

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// underLandlock are the tests that are run again on the landlock engine, on a
// machine that refuses namespaces.
const underLandlock = "^(TestAttacksDoNoHarm|TestFakesNeverPass|TestRunJudgesEveryFramework|TestLandlockIsModest)$"

func TestLandlockHoldsWithoutNamespaces(t *testing.T) {
	if !*all {
		t.Skip("takes minutes; run with -args -all")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run", underLandlock, "-test.timeout", "5m", "-engine", EngineLandlock)
	cmd.Env = append(os.Environ(), refusedVariable+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLandlockHoldsForAPlainUser(t *testing.T) {
	if !*all {
		t.Skip("takes minutes; run with -args -all")
	}
	asPlainUser(t, []string{refusedVariable + "=1"}, "-test.run", underLandlock, "-engine", EngineLandlock)
}

// What the engine does not hold, it says.
func TestLandlockIsModest(t *testing.T) {
	if *engineName != EngineLandlock {
		t.Skip("run by TestLandlockHoldsWithoutNamespaces")
	}
	r := commonRunner(t)
	report, err := r.Run(t.Context(), Job{Code: square, Tests: []string{"assert f(3) == 9"}})
	if err != nil || report.Verdict != Passed || report.Assurance != Low || report.Detail == "" {
		t.Errorf("got %+v, %v", report, err)
	}
	report, err = r.Run(t.Context(), Job{Language: "go", Code: "package main\nfunc main() {}\n", Cases: []Case{{}}})
	if err != nil || report.Verdict != Unjudged || report.Reason != ReasonUnsupportedLanguage {
		t.Errorf("a compiled language got %+v, %v", report, err)
	}
	said, err := json.Marshal(r.Probe(t.Context()))
	if err != nil || !strings.Contains(string(said), landlockCaveat) {
		t.Errorf("the probes do not say what is left open: %s, %v", said, err)
	}
}
