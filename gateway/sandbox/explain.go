package sandbox

import (
	"fmt"
	"strings"
)

// LandlockLeavesOpen is what the landlock engine does not isolate, a clause each.
var LandlockLeavesOpen = []string{
	"programs run among this machine's processes: they can see that those exist, though not signal or read them",
	"they can tell which files exist, and what kind they are, though not read those outside the system's folders and their own",
	"disk is bounded by polling, and not at all for files that are deleted and still open",
	"for a plain user the limit on processes is shared by all runs, and a command can change its test files",
	"a run whose own init is killed from outside is ended by nobody",
	"compilers are not run: C, C++, Go and other compiled languages are unjudged",
}

// Explain says in sentences where a configuration runs untrusted programs, and
// what that does not isolate.
func (c Config) Explain() []string {
	c = c.withDefaults()
	each := fmt.Sprintf("Each verification has %s of processor time and %s of memory; %d run at a time.", c.CPU, c.Memory, c.Parallel)
	switch c.Engine {
	case EngineRemote:
		return []string{"Programs are tested by workers at " + strings.Join(c.Remote.URLs, ", ") + "; while none answers, nothing is tested."}
	case EngineLandlock:
		said := []string{"Programs are tested on this machine without namespaces, by Landlock, seccomp and limits. This is weaker than the other engines: every verdict has low assurance, also a pass."}
		for _, open := range LandlockLeavesOpen {
			said = append(said, "Not isolated: "+open+".")
		}
		return append(said, each)
	}
	otherwise := "where it refuses them, nothing is tested (drover doctor says why)"
	if c.Engine == EngineAuto && len(c.Remote.URLs) > 0 {
		otherwise = "where it refuses them, by workers at " + strings.Join(c.Remote.URLs, ", ")
	}
	return []string{"Programs are tested in Linux namespaces on this machine; " + otherwise + ".", each}
}
