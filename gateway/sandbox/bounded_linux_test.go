package sandbox

import (
	"testing"
	"time"
)

// A compiled program runs before its own limits are put on it, and what it forks
// in that instant would keep those of init: once, that was 30,000 processes.
func TestProgramsAreBoundedFromTheirFirstInstruction(t *testing.T) {
	r := commonRunner(t)
	for name, code := range map[string]string{
		"limits": `#include <sys/resource.h>
int bounded(void) {
	struct rlimit p, n, f, q;
	getrlimit(RLIMIT_NPROC, &p); getrlimit(RLIMIT_NOFILE, &n); getrlimit(RLIMIT_FSIZE, &f); getrlimit(RLIMIT_MSGQUEUE, &q);
	return p.rlim_cur <= 80 && p.rlim_max <= 160 && n.rlim_max <= 256 && f.rlim_max <= 128 << 20 && q.rlim_max == 0;
}`,
		"forks": `#include <unistd.h>
int bounded(void) {
	int children = 0;
	for (int i = 0; i < 1000; i++) {
		int pid = fork();
		if (pid == 0) { pause(); _exit(0); }
		children += pid > 0;
	}
	return children <= 80;
}`,
		"grandchildren": `#include <fcntl.h>
#include <unistd.h>
int bounded(void) {
	int ends[2], children = 0, first = getpid();
	char one = 1;
	if (pipe2(ends, O_NONBLOCK)) return 0;
	for (int i = 0; i < 500; i++) if (fork() > 0) write(ends[1], &one, 1);
	if (getpid() != first) { pause(); _exit(0); }
	usleep(300000);
	while (read(ends[0], &one, 1) == 1) children++;
	return children <= 80;
}`,
		// The program loses, the container does not.
		"bomb": "#include <unistd.h>\nint bounded(void) { for (;;) fork(); }",
	} {
		report, err := r.Run(t.Context(), Job{Language: "c", Code: code, Limits: Limits{CPU: 2 * time.Second}, Tests: []string{"int main(void) { return !bounded(); }"}})
		switch {
		case err != nil:
			t.Fatal(err)
		case report.Reason == ReasonUnsupportedLanguage:
			t.Skipf("only a compiled program is quick enough to show it, and there is no C compiler: %s", report.Detail)
		case name == "bomb":
			if report.Verdict != Failed {
				t.Errorf("%s: %s %s %s", name, report.Verdict, report.Failure, report.Detail)
			}
		case report.Verdict != Passed:
			t.Errorf("%s: %s %s", name, report.Verdict, report.Failure)
		}
	}
}
