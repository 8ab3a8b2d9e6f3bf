package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const blockedName = "drover-sandbox-test-blocked"

// refusedVariable in the environment makes this test binary refuse namespaces.
const refusedVariable = "DROVER_TEST_REFUSE_NAMESPACES"

// refuseNamespaces makes this process one on a machine that refuses namespaces,
// as Docker's default profile does: a filter answers clone and unshare with EPERM.
func refuseNamespaces() error {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE, SkipTrue: 4},
		loadArg(0), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaceFlags | unix.CLONE_NEWPID, SkipFalse: 1}, retDenied, retAllow,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1}, retAbsent,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_UNSHARE, SkipTrue: 1}, retDenied,
		retAllow,
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return errno
	}
	return nil
}

// runBlocked is this test binary on such a machine, with the default engine.
func runBlocked() int {
	if err := refuseNamespaces(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	var out struct {
		Down    string
		Reports []Report
		Probes  []Probe
	}
	r, err := New(ctx, Config{}, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out.Down = r.Down()
	marker := os.Args[1]
	for _, j := range []Job{
		{Code: "open(" + fmt.Sprintf("%q", marker) + ", 'w')\ndef f(x):\n    return x * x\n", Tests: []string{"assert f(3) == 9"}},
		{Code: "open(" + fmt.Sprintf("%q", marker) + ", 'w')", Cases: []Case{{Stdout: ""}}},
		{Language: "bash", Code: "touch " + marker, Cases: []Case{{Stdout: ""}}},
		{Framework: FrameworkCommand, Command: []string{"touch", marker}},
	} {
		report, err := r.Run(ctx, j)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		out.Reports = append(out.Reports, report)
	}
	out.Probes = r.Probe(ctx)
	if r.Close() != nil || json.NewEncoder(os.Stdout).Encode(out) != nil {
		return 1
	}
	return 0
}

// Without namespaces nothing runs, and the message names the step and the mend.
func TestNothingRunsWithoutNamespaces(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	marker := t.TempDir() + "/ran"
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = []string{blockedName, marker}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got struct {
		Down    string
		Reports []Report
		Probes  []Probe
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"namespaces", "operation not permitted", "drover-seccomp.json", "sandbox.engine: remote"} {
		if !strings.Contains(got.Down, want) {
			t.Errorf("the message %q does not say %q", got.Down, want)
		}
	}
	if len(got.Reports) != 4 {
		t.Fatalf("got %d reports", len(got.Reports))
	}
	for _, r := range got.Reports {
		if r.Verdict != Unjudged || r.Reason != ReasonRunnerDown || r.Detail != got.Down {
			t.Errorf("got %+v", r)
		}
	}
	if firstFault(got.Probes) == "" {
		t.Errorf("no probe failed: %+v", got.Probes)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a program ran")
	}
}
