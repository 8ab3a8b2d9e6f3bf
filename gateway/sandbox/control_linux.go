package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// control is one end of the socket between the gateway and a container's init.
// Frames may carry descriptors, which ride on their first byte.
type control struct{ conn *net.UnixConn }

// order is what the gateway asks of a container.
type order struct {
	Op      string   `json:"op"` // view, boot, run, kill
	Seq     uint64   `json:"seq,omitempty"`
	View    *view    `json:"view,omitempty"`
	Boot    *boot    `json:"boot,omitempty"`
	Program *program `json:"program,omitempty"`
}

// notice is what a container reports.
type notice struct {
	Event string `json:"event"` // init, ready, exit, error
	Seq   uint64 `json:"seq,omitempty"`
	Step  string `json:"step,omitempty"` // of an error: what was being attempted
	Error string `json:"error,omitempty"`
	PID   int    `json:"pid,omitempty"`
	Seen  *seen  `json:"seen,omitempty"`
	Exit  *exit  `json:"exit,omitempty"`
}

// seen is what a container found when it started.
type seen struct {
	Proc   bool   `json:"proc"`             // a fresh /proc could be mounted
	Zygote string `json:"zygote,omitempty"` // why there is no zygote; empty when there is one
}

// program is one run inside a container.
type program struct {
	Argv    []string          `json:"argv,omitempty"` // empty: a fork of the zygote
	Role    string            `json:"role,omitempty"` // of a fork: candidate, tests or main
	Env     []string          `json:"env,omitempty"`
	Files   map[string][]byte `json:"files,omitempty"` // written to the work folder before
	Fixed   bool              `json:"fixed,omitempty"` // the files may not be changed by the program
	Again   bool              `json:"again,omitempty"` // in the work folder that an earlier run kept
	Keep    bool              `json:"keep,omitempty"`  // keep the work folder for a further run
	CPU     time.Duration     `json:"cpu"`
	Wall    time.Duration     `json:"wall"`
	Memory  int64             `json:"memory"`
	Disk    int64             `json:"disk"`
	Inodes  int64             `json:"inodes"`
	MaxFile int64             `json:"max_file"`
	Procs   uint64            `json:"procs"`
}

// exit is how a run ended.
type exit struct {
	Code     int           `json:"code"`
	Signal   int           `json:"signal,omitempty"`
	Limit    string        `json:"limit,omitempty"` // cpu, wall or memory: the limit that ended it
	CPU      time.Duration `json:"cpu"`
	Wall     time.Duration `json:"wall"`
	Memory   int64         `json:"memory"`
	Start    string        `json:"start,omitempty"`    // why the program could not be started
	Overhead time.Duration `json:"overhead,omitempty"` // processor time of init and zygote for this run
	Broken   string        `json:"broken,omitempty"`   // the reset failed: the container must be thrown away
}

func controlPair() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	far := os.NewFile(uintptr(fds[1]), "control")
	near, err := controlFrom(fds[0])
	if err != nil {
		far.Close()
		return nil, nil, err
	}
	return near, far, nil
}

// controlFrom takes over the descriptor.
func controlFrom(fd int) (*control, error) {
	f := os.NewFile(uintptr(fd), "control")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("control socket: not a unix socket")
	}
	return &control{conn: u}, nil
}

// send writes v as a frame that carries the descriptors.
func (c *control) send(v any, fds ...int) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > 4*maxFrame {
		return errFrameTooLarge
	}
	head := []byte{byte(len(body) >> 24), byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}
	if len(fds) == 0 {
		_, err = c.conn.Write(append(head, body...))
		return err
	}
	if _, _, err = c.conn.WriteMsgUnix(head, unix.UnixRights(fds...), nil); err != nil {
		return err
	}
	_, err = c.conn.Write(body)
	return err
}

// receive reads a frame into v, with the descriptors that came along.
func (c *control) receive(v any) ([]int, error) {
	var head [4]byte
	oob := make([]byte, unix.CmsgSpace(16*4))
	n, oobn, _, _, err := c.conn.ReadMsgUnix(head[:], oob)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	var fds []int
	if oobn > 0 {
		messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			return nil, err
		}
		for i := range messages {
			got, err := syscall.ParseUnixRights(&messages[i])
			if err != nil {
				return nil, err
			}
			fds = append(fds, got...)
		}
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	if _, err := io.ReadFull(c.conn, head[n:]); err != nil {
		closeAll(fds)
		return nil, err
	}
	body, err := readBody(c.conn, head, 4*maxFrame)
	if err == nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		closeAll(fds)
		return nil, err
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
