package standin

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// stream writes server-sent events, one flush each, and breaks off half-way
// where a fault asks for it.
type stream struct {
	call    *call
	named   bool // events carry their type as a name, as those of responses do
	buf     []byte
	events  int // events sent, of any kind
	pieces  int // pieces of text sent
	breakAt int // the piece before which a fault strikes; -1: never
	flush   func() error
}

// maxFaultPieces bounds how many chunks the text of the fault "huge" has.
const maxFaultPieces = 64

func (c *call) openStream(pieces int, named bool) *stream {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	c.w.WriteHeader(http.StatusOK)
	s := &stream{call: c, named: named, breakAt: -1, flush: http.NewResponseController(c.w).Flush}
	if c.has(Cut) || c.has(Malformed) || c.has(ErrorEvent) {
		s.breakAt = pieces / 2
	}
	return s
}

// send writes one event and says whether to go on.
func (s *stream) send(event string, data []byte) bool {
	if s.call.ctx.Err() != nil {
		return false
	}
	s.buf = s.buf[:0]
	if s.named {
		s.buf = append(append(append(s.buf, "event: "...), event...), '\n')
	}
	s.buf = append(append(append(s.buf, "data: "...), data...), "\n\n"...)
	s.events++
	if _, err := s.call.w.Write(s.buf); err != nil {
		return false
	}
	return s.flush() == nil
}

// piece waits for the model's pace, sends a part of an answer, which counts as
// so many produced tokens, and says whether to go on.
func (s *stream) piece(event string, data []byte, tokens int) bool {
	c := s.call
	if s.pieces > 0 && !c.sleep(c.script.PerChunk) {
		return false
	}
	if s.pieces == s.breakAt {
		s.fail(data)
		return false
	}
	if !s.send(event, data) {
		return false
	}
	s.pieces++
	c.sent += int64(tokens)
	return true
}

// fail strikes half-way through a stream: it sends what the fault asks for in
// place of data.
func (s *stream) fail(data []byte) {
	c := s.call
	c.bill()
	switch {
	case c.has(Cut):
		panic(http.ErrAbortHandler)
	case c.has(ErrorEvent) && s.named:
		s.send("error", encode(struct {
			Type           string `json:"type"`
			SequenceNumber int    `json:"sequence_number"`
			*apiError      `json:",embed"`
		}{"error", s.events, errSpoilt}))
	case c.has(ErrorEvent):
		s.send("", encode(errSpoilt.body()))
	case c.has(Malformed):
		s.send("", data[:len(data)/2])
	}
}

// chunks writes chunks of a completion: objects that differ in little but their
// choices. What they share is rendered once.
type chunks struct {
	*stream
	head  []byte // up to the list of choices
	usage []byte // null, where usage follows at the end
	buf   []byte
}

func (c *call) openChunks(id, object string, pieces int) *chunks {
	k := &chunks{stream: c.openStream(pieces, false)}
	model, _ := jsontext.AppendQuote(nil, c.request.Model)
	k.head = fmt.Appendf(nil, `{"id":%q,"object":%q,"created":%d,"model":%s,"service_tier":"default","system_fingerprint":%q,"choices":[`,
		id, object, c.server.config.Now().Unix(), model, c.fingerprint())
	if c.want.withUsage && !c.has(NoUsage) {
		k.usage = []byte(`,"usage":null`)
	}
	return k
}

// chunk renders a chunk of one choice, whose fields beside the index are given.
// It is valid until the next.
func (k *chunks) chunk(index int, fields []byte) []byte {
	k.buf = append(k.buf[:0], k.head...)
	k.buf = fmt.Appendf(k.buf, `{"index":%d,`, index)
	k.buf = append(append(append(k.buf, fields...), '}', ']'), k.usage...)
	k.buf = append(k.buf, '}')
	if k.call.has(LlamaDeltas) {
		return llamaStyle(k.buf)
	}
	return k.buf
}

// end sends the usage, where it was asked for, and [DONE].
func (k *chunks) end() {
	k.call.finished()
	if usage := k.call.reported(); usage != nil && k.call.want.withUsage {
		last := append(k.buf[:0], k.head...)
		last = append(append(append(last, `],"usage":`...), encode(usage)...), '}')
		if !k.send("", last) {
			return
		}
	}
	k.send("", []byte("[DONE]"))
}

// streamChat sends the choices side by side, a piece of each in turn. Choice 0
// opens the stream.
func streamChat(c *call) {
	parts, rounds, total := c.split()
	k := c.openChunks(c.server.id("chatcmpl-"), "chat.completion.chunk", total)
	var buf []byte
	for i, one := range c.choices {
		content := `""`
		if one.tool != nil && one.text == "" {
			content = "null"
		}
		fields := fmt.Appendf(buf[:0], `"delta":{"role":"assistant","content":%s,"refusal":null},"logprobs":null,"finish_reason":null`, content)
		if !k.send("", k.chunk(i, fields)) {
			return
		}
		if one.tool != nil && !k.send("", k.chunk(i, toolDelta(toolCall{ID: c.server.id("call_"), Type: "function", Function: function{Name: one.tool.Name}}))) {
			return
		}
	}
	for round := range rounds {
		for i := range c.choices {
			if round >= len(parts[i]) {
				continue
			}
			p := parts[i][round]
			var fields []byte
			if p.tool {
				fields = toolDelta(toolCall{Function: function{Arguments: p.text}})
			} else {
				fields = c.textDelta(buf[:0], p.text)
				buf = fields
			}
			if !k.piece("", k.chunk(i, fields), p.tokens) {
				return
			}
		}
	}
	for i, one := range c.choices {
		if !k.send("", k.chunk(i, fmt.Appendf(buf[:0], `"delta":{},"logprobs":null,"finish_reason":%q`, one.finish))) {
			return
		}
	}
	k.end()
}

// textDelta renders the fields of a chunk that carries text.
func (c *call) textDelta(dst []byte, text string) []byte {
	dst = append(dst, `"delta":{"content":`...)
	dst, _ = jsontext.AppendQuote(dst, text) // its error says that bytes that are no UTF-8 were replaced
	dst = append(dst, `},"logprobs":`...)
	if c.want.logprobs {
		dst = append(dst, encode(chatLogprobs(text, c.want.top))...)
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, `,"finish_reason":null`...)
}

func toolDelta(t toolCall) []byte {
	index := 0
	t.Index = &index
	return fmt.Appendf(nil, `"delta":{"tool_calls":[%s]},"logprobs":null,"finish_reason":null`, encode(t))
}

// split cuts every choice into the pieces that its chunks carry: of its text,
// then of its tool's arguments. rounds is the most pieces of a choice, total
// their number.
func (c *call) split() (parts [][]piece, rounds, total int) {
	for _, one := range c.choices {
		n := c.script.Chunks
		if n <= 0 && c.has(Huge) {
			n = maxFaultPieces
		}
		p := pieces(one.text, countTokens(one.text), n)
		if one.tool != nil {
			for _, argument := range pieces(one.tool.Arguments, countTokens(one.tool.Arguments), n) {
				argument.tool = true
				p = append(p, argument)
			}
			if len(p) > 0 {
				p[len(p)-1].tokens += countTokens(one.tool.Name)
			}
		}
		parts = append(parts, p)
		rounds = max(rounds, len(p))
		total += len(p)
	}
	return parts, rounds, total
}
