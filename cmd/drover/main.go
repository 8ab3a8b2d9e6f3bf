// Command drover is the whole product in one binary: the gateway and the tools
// that check, feed and explain it. main parses the command line; run.go holds
// the only wiring; every command has a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/drover-llm/drover/gateway/sandbox"
)

// Exit codes of every command, beside those that a command documents itself.
const (
	exitFault = 1 // the command ran and found a fault
	exitUsage = 2 // the command line was wrong
)

// exitCode is an error that carries the exit status of a command which has
// already said all there is to say.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

type cli struct {
	Demo    demoCmd        `cmd:"" help:"Solve the bundled problems with simulated models, and compare what it costs."`
	Serve   serveCmd       `cmd:"" help:"Run the gateway."`
	Check   checkCmd       `cmd:"" help:"Name every fault of a configuration, or explain what it does."`
	Doctor  doctorCommand  `cmd:"" help:"Try what Drover needs on this machine, and say how to mend what does not work."`
	Verify  verifyCommand  `cmd:"" help:"Judge one answer by tests in the sandbox, with no model and no server."`
	Eval    evalCmd        `cmd:"" help:"Measure models and gateways over problem sets."`
	Budgets budgetsCmd     `cmd:"" help:"Show what every budget has spent, holds and has left."`
	Policy  policyCmd      `cmd:"" help:"What was learned, and what another policy would have done."`
	Keys    keysCmd        `cmd:"" help:"Create, list, rotate, change and revoke API keys."`
	Ledger  ledgerCmd      `cmd:"" help:"Verify, export, back up, restore, import and compact the ledger; end the holds that a crash left."`
	Sandbox sandboxCommand `cmd:"" help:"Run a sandbox worker."`
	Standin standinCmd     `cmd:"" help:"Serve simulated models that speak OpenAI's wire, for trials and tests."`

	Version kong.VersionFlag `help:"Print the version."`
}

func main() {
	sandbox.Init() // does not return where this process is a container's own
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:]))
}

// execute parses args, runs one command and returns its exit status.
func execute(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("drover"),
		kong.Description("A cost-aware LLM routing gateway: one strong call, or many cheap ones that are tested."),
		kong.UsageOnError(),
		kong.Vars{"version": version()},
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drover:", err)
		return exitUsage
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drover:", err)
		return exitUsage
	}
	err = command.Run()
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "drover:", err)
	return exitFault
}
