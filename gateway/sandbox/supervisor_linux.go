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

// supervisor enforces what resource limits cannot: memory, processor time and
// the clock over all processes of a run. It reads the machine's /proc, which
// needs no mount of its own, through a descriptor that programs never get.
type supervisor struct {
	proc   *os.File
	self   string // init's pid as that /proc sees it
	zygote bool   // init's first child is the zygote
}

const clockTicks = 100 // USER_HZ, fixed by the kernel's interface

func newSupervisor() (*supervisor, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, step(err, "opening /proc")
	}
	s := &supervisor{proc: proc}
	if s.self, err = readLinkAt(proc, "self"); err != nil {
		return nil, step(err, "reading /proc/self")
	}
	if _, err = s.read(s.self + "/task/" + s.self + "/children"); err != nil {
		return nil, step(err, "reading /proc/self/task/children (CONFIG_PROC_CHILDREN)")
	}
	return s, nil
}

func readLinkAt(dir *os.File, name string) (string, error) {
	var b [64]byte
	n, err := unix.Readlinkat(int(dir.Fd()), name, b[:])
	return string(b[:max(n, 0)]), err
}

func (s *supervisor) read(name string) ([]byte, error) {
	fd, err := unix.Openat(int(s.proc.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := make([]byte, 0, 4096)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := unix.Read(fd, b[len(b):cap(b)])
		if n <= 0 || err != nil {
			return b, err
		}
		b = b[:len(b)+n]
	}
}

// wait returns when the run is over, and ends it at a limit.
func (s *supervisor) wait(r run, p *program) exit {
	ended := make(chan exit, 1)
	go func() { ended <- r.wait() }()
	clock := time.NewTimer(p.Wall)
	defer clock.Stop()
	tick := time.NewTicker(supervisionPeriod)
	defer tick.Stop()
	limit, peak := "", int64(0)
	stop := func(why string) {
		if limit == "" {
			limit = why
		}
		r.kill()
	}
	for {
		select {
		case e := <-ended:
			e.Memory = max(e.Memory, peak)
			e.Limit = limit
			if e.Limit == "" && (e.Signal == int(unix.SIGXCPU) || e.Signal == int(unix.SIGKILL) && e.CPU >= p.CPU) {
				e.Limit = "cpu"
			}
			return e
		case <-clock.C:
			stop("wall")
		case <-tick.C:
			memory, cpu := s.usage(p.Memory)
			peak = max(peak, memory)
			if memory > p.Memory {
				stop("memory")
			}
			if cpu > p.CPU {
				stop("cpu")
			}
		}
	}
}

// usage sums over the processes below init, the zygote itself left out. Pages
// that forks share are counted once where the plain sum passes the limit.
func (s *supervisor) usage(limit int64) (memory int64, cpu time.Duration) {
	type process struct {
		pid      string
		resident int64
	}
	var all []process
	queue := s.children(s.self)
	zygote := ""
	if s.zygote && len(queue) > 0 {
		zygote = queue[0] // started first, and lives as long as the container
	}
	for len(queue) > 0 && len(all) < 4*processLimit {
		pid := queue[0]
		queue = append(queue[1:], s.children(pid)...)
		if pid == zygote {
			continue
		}
		resident, tables, used, ok := s.process(pid)
		if !ok {
			continue
		}
		all = append(all, process{pid, resident})
		memory += resident + tables
		cpu += used
	}
	if memory <= limit || len(all) < 2 {
		return memory, cpu
	}
	for _, p := range all {
		memory += s.proportional(p.pid, p.resident) - p.resident
	}
	return memory, cpu
}

// children lists the direct children of a process, which the kernel keeps by thread.
func (s *supervisor) children(pid string) []string {
	var found []string
	for _, tid := range s.threads(pid) {
		list, err := s.read(pid + "/task/" + tid + "/children")
		if err == nil {
			found = append(found, strings.Fields(string(list))...)
		}
	}
	return found
}

func (s *supervisor) threads(pid string) []string {
	fd, err := unix.Openat(int(s.proc.Fd()), pid+"/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	dir := os.NewFile(uintptr(fd), "task")
	defer dir.Close()
	names, _ := dir.Readdirnames(4 * processLimit)
	return names
}

// process reads resident size, page tables and processor time, those of its
// reaped children included.
func (s *supervisor) process(pid string) (resident, tables int64, cpu time.Duration, ok bool) {
	status, err := s.read(pid + "/status")
	if err != nil {
		return 0, 0, 0, false
	}
	resident = field(status, "VmRSS:")
	tables = field(status, "VmPTE:")
	stat, err := s.read(pid + "/stat")
	if err != nil {
		return 0, 0, 0, false
	}
	// The name in parentheses may hold anything; the fields start after the last one.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, 0, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 15 {
		return 0, 0, 0, false
	}
	var ticks int64
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return resident, tables, time.Duration(ticks) * time.Second / clockTicks, true
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
