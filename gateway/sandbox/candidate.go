package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// candidate is the judge's side of a candidate's process: one question at a
// time, each with a random id. Anything but the answer to it ends the run.
type candidate struct {
	socket  *os.File
	process *process
	out     *output
	printed []byte // by calls, sent along with their replies
}

// errCandidate is the candidate's own doing: it ended, or broke the protocol.
var errCandidate = errors.New("the solution ended early or answered out of turn")

// raised is an exception of the candidate's.
type raised struct{ kind, text string }

func (r *raised) Error() string {
	if r.text == "" {
		return r.kind
	}
	return r.kind + ": " + r.text
}

// socketPair returns our end, ready for deadlines, and the far one for a program.
func socketPair() (near, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		closeAll(fds[:])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far"), nil
}

// startCandidate forks a candidate and loads the program. The names that it
// defines come back; an error of kind raised is the program's own.
func startCandidate(ctx context.Context, b box, j Job) (*candidate, []string, error) {
	near, far, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		near.Close()
		far.Close()
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	p := j.program()
	p.Role = roleCandidate
	p.Files = j.candidateFiles()
	process, err := b.start(p, null, w, w, far)
	null.Close()
	w.Close()
	far.Close()
	if err != nil {
		near.Close()
		r.Close()
		return nil, nil, err
	}
	c := &candidate{socket: near, process: process}
	c.out = drain(r, int(j.Limits.Output), process.kill)
	stop := context.AfterFunc(ctx, process.kill)
	defer stop()
	reply, err := c.ask(map[string]any{"op": "load", "name": j.module(), "file": "/w/" + j.Path, "code": strings.ToValidUTF8(j.Code, "\uFFFD")})
	var names []string
	if err == nil {
		if list, ok := reply.([]any); ok {
			for _, n := range list {
				if s, ok := n.(string); ok {
					names = append(names, s)
				}
			}
		}
	}
	return c, names, err
}

// module is the name under which tests import the candidate.
func (j Job) module() string {
	base := path.Base(j.Path)
	name := strings.TrimSuffix(base, path.Ext(base))
	if !isIdentifier(name) {
		return "solution"
	}
	return name
}

// program has the job's limits.
func (j Job) program() *program {
	return &program{
		CPU: j.Limits.CPU, Wall: j.Limits.wall(), Memory: int64(j.Limits.Memory),
		Disk: int64(DefaultDisk), Inodes: inodeLimit, MaxFile: int64(fileSizeLimit), Procs: processLimit + 16,
	}
}

// candidateFiles leaves out what looks like tests: the candidate's process must
// not hold what is expected of it.
func (j Job) candidateFiles() map[string][]byte {
	out := map[string][]byte{}
	for name, content := range j.Files {
		base := path.Base(name)
		if strings.HasPrefix(base, "test_") || strings.HasPrefix(base, "tests.") || strings.HasPrefix(base, "conftest") ||
			strings.Contains(base, "_test.") || strings.HasPrefix(name, "tests/") {
			continue
		}
		out[name] = content
	}
	return out
}

// ask sends one request and returns the value of its reply.
func (c *candidate) ask(request map[string]any) (any, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	id := hex.EncodeToString(random[:])
	request["id"] = id
	if err := writeFrame(c.socket, request); err != nil {
		return nil, errCandidate
	}
	body, err := readFrame(c.socket, maxFrame)
	if err != nil {
		return nil, errCandidate
	}
	value, printed, err := parseReply(body, id)
	c.printed = append(c.printed, printed[:min(len(printed), max(0, int(floodLimit)-len(c.printed)))]...)
	return value, err
}

// parseReply reads what a candidate sent as the answer to id.
func parseReply(body []byte, id string) (value any, printed string, err error) {
	var reply struct {
		ID    any    `json:"id"`
		Value any    `json:"value"`
		Out   string `json:"out"`
		Error *struct {
			MRO  [][]any `json:"mro"`
			Text string  `json:"text"`
		} `json:"error"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&reply); err != nil || reply.ID != id {
		return nil, "", errCandidate
	}
	if reply.Error == nil {
		return reply.Value, reply.Out, nil
	}
	kind := "Exception"
	if len(reply.Error.MRO) > 0 && len(reply.Error.MRO[0]) > 0 {
		kind = fmt.Sprint(reply.Error.MRO[0][0])
	}
	return nil, reply.Out, &raised{shorten(kind, 100), shorten(reply.Error.Text, maxMessage)}
}

// call asks for a function's value.
func (c *candidate) call(function string, args []any, keys []string) (any, error) {
	encoded, err := encodeAll(args)
	if err != nil {
		return nil, err
	}
	plain := len(args) - len(keys)
	named := map[string]any{}
	for i, key := range keys {
		named[key] = encoded[plain+i]
	}
	reply, err := c.ask(map[string]any{"op": "call", "fn": function, "args": encoded[:plain], "kwargs": named, "run": true})
	if err != nil {
		return nil, err
	}
	value, err := decodeValue(reply, 0)
	if err != nil && !errors.Is(err, errUndecided) {
		return nil, errCandidate
	}
	return value, err
}

// end kills the candidate and returns how it had fared. Nobody waits for a
// program to finish that has nothing left to answer.
func (c *candidate) end() (exit, string, bool, error) {
	c.process.stop()
	c.socket.Close()
	text, flooded := c.out.text()
	return c.process.exit, string(c.printed) + text, flooded, c.process.err
}
