package pricing

import "fmt"

// faultList gathers what a Validate reports as errors.
type faultList []error

func (l *faultList) add(path, format string, args ...any) {
	*l = append(*l, fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...)))
}
