package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/go-json-experiment/json"
)

// lines is a file of JSON lines that only grows. A line counts when it is whole:
// what a killed writer left of its last one is cut off when the file is opened.
type lines struct {
	mu   sync.Mutex
	file *os.File
}

// openLines opens or makes the file, hands every whole line to each, and leaves
// the file ready for more.
func openLines(name string, each func(line []byte) error) (*lines, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	whole, err := readLines(file, each)
	if err == nil {
		err = file.Truncate(whole)
	}
	if err == nil {
		_, err = file.Seek(whole, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
	}
	return &lines{file: file}, nil
}

// readLines hands out the whole lines, and returns how many bytes they are.
func readLines(r io.Reader, each func(line []byte) error) (whole int64, err error) {
	in := bufio.NewReaderSize(r, 1<<20)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil // what has no end was torn
		}
		if err != nil {
			return whole, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if err := each(line); err != nil {
				return whole, fmt.Errorf("line %d: %w", number, err)
			}
		}
		whole += int64(len(line))
	}
}

// add appends v, by one write.
func (l *lines) add(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.file.Write(append(line, '\n'))
	return err
}

func (l *lines) close() error { return errors.Join(l.file.Sync(), l.file.Close()) }
