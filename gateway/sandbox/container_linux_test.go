package sandbox

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// In a container of its own without any capability, a plain user's sandbox works
// under the seccomp profile that is shipped for containers; without its last rule,
// as runtimes' default profiles are, nothing runs, and the mend is named.
func TestContainerRunsUnderShippedSeccomp(t *testing.T) {
	if !*all {
		t.Skip("needs root and runc: with -args -all")
	}
	runc, err := exec.LookPath("runc")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and runc")
	}
	profile := projectRoot() + "/configs/deploy/drover-seccomp.json"
	if _, err := os.Stat(profile); err != nil {
		t.Skip(err)
	}
	if out := inContainer(t, runc, profile, true); !strings.Contains(out, "--- PASS: TestRunJudgesEveryFramework") || strings.Contains(out, "--- FAIL") {
		t.Errorf("with the shipped profile:\n%s", out)
	}
	out := inContainer(t, runc, profile, false)
	for _, want := range []string{"namespaces", "operation not permitted", "drover-seccomp.json"} {
		if !strings.Contains(out, want) || strings.Contains(out, "--- PASS") {
			t.Errorf("without it, nothing says %q:\n%s", want, out)
		}
	}
}

// inContainer runs a test of this binary as uid 10001 in a container that shows
// the system's folders.
func inContainer(t *testing.T, runc, profile string, own bool) string {
	t.Helper()
	b, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	var shipped struct {
		DefaultAction string
		Syscalls      []map[string]any
	}
	if err := json.Unmarshal(b, &shipped); err != nil {
		t.Fatal(err)
	}
	rules := shipped.Syscalls
	for _, rule := range rules {
		delete(rule, "comment")
	}
	if !own {
		rules[len(rules)-1] = map[string]any{"names": []string{"clone"}, "action": "SCMP_ACT_ALLOW",
			"args": []any{map[string]any{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}}}
		rules = append(rules, map[string]any{"names": []string{"clone3"}, "action": "SCMP_ACT_ERRNO", "errnoRet": 38})
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	type mount struct {
		Destination string   `json:"destination"`
		Type        string   `json:"type"`
		Source      string   `json:"source"`
		Options     []string `json:"options,omitempty"`
	}
	mounts := []mount{
		{"/proc", "proc", "proc", nil}, {"/dev", "tmpfs", "tmpfs", []string{"nosuid", "mode=755"}}, {"/tmp", "tmpfs", "tmpfs", []string{"mode=1777"}},
		{"/opt/sandbox.test", "bind", exe, []string{"bind", "ro"}},
	}
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"} {
		if isDir(dir) {
			mounts = append(mounts, mount{dir, "bind", dir, []string{"rbind", "ro"}})
		}
	}
	type kind struct {
		Type string `json:"type"`
	}
	bundle := t.TempDir()
	spec, err := json.Marshal(map[string]any{
		"ociVersion": "1.0.2", "hostname": "drover", "root": map[string]any{"path": "rootfs"}, "mounts": mounts,
		"process": map[string]any{"cwd": "/tmp", "user": map[string]int{"uid": 10001, "gid": 10001}, "noNewPrivileges": true,
			"args": []string{"/opt/sandbox.test", "-test.v", "-test.run", "^TestRunJudgesEveryFramework$"},
			"env":  []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "GORACE=atexit_sleep_ms=0"}},
		"linux": map[string]any{
			"namespaces": []kind{{"pid"}, {"mount"}, {"ipc"}, {"uts"}, {"network"}},
			"seccomp":    map[string]any{"defaultAction": shipped.DefaultAction, "defaultErrnoRet": 1, "syscalls": rules},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bundle+"/rootfs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bundle+"/config.json", spec, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), runc, "--root", bundle+"/state", "run", "--bundle", bundle, "drover-"+filepath.Base(bundle))
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out)
}
