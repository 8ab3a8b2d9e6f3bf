package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// cgroup is one container's group below a delegated cgroup v2 directory. It
// bounds what polling can only notice; without it, init's supervisor polls.
type cgroup struct {
	path string
	dir  *os.File
}

var cgroupNumber atomic.Int64

// newCgroup makes a group, or none where parent is empty.
func newCgroup(parent string) (*cgroup, error) {
	if parent == "" {
		return nil, nil
	}
	path := filepath.Join(parent, fmt.Sprintf("drover-%d-%d", os.Getpid(), cgroupNumber.Add(1)))
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, step(err, "making a group in sandbox.cgroup")
	}
	for _, limit := range [][2]string{
		{"memory.max", strconv.FormatInt(int64(maxMemory)+(256<<20), 10)},
		{"memory.swap.max", "0"},
		{"memory.oom.group", "0"},
		{"pids.max", strconv.Itoa(2 * processLimit)},
	} {
		err := os.WriteFile(filepath.Join(path, limit[0]), []byte(limit[1]), 0)
		if err != nil && limit[0] != "memory.swap.max" && limit[0] != "memory.oom.group" {
			_ = os.Remove(path)
			return nil, step(err, "setting %s in sandbox.cgroup", limit[0])
		}
	}
	dir, err := os.Open(path)
	if err != nil {
		_ = os.Remove(path)
		return nil, step(err, "opening the group in sandbox.cgroup")
	}
	return &cgroup{path: path, dir: dir}, nil
}

func (c *cgroup) fd() int { return int(c.dir.Fd()) }

// close removes the group; its processes are gone or about to be.
func (c *cgroup) close() {
	if c == nil {
		return
	}
	c.dir.Close()
	_ = os.WriteFile(filepath.Join(c.path, "cgroup.kill"), []byte("1"), 0)
	for range 50 {
		if err := os.Remove(c.path); err == nil || os.IsNotExist(err) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
