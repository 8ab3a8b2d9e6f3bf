package openai

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// ToolCalls makes the deltas of one choice's tool calls what OpenAI's clients
// live by: a call is opened once, with its index, id, type and name, and every
// later delta has its index and a piece of its arguments. Hosts repeat the id and
// the name, which clients join to nonsense, or leave out index and id. The zero
// value has seen no call.
type ToolCalls struct{ ids []string }

// Split takes the tool calls out of a delta. It returns the delta without them,
// and the deltas to send for them.
func (t *ToolCalls) Split(d Delta, newID func() string) (rest Delta, deltas []jsontext.Value) {
	calls, err := decodeObjects(d.Delta.Get("tool_calls"))
	if err != nil || len(calls) == 0 {
		return d, nil
	}
	rest = d
	rest.Delta = d.Delta.Without("tool_calls")
	for _, call := range calls {
		function, _ := DecodeObject(call.Get("function"))
		index, known := t.find(call, function)
		if !known {
			id := Text(call.Get("id"))
			if id == "" {
				id = newID()
			}
			index = len(t.ids)
			t.ids = append(t.ids, id)
			deltas = append(deltas, openCall(index, id, call, function))
		}
		if arguments := function.Get("arguments"); len(arguments) > 2 {
			piece := append(jsontext.Value(`{"index":`), strconv.Itoa(index)...)
			piece = append(piece, `,"function":{"arguments":`...)
			if arguments.Kind() != '"' { // some hosts send the object itself
				arguments = String(string(arguments))
			}
			piece = append(piece, arguments...)
			deltas = append(deltas, append(piece, "}}"...))
		}
	}
	return rest, deltas
}

// find tells which call a delta belongs to: by its index, else by its id, else
// the last one unless it names a function anew.
func (t *ToolCalls) find(call, function Object) (index int, known bool) {
	id := Text(call.Get("id"))
	if v := call.Get("index"); v.Kind() == '0' {
		n := count(v)
		return int(n), n >= 0 && n < int64(len(t.ids))
	}
	for i, seen := range t.ids {
		if id != "" && seen == id {
			return i, true
		}
	}
	if id == "" && function.Get("name") == nil && len(t.ids) > 0 {
		return len(t.ids) - 1, true
	}
	return 0, false
}

// openCall is the first delta of a call.
func openCall(index int, id string, call, function Object) jsontext.Value {
	b := append(jsontext.Value(`{"index":`), strconv.Itoa(index)...)
	b = append(b, `,"id":`...)
	b = AppendString(b, id)
	b = append(b, `,"type":"function","function":{"name":`...)
	b = AppendString(b, Text(function.Get("name")))
	b = append(b, `,"arguments":""`...)
	b = appendRest(b, function, "name", "arguments")
	b = append(b, '}')
	b = appendRest(b, call, "index", "id", "type", "function")
	return append(b, '}')
}

// AppendToolCall appends the choice of a chunk that carries one such delta.
func AppendToolCall(dst []byte, index int, delta jsontext.Value) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	dst = append(dst, `,"delta":{"tool_calls":[`...)
	dst = append(dst, delta...)
	return append(dst, `]},"logprobs":null,"finish_reason":null}`...)
}
