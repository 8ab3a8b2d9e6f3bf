package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A frame is four bytes of length, big-endian, and that many bytes of JSON. All
// protocols of this package use it: between gateway and container, between
// judge and candidate, and between tests and candidate.
const maxFrame = 16 << 20

var errFrameTooLarge = errors.New("frame is too large")

// writeFrame writes v as one frame with a single call of Write.
func writeFrame(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a frame: %w", err)
	}
	if len(body) > maxFrame {
		return errFrameTooLarge
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(frame, body...))
	return err
}

// readFrame reads the body of one frame. Whatever a stranger sends, it holds at
// most limit bytes, and takes memory only as the bytes arrive.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	return readBody(r, head, limit)
}

func readBody(r io.Reader, head [4]byte, limit int) ([]byte, error) {
	size := int64(binary.BigEndian.Uint32(head[:]))
	if size > int64(limit) {
		return nil, errFrameTooLarge
	}
	if size <= 64<<10 {
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r, size))
	if err == nil && int64(len(body)) < size {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}
