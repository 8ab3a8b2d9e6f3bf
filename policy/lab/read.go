package lab

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds one line of a problem set, and with it the memory that a
// stranger's file can take: compressed files can be a thousand times smaller
// than what they hold.
const maxLine = 16 << 20

// gzipMagic begins every gzip file (RFC 1952, 2.3.1).
var gzipMagic = []byte{0x1f, 0x8b}

// ReadProblems reads a problem set of JSON lines, compressed with gzip or not,
// and tells each record's form by its fields:
//
//	bundled      task_id, prompt, entry_point, tests; hidden, grade, right, wrong, tempting
//	HumanEval    task_id, prompt, entry_point, canonical_solution, test
//	HumanEval+   the same with base_input, plus_input, contract, atol; test is optional
//	MBPP+        the same as HumanEval+, with assertion in place of test
//	MBPP         task_id, text or prompt, code, test_list; test_imports, test_setup_code,
//	             challenge_test_list; as HumanEval: the sanitized set as CodeT prepared it
//	stdio        task_id, prompt, cases; hidden_cases; as APPS (problem_id, question,
//	             input_output) and CodeContests (name, description, public_tests,
//	             private_tests, generated_tests) write them
//
// A line that is none of these yields an error that names the line and what is
// missing or wrong; the lines after it are still read. Blank lines are skipped.
// An error of r ends the sequence.
func ReadProblems(r io.Reader) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		lines, err := plain(r)
		if err != nil {
			yield(Problem{}, fmt.Errorf("opening the problem set: %w", err))
			return
		}
		firstLine := make(map[string]int)
		for number := 1; ; number++ {
			line, err := nextLine(lines)
			if errors.Is(err, io.EOF) {
				return
			}
			fault := err
			var p Problem
			if err == nil {
				if line = bytes.TrimSpace(line); len(line) == 0 {
					continue
				}
				if p, fault = parseProblem(line); fault == nil && firstLine[p.ID] > 0 {
					p, fault = Problem{}, fmt.Errorf("task_id %q is also that of line %d", p.ID, firstLine[p.ID])
				}
			}
			if fault != nil {
				fault = fmt.Errorf("line %d: %w", number, fault)
			} else {
				firstLine[p.ID] = number
			}
			goesOn := err == nil || errors.Is(err, errLongLine)
			if !yield(p, fault) || !goesOn {
				return
			}
		}
	}
}

// mark may begin a text file, and says nothing in UTF-8.
var mark = []byte("\ufeff")

// plain returns r without its compression and its mark, if it has any.
func plain(r io.Reader) (*bufio.Reader, error) {
	text, err := unpacked(r)
	if err != nil {
		return nil, err
	}
	if start, _ := text.Peek(len(mark)); bytes.Equal(start, mark) {
		_, err = text.Discard(len(mark))
	}
	return text, err
}

// unpacked returns r without its compression.
func unpacked(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	start, err := buffered.Peek(len(gzipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(start, gzipMagic) {
		return buffered, nil
	}
	packed, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(packed, 64<<10), nil
}

var errLongLine = fmt.Errorf("longer than %d MiB", maxLine>>20)

// nextLine returns the next line, io.EOF after the last. Of a line that is too
// long it keeps nothing and returns errLongLine; the next call goes on after it.
func nextLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		piece, err := r.ReadSlice('\n')
		if long = long || len(line)+len(piece) > maxLine; long {
			line = nil
		} else {
			line = append(line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (long || len(line) > 0), err == nil:
			if long {
				return nil, errLongLine
			}
			return line, nil
		default:
			return nil, err
		}
	}
}
