package sandbox

import "context"

// judgeTogether is for languages whose tests cannot be run apart yet.
func judgeTogether(ctx context.Context, s *slot, t *tool, j Job) (Report, error) {
	return unjudged(ReasonUnsupportedLanguage, j.Language+": only frameworks stdio and command are supported"), nil
}
