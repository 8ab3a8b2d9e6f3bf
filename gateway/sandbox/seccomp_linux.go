package sandbox

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

var (
	retAllow    = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	retKill     = bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}
	retDenied   = bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	retNoMemory = bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOMEM)}
	retAbsent   = bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)}
	retNoTTY    = bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOTTY)}
)

// rule allows one system call where its argument fits. Each becomes a block of
// its own that ends in a return, so that no later test can see the argument in
// the accumulator in place of the call's number.
type rule struct {
	number uint32
	block  []bpf.Instruction
}

const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWNET

// argumentRules are the calls that are allowed in part. A pid namespace is what
// init and the zygote need for a run; without a user namespace it takes a
// capability, which no program has.
func argumentRules() []rule {
	return []rule{
		{unix.SYS_CLONE, []bpf.Instruction{loadArg(0), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaceFlags, SkipFalse: 1}, retDenied, retAllow}},
		{unix.SYS_CLONE3, []bpf.Instruction{retAbsent}}, // its flags are behind a pointer; the C library falls back to clone
		{unix.SYS_UNSHARE, onlyArg(0, []uint32{unix.CLONE_NEWPID}, retDenied)},
		{unix.SYS_SETNS, onlyArg(1, []uint32{unix.CLONE_NEWPID}, retDenied)},
		{unix.SYS_SOCKETPAIR, onlyArg(0, []uint32{unix.AF_UNIX}, retDenied)},
		// A socket's buffer is memory that no process maps; what one may hold is
		// what the supervisor counts it as, so nothing here may widen it.
		{unix.SYS_SETSOCKOPT, onlyArg(2, []uint32{
			unix.SO_REUSEADDR, unix.SO_KEEPALIVE, unix.SO_LINGER, unix.SO_PASSCRED,
			unix.SO_RCVTIMEO, unix.SO_SNDTIMEO, unix.SO_RCVTIMEO_NEW, unix.SO_SNDTIMEO_NEW,
		}, retDenied)},
		// Pages of a shared anonymous mapping stay when every process has let go of
		// them, and huge pages count in no resident size: neither can be supervised.
		{unix.SYS_MMAP, []bpf.Instruction{
			loadArg(3),
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_HUGETLB, SkipTrue: 3},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_ANONYMOUS, SkipFalse: 1},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_SHARED, SkipTrue: 1},
			retAllow, retNoMemory,
		}},
		// The rest of fcntl would tell of, or hold up, the machine's own use of a
		// file that both can open: F_NOTIFY, F_SETLEASE.
		{unix.SYS_FCNTL, onlyArg(1, []uint32{
			unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW,
			unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW, unix.F_GETOWN, unix.F_SETOWN, unix.F_GETPIPE_SZ, unix.F_SETPIPE_SZ, unix.F_GET_SEALS,
		}, retDenied)},
		{unix.SYS_PERSONALITY, onlyArg(0, []uint32{0, 0xffffffff}, retDenied)},
		{unix.SYS_PRCTL, onlyArg(0, []uint32{
			unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_SET_PDEATHSIG, unix.PR_GET_PDEATHSIG, unix.PR_GET_DUMPABLE,
			unix.PR_SET_KEEPCAPS, unix.PR_CAP_AMBIENT, unix.PR_CAPBSET_READ, unix.PR_SET_VMA, unix.PR_GET_TIMERSLACK, unix.PR_GET_NO_NEW_PRIVS,
		}, retDenied)},
		{unix.SYS_IOCTL, onlyArg(1, []uint32{
			unix.TCGETS, unix.TIOCGWINSZ, unix.TIOCGPGRP, fionread, fionbio, fioclex, fionclex,
		}, retNoTTY)},
	}
}

// Requests of ioctl(2) that x/sys does not name, from asm-generic/ioctls.h.
const (
	fionread = 0x541b
	fionbio  = 0x5421
	fionclex = 0x5450
	fioclex  = 0x5451
)

func loadArg(n uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: offsetArgs + 8*n, Size: 4} }

// onlyArg allows a call when its n-th argument is one of the values. The upper
// halves are not looked at: these arguments are 32 bits wide in the kernel.
func onlyArg(n uint32, values []uint32, otherwise bpf.RetConstant) []bpf.Instruction {
	block := []bpf.Instruction{loadArg(n)}
	for i, v := range values {
		block = append(block, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(values) - i)})
	}
	return append(block, otherwise, retAllow)
}

// filter is the whole program: the architecture, then the calls that are
// allowed in part, then a search tree over the ranges of those allowed whole.
func filter(rules []rule) ([]bpf.RawInstruction, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		retKill,
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: 0x40000000, SkipFalse: 1}, // x32
		retKill,
	}
	for _, r := range rules {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: r.number, SkipTrue: uint8(len(r.block))})
		program = append(program, r.block...)
	}
	program = append(program, searchTree(ranges(slices.Concat(allowedCalls, archCalls)))...)
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assembling the seccomp filter: %w", err)
	}
	return raw, nil
}

type span struct{ first, last uint32 }

// ranges sorts the numbers into runs of neighbours.
func ranges(numbers []uint32) []span {
	slices.Sort(numbers)
	var out []span
	for _, n := range slices.Compact(numbers) {
		if len(out) > 0 && out[len(out)-1].last+1 == n {
			out[len(out)-1].last = n
			continue
		}
		out = append(out, span{n, n})
	}
	return out
}

// searchTree finds the call's number, which is in the accumulator, among the
// spans by halves: about nine comparisons for any call.
func searchTree(spans []span) []bpf.Instruction {
	if len(spans) == 1 {
		s := spans[0]
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: s.first, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: s.last, SkipTrue: 1},
			retAllow,
			unlisted(s.last),
		}
	}
	middle := len(spans) / 2
	left, right := searchTree(spans[:middle]), searchTree(spans[middle:])
	return append(append([]bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: spans[middle].first, SkipFalse: 1},
		bpf.Jump{Skip: uint32(len(left))},
	}, left...), right...)
}

// unlisted answers for calls next to a span: what is newer than the C libraries
// in use is absent, so that they fall back; the rest is denied.
func unlisted(last uint32) bpf.Instruction {
	if last > unix.SYS_FACCESSAT2 {
		return retAbsent
	}
	return retDenied
}

// loadFilter confines the calling thread and whatever it starts.
func loadFilter(rules []rule) error {
	raw, err := filter(rules)
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return step(errno, "loading the seccomp filter")
	}
	return nil
}
