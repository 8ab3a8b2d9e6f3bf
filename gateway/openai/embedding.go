package openai

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendVector appends an embedding in the format that was asked for, base64 or
// numbers: OpenAI's clients ask for base64 unless they are told otherwise and
// cannot read what hosts send that do not know it.
func AppendVector(dst []byte, v jsontext.Value, packed bool) ([]byte, error) {
	switch {
	case v.Kind() == '[' && packed:
		var raw []byte
		err := eachValue(v, func(item jsontext.Value) error {
			x, err := strconv.ParseFloat(string(item), 32)
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
			return err
		})
		if err != nil {
			return dst, fmt.Errorf("reading an embedding: %w", err)
		}
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, raw)
		return append(dst, '"'), nil
	case v.Kind() == '"' && !packed:
		raw, err := base64.StdEncoding.DecodeString(Text(v))
		if err != nil {
			return dst, fmt.Errorf("reading an embedding: %w", err)
		}
		dst = append(dst, '[')
		for i := 0; i+4 <= len(raw); i += 4 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:]))), 'g', -1, 32)
		}
		return append(dst, ']'), nil
	}
	return append(dst, v...), nil
}

// AppendCompletionChoice appends the choice of a completion as OpenAI would send
// it. Of a chunk that is not the choice's last, the finish reason is null.
func AppendCompletionChoice(dst []byte, choice Object, index int, ended bool) []byte {
	dst = append(dst, `{"text":`...)
	if text := choice.Get("text"); text != nil {
		dst = append(dst, text...)
	} else {
		dst = append(dst, `""`...)
	}
	dst = append(dst, `,"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	dst = append(dst, `,"logprobs":`...)
	dst = appendRaw(dst, choice.Get("logprobs"))
	dst = append(dst, `,"finish_reason":`...)
	if ended {
		dst = AppendString(dst, finish(choice.Get("finish_reason")))
	} else {
		dst = append(dst, "null"...)
	}
	dst = appendRest(dst, choice, "text", "index", "logprobs", "finish_reason")
	return append(dst, '}')
}
