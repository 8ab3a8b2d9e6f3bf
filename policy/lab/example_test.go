package lab_test

import (
	"fmt"
	"strings"

	"github.com/drover-llm/drover/policy/lab"
)

func ExampleReadProblems() {
	file := strings.NewReader(`{"task_id": "shop/1", "entry_point": "net", "prompt": "Write net(gross).", "tests": "assert net(119) == 100"}
{"task_id": "shop/2", "prompt": "Print the sum of all lines.", "cases": [{"stdin": "1\n2\n", "stdout": "3\n"}]}
{"task_id": "shop/3", "entry_point": "tax", "prompt": "Write tax(gross)."}`)
	for problem, err := range lab.ReadProblems(file) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(problem.ID, problem.Kind)
	}
	// Output:
	// shop/1 assert
	// shop/2 stdio
	// line 3: no tests: none of tests, test, test_list, base_input, cases, input_output and public_tests is there
}
