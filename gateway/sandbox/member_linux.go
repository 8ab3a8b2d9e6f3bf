package sandbox

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What the kernel keeps for a process outside its resident size.
const (
	mappingSize   = 512     // bytes for one mapping, and for its links to the pages of forks
	mappingsRead  = 4 << 10 // mappings that are counted one by one
	mappingsLimit = 65530   // the most that a process may have by default (vm.max_map_count)
)

// member is what /proc says of one process of a run at one look.
type member struct {
	name     string // pid and start time: a pid alone is used again
	reader   string // the thread whose files tell of its memory
	resident int64
	tables   int64
	own      time.Duration // processor time of its threads
	reaped   time.Duration // that of the children that it has waited for
	running  bool
	deaf     bool // it ignores SIGCHLD: its children are not waited for
}

// process reads one process.
func (s *supervisor) process(pid string) (member, bool) {
	p := member{reader: pid}
	stat, err := s.read(pid + "/stat")
	if err != nil {
		return p, false
	}
	// The name in parentheses may hold anything; the fields start after the last one.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return p, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return p, false
	}
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n) * time.Second / clockTicks
	}
	p.running = fields[0] == "R"
	p.own, p.reaped = ticks(11)+ticks(12), ticks(13)+ticks(14)
	p.name = pid + " " + fields[19]
	// Ticks are too coarse for what lives shortly; the first thread's time is exact.
	if schedstat, err := s.read(pid + "/schedstat"); err == nil {
		exact, _, _ := bytes.Cut(schedstat, []byte(" "))
		n, _ := strconv.ParseInt(string(exact), 10, 64)
		p.own = max(p.own, time.Duration(n))
	}
	status, err := s.read(pid + "/status")
	if err != nil {
		return p, false
	}
	if !bytes.Contains(status, []byte("\nVmRSS:")) {
		// Its first thread has ended, and tells of no memory; another may still hold all of it.
		for _, tid := range s.threads(pid) {
			other, err := s.read(pid + "/task/" + tid + "/status")
			if err == nil && bytes.Contains(other, []byte("\nVmRSS:")) {
				status, p.reader = other, tid
				break
			}
		}
	}
	p.resident, p.tables = field(status, "VmRSS:"), field(status, "VmPTE:")
	p.deaf = ignores(status, unix.SIGCHLD)
	return p, true
}

// ignores reads a signal's bit in "SigIgn: 0000000001001000".
func ignores(status []byte, signal unix.Signal) bool {
	_, rest, ok := bytes.Cut(status, []byte("\nSigIgn:"))
	if !ok {
		return false
	}
	mask, _, _ := bytes.Cut(rest, []byte("\n"))
	bits, err := strconv.ParseUint(strings.TrimSpace(string(mask)), 16, 64)
	return err == nil && bits>>(signal-1)&1 == 1
}

// mappings counts a process's mappings. One that has very many is taken to have
// all that it may: counting them would cost more than having them.
func (s *supervisor) mappings(pid string) int64 {
	fd, err := unix.Openat(int(s.proc.Fd()), pid+"/maps", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var b [16 << 10]byte
	lines := 0
	for {
		n, err := unix.Read(fd, b[:])
		if n <= 0 || err != nil {
			return int64(lines)
		}
		lines += bytes.Count(b[:n], []byte("\n"))
		if lines > mappingsRead {
			return mappingsLimit
		}
	}
}

// sockets is how many the container's network namespace holds, those included
// that are on their way between two processes and in no one's table.
func (s *supervisor) sockets() int64 {
	b, err := s.read(s.self + "/net/sockstat")
	if err != nil {
		return 0
	}
	rest, ok := bytes.CutPrefix(b, []byte("sockets: used "))
	if !ok {
		return 0
	}
	n, _, _ := bytes.Cut(rest, []byte("\n"))
	count, _ := strconv.ParseInt(string(n), 10, 64)
	return count
}

// socketsOf is how many sockets the processes have open, where the machine's
// others are in the same namespace. What programs were given counts as well.
func (s *supervisor) socketsOf(all []member) int64 {
	found := map[string]struct{}{}
	for _, p := range all {
		pid, _, _ := strings.Cut(p.name, " ")
		fd, err := unix.Openat(int(s.proc.Fd()), pid+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		dir := os.NewFile(uintptr(fd), "fd")
		names, _ := dir.Readdirnames(4 * descriptorLimit)
		if len(names) > 8 { // fewer hold too little to matter
			for _, name := range names {
				if target, err := readLinkAt(dir, name); err == nil && strings.HasPrefix(target, "socket:") {
					found[target] = struct{}{}
				}
			}
		}
		dir.Close()
	}
	return int64(len(found))
}

// socketRoom is the kernel's send buffer, and the message by which a sender may
// go past it.
func socketRoom() (int64, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, step(err, "making a socket pair")
	}
	defer closeAll(fds[:])
	size, err := unix.GetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF)
	return int64(size) + 64<<10, step(err, "reading the size of a socket's buffer")
}

// proportional is a process's share of its memory, shared pages divided: nothing
// for one that has ended since, and what is resident for one that may not be read.
func (s *supervisor) proportional(pid string, resident int64) int64 {
	rollup, err := s.read(pid + "/smaps_rollup")
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return resident
	}
	if err != nil {
		return 0
	}
	return field(rollup, "Pss:")
}

// field reads "Name:   12 kB" in bytes.
func field(text []byte, name string) int64 {
	i := bytes.Index(text, []byte("\n"+name))
	if i < 0 {
		return 0
	}
	var n int64
	for _, c := range text[i+1+len(name):] {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
		case c == '\n':
			return n << 10
		}
	}
	return n << 10
}
