package sandbox

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// supervisor enforces what resource limits cannot: memory, processor time and
// the clock over all processes of a run. It reads the machine's /proc, which
// needs no mount of its own, through a descriptor that programs never get.
type supervisor struct {
	proc      *os.File
	self      string // init's pid as that /proc sees it
	starter   string // init's thread that starts programs, as PID/task/TID; all its children are that thread's
	buffer    []byte // what was read last
	zygote    bool   // init's first child is the zygote
	perSocket int64  // what one socket may hold, sent and not yet read
	idle      int64  // sockets that are there between two runs
	bare      string // work folder of a run without namespaces, which no mount bounds; empty: there are
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
	if s.perSocket, err = socketRoom(); err != nil {
		return nil, err
	}
	return s, nil
}

// settle takes what is there now for what belongs to no run.
func (s *supervisor) settle(l *launcher, zygote bool) (err error) {
	done := make(chan struct{})
	l.calls <- func() {
		s.starter, err = readLinkAt(s.proc, "thread-self")
		close(done)
	}
	<-done
	s.zygote = zygote
	s.idle = s.sockets()
	return step(err, "reading /proc/thread-self")
}

func readLinkAt(dir *os.File, name string) (string, error) {
	var b [64]byte
	n, err := unix.Readlinkat(int(dir.Fd()), name, b[:])
	return string(b[:max(n, 0)]), err
}

// read returns what a file says, until the next read.
func (s *supervisor) read(name string) ([]byte, error) {
	fd, err := unix.Openat(int(s.proc.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := s.buffer[:0]
	defer func() { s.buffer = b }()
	for {
		if len(b) == cap(b) {
			b = append(b, make([]byte, 4096)...)[:len(b)]
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
	t := newTally()
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
			e.CPU = max(e.CPU, t.cpu)
			e.Limit = limit
			if e.Limit == "" && (e.Signal == int(unix.SIGXCPU) || e.Signal == int(unix.SIGKILL) && e.CPU >= p.CPU) {
				e.Limit = "cpu"
			}
			return e
		case <-clock.C:
			stop("wall")
		case <-tick.C:
			if s.bare != "" {
				if size, entries := folderUse(s.bare, p.Disk, p.Inodes); size > p.Disk || entries > p.Inodes {
					stop("disk")
				}
			}
			memory := s.look(t, p.Memory)
			peak = max(peak, memory)
			if memory > p.Memory {
				stop("memory")
			}
			if t.cpu > p.CPU {
				stop("cpu")
			}
		}
	}
}

// look sums over the processes below init, the zygote itself left out, and
// returns the memory that they hold together. Pages that forks share are counted
// once where the plain sum passes the limit.
func (s *supervisor) look(t *tally, limit int64) (memory int64) {
	t.begin(time.Now())
	var queue []string
	if s.bare == "" {
		queue = s.childrenOf(nil, s.starter)
	} else {
		queue = s.children(s.self) // orphans among them
	}
	zygote := ""
	if s.zygote && len(queue) > 0 {
		zygote = queue[0] // started first, and lives as long as the container
	}
	var all []member
	var resident int64
	for len(queue) > 0 && len(all) < 4*processLimit {
		pid := queue[0]
		queue = append(queue[1:], s.children(pid)...)
		if pid == zygote {
			continue
		}
		p, ok := s.process(pid)
		if !ok {
			continue
		}
		all = append(all, p)
		resident += p.resident
		mappings := t.add(p, func() int64 { return s.mappings(p.reader) })
		memory += p.resident + p.tables + mappings*mappingSize
	}
	t.end()
	if s.bare == "" {
		memory += max(0, s.sockets()-s.idle) * s.perSocket
	} else {
		memory += s.socketsOf(all) * s.perSocket
	}
	if memory <= limit || memory-resident > limit || len(all) < 2 {
		return memory
	}
	for _, p := range all {
		memory += s.proportional(p.reader, p.resident) - p.resident
	}
	return memory
}

// children lists the direct children of a process, which the kernel keeps by thread.
func (s *supervisor) children(pid string) []string {
	var found []string
	for _, tid := range s.threads(pid) {
		found = s.childrenOf(found, pid+"/task/"+tid)
	}
	return found
}

func (s *supervisor) childrenOf(found []string, task string) []string {
	list, err := s.read(task + "/children")
	if err != nil {
		return found
	}
	return append(found, strings.Fields(string(list))...)
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
