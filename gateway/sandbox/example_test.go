package sandbox_test

import (
	"context"
	"fmt"
	"os"

	"github.com/drover-llm/drover/gateway/sandbox"
)

func Example() {
	ctx := context.Background()
	runner, err := sandbox.New(ctx, sandbox.Config{Parallel: 1}, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer runner.Close()
	report, err := runner.Run(ctx, sandbox.Job{
		Code:       "def add(a, b):\n    return a + b\n",
		EntryPoint: "add",
		Tests:      []string{"assert add(1, 2) == 3\nassert add(2, 2) == 5\n"},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(report.Verdict, report.Assurance, report.Passed, "of", report.Total)
	fmt.Println(report.Failure)
	// Output:
	// failed high 1 of 2
	// line 2: add(2, 2) == 5: got 4, compared with 5
}
