package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"strings"
)

// token is what the tests' own part of a program says back over descriptor 3 when
// the last check has held. The program gets it in its first moments, before the
// solution's code runs, and an exit status alone never passes.
type token string

const (
	maxSaid        = 64 << 10
	nothingChecked = " nothing" // said after the token by tests that came to their end without a check
)

// newToken draws a token, and a prefix for names that no solution can know.
func newToken() (prefix string, secret token, err error) {
	var random [24]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", "", err
	}
	drawn := hex.EncodeToString(random[:])
	return "drover" + drawn[:16], token(drawn[16:]), nil
}

// trouble says why a run did not come to the end of its tests; empty when it did.
func (t token) trouble(done ended, stderr string) string {
	if why, ok := strings.CutPrefix(done.said, "F "); ok {
		return "does not hold: " + shorten(strings.TrimSpace(why), 1000)
	}
	if why := done.trouble(stderr); why != "" {
		return why
	}
	if done.said != string(t) {
		return "the program ended before its tests did"
	}
	return ""
}

// judgeTogether runs solution and tests as one program: of low assurance, since
// what shares a process with its tests can meddle with them.
func judgeTogether(ctx context.Context, s *slot, t *tool, j Job) (Report, error) {
	r := Report{Protocol: "shared", Assurance: Low, Detail: "the tests share the solution's process", Total: 1}
	prefix, secret, err := newToken()
	if err != nil {
		return Report{}, err
	}
	k := j
	k.Files = maps.Clone(j.Files)
	if k.Files == nil {
		k.Files = map[string][]byte{}
	}
	why := ""
	switch j.Language {
	case "c", "cpp":
		k.Code, why = joinC(j, prefix)
		k.Path = prefix + "." + s.runner.config.language(j.Language).Extension
		k.Files[j.Path] = []byte(j.Code)
	case "go":
		var g *goProgram
		if g, why = joinGo(j, prefix); g != nil {
			maps.Copy(k.Files, g.files)
			t = &tool{Language: Language{Command: []string{"{out}", "-test.paniconexit0", "-test.v"}, Compile: []string{t.Compile[0], "test", "-c", "-vet=off", "-o", "{out}", "."}}}
			k.Path, k.Code = "solution.go", g.code
		}
	case "bash":
		k.Code = joinBash(j, prefix)
		k.Path = prefix + ".sh"
		k.Files[j.Path] = []byte(j.Code)
	default:
		k.Code, secret = j.Code+"\n"+strings.Join(j.Tests, "\n")+"\n", ""
	}
	if why != "" {
		r.Checks = []Check{{Name: "the tests run to their end", Message: why}}
		r.conclude(j.Pass)
		return r, nil
	}
	runs, err := s.prepare(ctx, t, k, &r)
	if err != nil {
		return Report{}, err
	}
	if r.Checks != nil {
		if missing := missingModule(r.Checks[0].Message, strings.Join(j.Tests, "\n")); j.Language == "go" && missing != "" {
			return unjudged(ReasonNoTests, "the tests import "+missing+", which is not here"), nil
		}
		r.conclude(j.Pass)
		return r, nil
	}
	p := k.program()
	done, stdout, stderr, err := runs(p, Case{}, secret)
	if err != nil {
		return Report{}, err
	}
	r.account(done.exit, stdout+stderr, j)
	trouble := done.trouble(stderr)
	if secret != "" {
		trouble = secret.trouble(done, stderr)
	}
	if secret != "" && done.said == string(secret)+nothingChecked {
		return unjudged(ReasonNoTests, "the tests check nothing"), nil
	}
	if trouble != "" && j.Language == "go" {
		trouble += ": " + shorten(strings.TrimSpace(stdout+stderr), 1500)
	}
	r.Checks = []Check{{Name: "the tests run to their end", Passed: trouble == "", Message: trouble}}
	r.conclude(j.Pass)
	return r, nil
}
