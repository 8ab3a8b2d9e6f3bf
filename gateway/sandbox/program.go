package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// judgeStdio runs the program once for every case. All cases together have the
// job's processor time.
func judgeStdio(ctx context.Context, s *slot, t *tool, j Job) (Report, error) {
	r := Report{Protocol: "stdio", Assurance: High, Total: len(j.Cases)}
	runs, err := s.prepare(ctx, t, j, &r)
	if err != nil || r.Checks != nil {
		return r.orFailed(j, err)
	}
	left := j.Limits.CPU
	deadline := time.Now().Add(j.Limits.wall())
	for i, c := range j.Cases {
		name := "case " + strconv.Itoa(i+1)
		wall := time.Until(deadline)
		if left <= 0 || wall <= 0 {
			r.Checks = append(r.Checks, Check{Name: name, Message: "not reached: timed out"})
			continue
		}
		limited := j
		limited.Limits.CPU = left
		p := limited.program()
		p.Wall = wall
		done, stdout, stderr, err := runs(p, c, "")
		if err != nil {
			return Report{}, err
		}
		left -= done.CPU
		r.account(done.exit, "", j)
		r.Output = shorten(r.Output+stdout+stderr, int(j.Limits.Output))
		check := Check{Name: name, Message: done.trouble(stderr)}
		if check.Message == "" {
			check.Passed = outputMatches(c.Match, stdout, c.Stdout)
			if !check.Passed {
				check.Message = fmt.Sprintf("printed %q, expected %q", shorten(stdout, 300), shorten(c.Stdout, 300))
			}
		}
		r.Checks = append(r.Checks, check)
	}
	r.Wall, r.Memory = j.Limits.wall()-time.Until(deadline), r.peak // one case after the other
	r.conclude(j.Pass)
	return r, nil
}

func (r Report) orFailed(j Job, err error) (Report, error) {
	if err != nil {
		return Report{}, err
	}
	r.conclude(j.Pass)
	return r, nil
}

// ended is how a program's run came out.
type ended struct {
	exit
	flooded bool
	said    string // over descriptor 3, where it was given a token to say back
}

// trouble says why a run cannot count as a pass, whatever it printed.
func (e ended) trouble(stderr string) string {
	switch {
	case e.Start != "":
		return e.Start
	case e.flooded:
		return "printed more than 1 MiB"
	case e.Limit == "cpu":
		return "timed out (processor time)"
	case e.Limit == "wall":
		return "timed out (wall clock)"
	case e.Limit == "disk":
		return "wrote more, or more files, than allowed"
	case e.Limit == "memory":
		return "used more memory than allowed"
	case e.Signal != 0:
		return fmt.Sprintf("ended by signal %d", e.Signal) + lastLine(stderr)
	case e.Code != 0:
		return fmt.Sprintf("exit status %d", e.Code) + lastLine(stderr)
	}
	return ""
}

type runCase func(p *program, c Case, secret token) (ended, string, string, error)

// prepare compiles where the language asks for it, and returns how to run one
// case. A program that does not compile leaves its failed checks in r.
func (s *slot) prepare(ctx context.Context, t *tool, j Job, r *Report) (runCase, error) {
	if j.Language == "python" {
		b, err := s.box(ctx, roleCandidate)
		if err != nil {
			return nil, err
		}
		if b.zygote() == "" {
			return func(p *program, c Case, _ token) (ended, string, string, error) {
				p.Role, p.Files = roleMain, j.Files
				return s.runProgram(ctx, p, c.Stdin, map[string]any{"code": strings.ToValidUTF8(j.Code, "\uFFFD"), "file": "/w/" + j.Path, "args": append([]string{}, c.Args...)}, j)
			}, nil
		}
		t = &tool{Language: Language{Command: append(slices.Clone(t.Command), "-I", "{file}")}}
	}
	files := maps.Clone(j.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	files[j.Path] = []byte(j.Code)
	if len(t.Compile) > 0 {
		failure, err := s.compile(ctx, t, j, files, r)
		if err != nil || failure != "" {
			if err == nil {
				r.Checks = []Check{{Name: "compiling the solution", Message: failure}}
			}
			return nil, err
		}
	}
	return func(p *program, c Case, secret token) (ended, string, string, error) {
		p.Argv = append(fillIn(t.Command, j.Path), c.Args...)
		p.Env = s.runner.tools.env()
		p.Again = len(t.Compile) > 0
		p.Keep = p.Again
		if !p.Again {
			p.Files = files
		}
		var spec any
		if secret != "" {
			spec = secret
		}
		return s.runProgram(ctx, p, c.Stdin, spec, j)
	}, nil
}

// fillIn puts the names of the source and of the compiled program into a command.
func fillIn(command []string, file string) []string {
	out := make([]string, len(command))
	named := false
	for i, arg := range command {
		out[i] = strings.NewReplacer("{file}", "/w/"+file, "{out}", "/w/.program").Replace(arg)
		named = named || out[i] != arg
	}
	if !named {
		out = append(out, "/w/"+file)
	}
	return out
}

// compile builds the program in the work folder, which is kept for the runs. A
// compiler needs more room than a candidate; it is confined all the same.
func (s *slot) compile(ctx context.Context, t *tool, j Job, files map[string][]byte, r *Report) (string, error) {
	p := j.program()
	p.Argv = fillIn(t.Compile, j.Path)
	p.Env = s.runner.tools.env()
	p.Files, p.Keep = files, true
	p.CPU, p.Wall = compileCPU, compileCPU
	p.Memory = max(p.Memory, int64(compileMemory))
	p.Disk, p.Inodes, p.MaxFile = int64(compileDisk), compileInodes, int64(compileFileSize)
	done, stdout, stderr, err := s.runProgram(ctx, p, "", nil, j)
	if err != nil {
		return "", err
	}
	why := done.trouble("")
	if why != "" {
		r.Output = shorten(stdout+stderr, int(j.Limits.Output))
		why += ": " + shorten(strings.TrimSpace(stderr+stdout), 1500)
	}
	return why, nil
}

// runProgram runs one program to its end. spec, where given, goes over descriptor
// 3: to a fork of the zygote that runs the code in it, or a token.
func (s *slot) runProgram(ctx context.Context, p *program, stdin string, spec any, j Job) (ended, string, string, error) {
	b, err := s.box(ctx, roleCandidate)
	if err != nil {
		return ended{}, "", "", err
	}
	var pipes [3]struct{ r, w *os.File }
	for i := range pipes {
		if pipes[i].r, pipes[i].w, err = os.Pipe(); err != nil {
			return ended{}, "", "", err
		}
	}
	files := []*os.File{pipes[0].r, pipes[1].w, pipes[2].w}
	var near, far *os.File
	if spec != nil {
		if near, far, err = socketPair(); err != nil {
			return ended{}, "", "", err
		}
		defer near.Close()
		files = append(files, far)
	}
	process, err := b.start(p, files...)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		pipes[0].w.Close()
		pipes[1].r.Close()
		pipes[2].r.Close()
		return ended{}, "", "", err
	}
	s.kept = p.Keep
	said := ""
	switch spec := spec.(type) { // a program that is gone shows in its exit
	case nil:
	case token:
		_, _ = near.WriteString(string(spec))
	default:
		_ = writeFrame(near, spec)
	}
	fed := make(chan struct{})
	go func() { // ends when all is written, or the program is gone
		defer close(fed)
		_, _ = pipes[0].w.WriteString(stdin)
		pipes[0].w.Close()
	}()
	limit := int(max(j.Limits.Output, floodLimit))
	stdout := drain(pipes[1].r, limit, process.kill)
	stderr := drain(pipes[2].r, limit, process.kill)
	e, err := process.wait(ctx)
	<-fed
	text, floodedOut := stdout.text()
	errors, floodedErr := stderr.text()
	if _, ok := spec.(token); ok && err == nil {
		answer, _ := io.ReadAll(io.LimitReader(near, maxSaid)) // nobody is left who could write
		said = string(answer)
	}
	return ended{e, floodedOut || floodedErr, said}, text, errors, err
}

// judgeCommand runs a command in the work folder; exit status 0 is a pass, which
// a candidate can forge: the assurance is low.
func judgeCommand(ctx context.Context, s *slot, j Job) (Report, error) {
	r := Report{Protocol: "command", Assurance: Low, Detail: "the verdict is the command's exit status", Total: 1}
	name := strings.Join(j.Command, " ")
	run := func(code string) (ended, string, error) {
		p := j.program()
		p.Argv, p.Env = j.Command, append(s.runner.tools.env(), "PYTHONPATH=/w")
		p.Files = maps.Clone(j.Files)
		if p.Files == nil {
			p.Files = map[string][]byte{}
		}
		for i, t := range j.Tests {
			p.Files[fmt.Sprintf("test_%d.%s", i, s.runner.config.language(j.Language).Extension)] = []byte(t)
		}
		p.Files[j.Path] = []byte(code)
		p.Fixed = true
		done, stdout, stderr, err := s.runProgram(ctx, p, "", nil, j)
		return done, stdout + stderr, err
	}
	done, text, err := run(j.Code)
	if err != nil {
		return Report{}, err
	}
	if done.Start != "" && done.Broken != "" {
		return Report{}, errors.New(done.Start)
	}
	r.account(done.exit, text, j)
	check := Check{Name: shorten(name, 200), Message: done.trouble(text)}
	check.Passed = check.Message == ""
	if line, ok := mustFail[j.Language]; ok && check.Passed && !slices.ContainsFunc(j.Command, func(a string) bool { return strings.HasSuffix(a, j.Path) }) {
		done, _, err := run(j.Code + line)
		if err != nil {
			return Report{}, err
		}
		r.CPU += done.CPU
		if done.trouble("") == "" {
			check.Passed, check.Message = false, "the command also passed with a solution that must fail"
		}
	}
	if tests, framework := testsOfCommand(j); check.Passed && tests != nil {
		apart := j
		apart.Framework, apart.Tests = framework, tests
		outside, err := judgePair(ctx, s, apart)
		if err != nil {
			return Report{}, err
		}
		if outside.Verdict == Failed && (outside.Protocol == "pair" || outside.failedApart) {
			check.Passed, check.Message = false, "the command passed, but from outside the solution's process its tests do not: "+outside.Failure
		}
	}
	r.Checks = []Check{check}
	r.conclude(j.Pass)
	return r, nil
}

// testsOfCommand recognises a command that runs Python test files of the job. An
// exit status alone is easily forged, so a pass is looked at from outside as well.
func testsOfCommand(j Job) (tests []string, framework string) {
	if j.Language != "python" || len(j.Command) < 2 || !strings.HasPrefix(path.Base(j.Command[0]), "python") && path.Base(j.Command[0]) != "pytest" {
		return nil, ""
	}
	all := maps.Clone(j.Files)
	if all == nil {
		all = map[string][]byte{}
	}
	for i, t := range j.Tests {
		all[fmt.Sprintf("test_%d.py", i)] = []byte(t)
	}
	discover := true
	for _, arg := range j.Command[1:] {
		name := strings.TrimPrefix(arg, "./")
		if content, ok := all[name]; ok && name != j.Path {
			tests, discover = append(tests, string(content)), false
		} else if content, ok := all[strings.ReplaceAll(name, ".", "/")+".py"]; ok {
			tests, discover = append(tests, string(content)), false
		}
	}
	module := slices.Contains(j.Command, "unittest") || slices.Contains(j.Command, "pytest")
	if discover && (module || path.Base(j.Command[0]) == "pytest") {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if strings.HasPrefix(path.Base(name), "test") && strings.HasSuffix(name, ".py") {
				tests = append(tests, string(all[name]))
			}
		}
	}
	if len(tests) == 0 {
		return nil, ""
	}
	return tests, guessFramework(Job{Language: "python", Tests: tests})
}

// mustFail is appended to a solution that a command has passed: one that ends
// the run early, or blunts the test framework, passes with it too, and is found out.
var mustFail = map[string]string{
	"python":     "\nraise RuntimeError('this solution must fail')\n",
	"javascript": "\nthrow new Error('this solution must fail')\n",
}
