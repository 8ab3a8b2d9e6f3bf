package sandbox

import (
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// bareRules are those of programs that share the machine's processes and files:
// beside argumentRules they refuse what Landlock does not. They replace the rules
// of the same calls.
func bareRules() []rule {
	never := func(calls ...uint32) []rule {
		var rules []rule
		for _, n := range calls {
			rules = append(rules, rule{n, []bpf.Instruction{retDenied}})
		}
		return rules
	}
	rules := never(
		// A file's mode, owner and times, which Landlock lets its owner change.
		unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
		// Locks are on the machine's own files, and last as long as the program likes.
		unix.SYS_FLOCK,
		// Descriptors on their way are in no table, where the supervisor could count them.
		unix.SYS_SENDMSG,
		// Other processes of the uid.
		unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_GET_ROBUST_LIST,
	)
	rules = append(rules, never(archChanges...)...)
	rules = append(rules,
		// The parent is init, of which programs shall not know.
		rule{unix.SYS_GETPPID, []bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO}}},
		// Limits and scheduling of the caller only.
		rule{unix.SYS_PRLIMIT64, onlyArg(0, []uint32{0}, retDenied)},
		rule{unix.SYS_SCHED_SETAFFINITY, onlyArg(0, []uint32{0}, retDenied)},
		rule{unix.SYS_SCHED_SETSCHEDULER, onlyArg(0, []uint32{0}, retDenied)},
		rule{unix.SYS_SETPRIORITY, []bpf.Instruction{
			loadArg(0), bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PRIO_PROCESS, SkipFalse: 2},
			loadArg(1), bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1}, retDenied, retAllow,
		}},
		rule{unix.SYS_CLONE, []bpf.Instruction{loadArg(0), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaceFlags | unix.CLONE_NEWPID, SkipFalse: 1}, retDenied, retAllow}},
		rule{unix.SYS_FCNTL, onlyArg(1, []uint32{
			unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_GETPIPE_SZ, unix.F_SETPIPE_SZ, unix.F_GET_SEALS,
		}, retDenied)},
	)
	for _, r := range argumentRules() {
		if !slices.ContainsFunc(rules, func(own rule) bool { return own.number == r.number }) {
			rules = append(rules, r)
		}
	}
	return rules
}
