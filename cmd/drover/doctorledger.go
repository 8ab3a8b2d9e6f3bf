package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/gateway/sandbox"
	"github.com/drover-llm/drover/policy/ledger"
)

// Room on the disk of the ledger, in bytes, below which it is short and below
// which a server is about to stop answering.
const (
	roomShort = 1 << 30
	roomNone  = 64 << 20
)

// ledger looks at the ledger without changing it, or asks the server that holds it.
func (p *patient) ledger(ctx context.Context) []sandbox.Probe {
	if p.config == nil || !p.sound("ledger") {
		return nil
	}
	path := p.config.Ledger.Path
	one := sandbox.Probe{Name: "file", Need: true}
	probes := []sandbox.Probe{}
	look, err := ledger.LookAt(path, lockWait)
	switch {
	case err == nil:
		one.OK, one.Saw = true, fmt.Sprintf("%s: format %d, %d bytes, held by nobody", path, look.Format, look.Size)
		if look.Format < look.Current {
			one.Saw += fmt.Sprintf("; the next start brings it to format %d", look.Current)
		}
		probes = append(probes, one, openHolds(look.Holds))
		if f, err := os.OpenFile(path, os.O_RDWR, 0); err != nil {
			probes = append(probes, sandbox.Probe{Name: "writable", Need: true, Saw: err.Error(), Mend: "let this user write the file (chown, chmod 600), on a file system that is mounted for writing"})
		} else {
			_ = f.Close() // nothing was written
		}
	case errors.Is(err, fs.ErrNotExist):
		one.OK, one.Saw = true, path+": none yet, the first start makes it"
		probes = append(probes, one)
	case errors.Is(err, ledger.ErrLocked):
		probes = append(probes, p.held(ctx)...)
	case errors.Is(err, fs.ErrPermission):
		one.Saw, one.Mend = err.Error(), "let this user read and write it (chown, chmod 600)"
		probes = append(probes, one)
	default: // the error says how to mend it
		one.Saw, one.Mend = err.Error(), "drover ledger verify --repair -c "+p.file+", or drover ledger restore"
		probes = append(probes, one)
	}
	return append(probes, folder(filepath.Dir(path))...)
}

// held asks the admin API of the server that holds the ledger.
func (p *patient) held(ctx context.Context) []sandbox.Probe {
	path := p.config.Ledger.Path
	one := sandbox.Probe{Name: "file", Need: true, Mend: "if it is a server, give admin.listen and admin.token as that has them; otherwise stop the process that holds it"}
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	var list admin.HoldList
	control, err := newAdminClient(access{ledger: path, admin: p.config.Admin}, runBy("doctor"))
	if err == nil {
		err = errors.Join(control.do(ctx, http.MethodGet, "/api/holds", nil, &list), control.Close())
	}
	if err != nil {
		one.Saw = fmt.Sprintf("%s is held by another process: %v", path, err)
		return []sandbox.Probe{one}
	}
	one.OK, one.Mend, one.Saw = true, "", fmt.Sprintf("%s is held by the server whose admin API answers at %s", path, control.base)
	crashed := 0
	for _, h := range list.Holds {
		if !h.UnderWay {
			crashed++
		}
	}
	return []sandbox.Probe{one, openHolds(crashed)}
}

// openHolds tells of the holds that a crash left, which count as spent.
func openHolds(n int) sandbox.Probe {
	p := sandbox.Probe{Name: "holds", OK: n == 0, Saw: "none was left by a crash"}
	if n > 0 {
		p.Saw = plural(n, "hold") + " of requests that ended with their process; they count as spent"
		p.Mend = "drover ledger holds lists them, drover ledger release ends them"
	}
	return p
}

// folder tries whether a file can be made there, and how much room there is.
func folder(dir string) []sandbox.Probe {
	p := sandbox.Probe{Name: "folder", OK: true, Need: true, Saw: dir + " is writable"}
	f, err := os.CreateTemp(dir, ".drover-doctor-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		p.OK, p.Saw, p.Mend = false, err.Error(), "make the folder, let this user write it, or set ledger.path"
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return []sandbox.Probe{p}
	}
	free := s.Bavail * uint64(s.Bsize)
	room := sandbox.Probe{Name: "room", OK: free >= roomShort, Need: free < roomNone, Saw: fmt.Sprintf("%d MiB free", free>>20)}
	if !room.OK {
		room.Mend = "free some of the disk, set retention.outcomes, or drover ledger compact"
	}
	return []sandbox.Probe{p, room}
}
