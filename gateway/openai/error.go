package openai

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Error is the object inside OpenAI's error body. Empty Param and Code are sent
// as null: openai-go and the schema want all four keys.
type Error struct {
	Message string
	Type    string
	Param   string
	Code    string
}

func (e *Error) Error() string { return e.Message }

// AppendJSON appends {"error":{…}} with all four keys.
func (e *Error) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = AppendString(dst, e.Message)
	dst = append(dst, `,"type":`...)
	dst = AppendString(dst, e.Type)
	dst = append(dst, `,"param":`...)
	dst = appendNullable(dst, e.Param)
	dst = append(dst, `,"code":`...)
	dst = appendNullable(dst, e.Code)
	return append(dst, "}}"...)
}

// Members are those of an error event of /responses: the error's own beside each
// other, and all of them in an object.
func (e *Error) Members() Object {
	inner := e.AppendJSON(nil)
	return Object{
		{"code", appendNullable(nil, e.Code)}, {"message", String(e.Message)}, {"param", appendNullable(nil, e.Param)},
		{"error", inner[len(`{"error":`) : len(inner)-1]},
	}
}

func appendNullable(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

// DecodeError reads a provider's error body. Some send a string for the
// object, some a bare object, some HTML; nil is returned for what has no
// message.
func DecodeError(body []byte) *Error {
	o, _ := DecodeObject(body) // what is no object has no message
	switch inner := o.Get("error"); inner.Kind() {
	case '{':
		o, _ = DecodeObject(inner)
	case '"':
		return &Error{Message: Text(inner), Type: "invalid_request_error"}
	}
	e := &Error{Message: Text(o.Get("message")), Type: Text(o.Get("type")), Param: Text(o.Get("param")), Code: Text(o.Get("code"))}
	if e.Message == "" {
		e.Message = Text(o.Get("detail")) // FastAPI's word, so also vLLM's older versions
	}
	if e.Message == "" {
		return nil
	}
	return e
}

// BadRequest is an error of type invalid_request_error about a parameter, ""
// for the request as a whole.
func BadRequest(param, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Type: "invalid_request_error", Param: param}
}

// invalid is a BadRequest with a code.
func invalid(code, param, format string, args ...any) *Error {
	e := BadRequest(param, format, args...)
	e.Code = code
	return e
}

// syntaxError says where in the body the JSON breaks.
func syntaxError(body []byte, err error) *Error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return BadRequest("", "could not parse the JSON body of the request: %v", err)
	}
	offset := min(int(syntax.ByteOffset), len(body))
	line := 1 + bytes.Count(body[:offset], []byte("\n"))
	column := offset - bytes.LastIndexByte(body[:offset], '\n')
	what := "it is not valid JSON"
	if errors.Is(err, jsontext.ErrDuplicateName) {
		what = fmt.Sprintf("the name %q stands twice in one object", syntax.JSONPointer.LastToken())
	} else if syntax.Err != nil {
		what = syntax.Err.Error()
	}
	return BadRequest("", "could not parse the JSON body of the request: line %d, column %d: %s", line, column, what)
}
