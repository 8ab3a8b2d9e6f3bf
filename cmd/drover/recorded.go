package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/drover-llm/drover/gateway/standin"
	"github.com/drover-llm/drover/policy/lab"
)

// recordings makes a recording of each model's samples.
func recordings(problems []lab.Problem, samples []lab.Sample) map[string]*standin.Recording {
	byModel := map[string]map[string][]standin.Answer{}
	for _, s := range samples {
		answers := byModel[s.Model]
		if answers == nil {
			answers = map[string][]standin.Answer{}
			byModel[s.Model] = answers
		}
		answers[s.TaskID] = append(answers[s.TaskID], standin.Answer{Text: fenced(s.Code)})
	}
	out := map[string]*standin.Recording{}
	for model, answers := range byModel {
		var prompts []standin.RecordedPrompt
		for _, p := range problems {
			if list := answers[p.ID]; list != nil {
				prompts = append(prompts, standin.RecordedPrompt{Name: p.ID, Prompt: strings.TrimSpace(p.Prompt), Answers: list})
			}
		}
		out[model] = standin.NewRecording(prompts)
	}
	return out
}

// fenced puts a program into a block, as models do, whatever it holds.
func fenced(code string) string {
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	return fence + "python\n" + strings.TrimRight(code, "\n") + "\n" + fence + "\n"
}

// recordedModels are the scripts of a file of samples. One model answers to every
// name, several to their own.
func recordedModels(byModel map[string]*standin.Recording) standin.Config {
	c := standin.Config{Keep: -1, Models: map[string]standin.Script{}}
	names := slices.Collect(maps.Keys(byModel))
	if len(names) == 1 {
		c.Default = byModel[names[0]].Script()
		return c
	}
	for _, name := range names {
		c.Models[name] = byModel[name].Script()
	}
	return c
}
