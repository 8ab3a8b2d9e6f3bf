package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// testedFlags say how programs are tested, by commands without a server.
type testedFlags struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration whose section sandbox is used. Default: none."`
	Engine string `help:"Sandbox engine: auto, ns, landlock or remote. Default: the configuration's, else auto."`
}

// sandbox is the configuration that the flags make, for so many runs at a time;
// 0 leaves it to the file.
func (f testedFlags) sandbox(parallel int) (sandbox.Config, error) {
	c := sandbox.Config{}
	if f.Config != "" {
		var err error
		if c, err = configs.LoadSandbox(f.Config, os.LookupEnv); err != nil {
			return c, err
		}
	}
	c.Engine = cmp.Or(f.Engine, c.Engine)
	c.Parallel = cmp.Or(parallel, c.Parallel)
	return withPath(c), nil
}

// withPath lets interpreters be found where this process would find them, and
// compilers keep what programs can share.
func withPath(c sandbox.Config) sandbox.Config {
	c.Path = filepath.SplitList(os.Getenv("PATH"))
	if dir, err := os.UserCacheDir(); err == nil { // without a home, every Go program compiles for itself
		c.Cache = filepath.Join(dir, "drover")
	}
	return c
}

// container is a command that has whatever the sandbox needs.
const container = `docker run --rm --security-opt seccomp=configs/deploy/drover-seccomp.json -v "$PWD":/src -w /src golang:1.26 sh -c 'apt-get update && apt-get install -y python3 && %s'`

// judgesPython says in one line what keeps Python programs from being judged here,
// and how to get it; command is what would
// run there. It is nil where they are judged.
func judgesPython(ctx context.Context, runner *sandbox.Runner, command string) error {
	inside := "In a container: " + fmt.Sprintf(container, command)
	if why := runner.Down(); why != "" {
		return fmt.Errorf("programs are tested in the sandbox, which cannot run here: %s. %s", why, inside)
	}
	report, err := runner.Run(ctx, sandbox.Job{Language: "python", EntryPoint: "f", Code: "def f():\n    return 1\n", Tests: []string{"assert f() == 1"}})
	switch {
	case err != nil:
		return err
	case report.Reason == sandbox.ReasonUnsupportedLanguage:
		return fmt.Errorf("programs are tested in Python, which is missing here: %s. Install it (apt-get install python3, dnf install python3, apk add python3). %s", report.Detail, inside)
	case report.Verdict != sandbox.Passed:
		return fmt.Errorf("the sandbox does not work here: %s %s. drover doctor says more. %s", report.Verdict, report.Failure+report.Detail, inside)
	}
	return nil
}
