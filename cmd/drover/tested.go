package main

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/drover-llm/drover/configs"
	"github.com/drover-llm/drover/gateway/sandbox"
)

// testedFlags say how programs are tested, by commands without a server.
type testedFlags struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration whose section sandbox is used. Default: none."`
	Engine string `help:"Sandbox engine: auto, ns or remote. Default: the configuration's, else auto."`
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
