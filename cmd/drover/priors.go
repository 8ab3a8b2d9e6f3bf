package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/drover-llm/drover/gateway/admin"
	"github.com/drover-llm/drover/policy"
	"github.com/drover-llm/drover/policy/lab"
)

// priors sends the files as one table.
func (c *ledgerImport) priors(ctx context.Context, control *adminClient) error {
	p := policy.Priors{Name: c.Priors}
	for _, file := range c.Files {
		counts, err := readPriors(file, c.Of)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		p.Counts = append(p.Counts, counts...)
	}
	var a admin.ImportAnswer
	if err := control.do(ctx, http.MethodPost, "/api/ledger/priors", p, &a); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d pass counts are kept as priors %q.\n", a.Added, c.Priors)
	return nil
}

// readPriors reads one table of pass rates or of recorded samples.
func readPriors(file string, of int) (counts []policy.PassCount, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := lab.ReadPassCounts(f, of)
	if err != nil {
		return nil, err
	}
	for _, task := range table.Tasks {
		for _, model := range slices.Sorted(maps.Keys(task.Counts)) {
			n := task.Counts[model]
			counts = append(counts, policy.PassCount{
				Model: model, Problem: task.ID, Samples: n.Of, Right: n.Right, Passed: n.Passed, Prompt: n.Prompt, Completion: n.Completion,
			})
		}
	}
	return counts, nil
}
