package standin

// responseEvent is any event of a response's stream: it has the fields that its
// type asks for.
type responseEvent struct {
	Type           string       `json:"type"`
	SequenceNumber int          `json:"sequence_number"`
	Response       *response    `json:"response,omitzero"`
	OutputIndex    *int         `json:"output_index,omitzero"`
	ContentIndex   *int         `json:"content_index,omitzero"`
	ItemID         string       `json:"item_id,omitzero"`
	Item           *outputItem  `json:"item,omitzero"`
	Part           *contentPart `json:"part,omitzero"`
	Delta          *string      `json:"delta,omitzero"`
	Text           *string      `json:"text,omitzero"`
	Name           string       `json:"name,omitzero"`
	Arguments      *string      `json:"arguments,omitzero"`
	Logprobs       *[]string    `json:"logprobs,omitzero"` // always empty
}

// responseEvents numbers the events of one stream.
type responseEvents struct{ *stream }

// event sends an event that carries no text, and says whether to go on.
func (e responseEvents) event(v responseEvent) bool {
	v.SequenceNumber = e.events
	return e.send(v.Type, encode(v))
}

// delta sends an event that carries a part of the answer.
func (e responseEvents) delta(v responseEvent, p piece) bool {
	v.SequenceNumber, v.Delta = e.events, &p.text
	return e.piece(v.Type, encode(v), p.tokens)
}

// streamResponse sends a response in OpenAI's order of events: created, in
// progress, each item with its parts, and completed or incomplete.
func streamResponse(c *call) {
	parts, _, total := c.split()
	whole := c.respond()
	start := whole
	start.Status, start.Usage, start.Output, start.IncompleteDetails = "in_progress", nil, nil, nil
	e := responseEvents{c.openStream(total, true)}
	if !e.event(responseEvent{Type: "response.created", Response: &start}) || !e.event(responseEvent{Type: "response.in_progress", Response: &start}) {
		return
	}
	for i := range whole.Output {
		item := &whole.Output[i]
		added := *item
		added.Status = "in_progress"
		send := e.streamMessage
		if item.Type == "function_call" {
			send = e.streamFunctionCall
			added.Arguments = new(string)
		} else {
			added.Content = []contentPart{}
		}
		if !e.event(responseEvent{Type: "response.output_item.added", OutputIndex: &i, Item: &added}) ||
			!send(item, i, parts[0]) ||
			!e.event(responseEvent{Type: "response.output_item.done", OutputIndex: &i, Item: item}) {
			return
		}
	}
	c.finished()
	e.event(responseEvent{Type: "response." + whole.Status, Response: &whole})
}

func (e responseEvents) streamMessage(item *outputItem, output int, parts []piece) bool {
	content, none := 0, &[]string{}
	at := responseEvent{ItemID: item.ID, OutputIndex: &output, ContentIndex: &content}
	part := at
	empty := textPart("")
	part.Type, part.Part = "response.content_part.added", &empty
	if !e.event(part) {
		return false
	}
	delta := at
	delta.Type, delta.Logprobs = "response.output_text.delta", none
	for _, p := range parts {
		if !p.tool && !e.delta(delta, p) {
			return false
		}
	}
	done := at
	done.Type, done.Text, done.Logprobs = "response.output_text.done", &item.Content[0].Text, none
	part.Type, part.Part = "response.content_part.done", &item.Content[0]
	return e.event(done) && e.event(part)
}

func (e responseEvents) streamFunctionCall(item *outputItem, output int, parts []piece) bool {
	at := responseEvent{ItemID: item.ID, OutputIndex: &output}
	delta := at
	delta.Type = "response.function_call_arguments.delta"
	for _, p := range parts {
		if p.tool && !e.delta(delta, p) {
			return false
		}
	}
	done := at
	done.Type, done.Name, done.Arguments = "response.function_call_arguments.done", item.Name, item.Arguments
	return e.event(done)
}
