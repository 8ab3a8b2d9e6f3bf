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
)

// candidate is the judge's side of a candidate's process: one question at a
// time, each with a random id. Anything but the answer to it ends the run.
type candidate struct {
	socket  *os.File
	process *process
	out     *output
	printed []byte // by calls, sent along with their replies
}

// What the gateway itself decodes of one reply: a value takes many times the
// memory of its JSON. Larger ones are left to the pair protocol, where they
// count towards the limits of the tests' own container.
const (
	maxReply      = 4 << 20
	maxReplyItems = 100_000
)

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

// startCandidate forks a candidate and loads the program. The names that it
// defines come back; an error of kind raised is the program's own.
func startCandidate(ctx context.Context, b box, j Job) (*candidate, []string, error) {
	p := j.program()
	files, _ := j.candidateFiles()
	p.Role, p.Files = roleCandidate, files
	c, err := startProgram(ctx, b, p, j)
	if c == nil {
		return nil, nil, err
	}
	names, err := c.load(ctx, j)
	return c, names, err
}

// startProgram starts the candidate's side of the protocol.
func startProgram(ctx context.Context, b box, p *program, j Job) (*candidate, error) {
	near, far, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	r, w, err := os.Pipe()
	if err != nil {
		near.Close()
		return nil, err
	}
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		near.Close()
		r.Close()
		return nil, err
	}
	defer null.Close()
	process, err := b.start(p, null, w, w, far)
	if err != nil {
		near.Close()
		r.Close()
		return nil, err
	}
	c := &candidate{socket: near, process: process}
	c.out = drain(r, int(j.Limits.Output), process.kill)
	return c, nil
}

// load has the program loaded.
func (c *candidate) load(ctx context.Context, j Job) ([]string, error) {
	stop := context.AfterFunc(ctx, c.process.kill)
	defer stop()
	reply, err := c.ask(map[string]any{"op": "load", "name": j.module(), "file": "/w/" + j.Path, "code": strings.ToValidUTF8(j.Code, "\uFFFD")})
	if err != nil {
		return nil, err
	}
	var names []string
	if list, ok := reply.([]any); ok {
		for _, n := range list {
			if s, ok := n.(string); ok {
				names = append(names, s)
			}
		}
	}
	return names, nil
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
		Disk: int64(DefaultDisk), Inodes: inodeLimit, MaxFile: int64(fileSizeLimit), Procs: processLimit + initTasks,
		GoCache: j.Language == "go",
	}
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
	body, err := readFrame(c.socket, maxReply)
	switch {
	case errors.Is(err, errFrameTooLarge):
		return nil, errUndecided
	case err != nil:
		return nil, errCandidate
	case bytes.Count(body, []byte{','}) > maxReplyItems:
		return nil, errUndecided
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
		Limit string `json:"limit"` // why the value cannot be sent
		Error *struct {
			MRO     [][]any `json:"mro"`
			Text    string  `json:"text"`
			Name    string  `json:"name"` // of node's errors
			Message string  `json:"message"`
		} `json:"error"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&reply); err != nil || reply.ID != id {
		return nil, "", errCandidate
	}
	if reply.Limit != "" {
		return nil, reply.Out, errUndecided
	}
	if reply.Error == nil {
		return reply.Value, reply.Out, nil
	}
	kind := "Exception"
	if len(reply.Error.MRO) > 0 && len(reply.Error.MRO[0]) > 0 {
		kind = fmt.Sprint(reply.Error.MRO[0][0])
	}
	if reply.Error.Name != "" {
		kind = reply.Error.Name
	}
	return nil, reply.Out, &raised{shorten(kind, 100), shorten(reply.Error.Text+reply.Error.Message, maxMessage)}
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
