//go:build !linux

package sandbox

import (
	"errors"
	"os"
)

// Init does nothing: containers are made on Linux only.
func Init() {}

var errNotLinux = errors.New("isolation needs Linux")

func newEngine(Config, *tools) (engine, error) { return nil, errNotLinux }

func socketPair() (near, far *os.File, err error) { return nil, nil, errNotLinux }

func blocking(*os.File) {}
