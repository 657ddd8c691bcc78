package gqlws

import (
	"bytes"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
)

// appendResult appends the frame that carries one execution result.
func appendResult(out []byte, id, kind string, response *graphql.Response) ([]byte, error) {
	start := len(out)
	out = appendHead(append(out, room[:]...), id, kind)
	// gqlgen has just written Data as JSON: parsing it once more to compact it, as json.Marshal does with a
	// json.RawMessage, would cost more than all else here.
	if len(response.Errors) == 0 && len(response.Extensions) == 0 && response.HasNext == nil && len(response.Data) > 0 {
		out = append(out, `,"payload":{"data":`...)
		out = append(out, response.Data...)
		return seal(append(out, `}}`...), start, websocket.TextMessage), nil
	}
	payload, err := marshal(response)
	if err != nil {
		return out[:start], err
	}
	out = append(out, `,"payload":`...)
	out = append(out, payload...)
	return seal(append(out, '}'), start, websocket.TextMessage), nil
}

// endMessage completes an operation.
func endMessage(id, kind string) []byte {
	return append(appendHead(nil, id, kind), '}')
}

// appendHead appends an object that is still open. kind is one of the dialects' names and needs no escaping.
func appendHead(out []byte, id, kind string) []byte {
	out = append(out, `{"id":`...)
	out = appendQuoted(out, id)
	out = append(out, `,"type":"`...)
	out = append(out, kind...)
	return append(out, '"')
}

// appendMessage appends a message of any kind; without an id when it is empty, without a payload when it is nil. A
// json.RawMessage is the client's own text, sent back as it came: what is echoed must not grow.
func appendMessage(out []byte, id, kind string, payload any) ([]byte, error) {
	if id == "" {
		out = append(append(append(out, `{"type":"`...), kind...), '"')
	} else {
		out = appendHead(out, id, kind)
	}
	if payload != nil {
		raw, ok := payload.(json.RawMessage)
		if !ok {
			var err error
			if raw, err = marshal(payload); err != nil {
				return nil, err
			}
		}
		out = append(append(out, `,"payload":`...), raw...)
	}
	return append(out, '}'), nil
}

// marshal is json.Marshal without escapes for HTML, which make six bytes of one.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// appendQuoted appends a text, valid UTF-8, as JSON with the escapes that RFC 8259 section 7 demands and no other, in their
// shortest form: so it is never longer than the client wrote it.
func appendQuoted(out []byte, text string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, '\\', 'b')
		case '\f':
			out = append(out, '\\', 'f')
		case '\n':
			out = append(out, '\\', 'n')
		case '\r':
			out = append(out, '\\', 'r')
		case '\t':
			out = append(out, '\\', 't')
		default:
			if c < ' ' {
				out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				out = append(out, c)
			}
		}
	}
	return append(out, '"')
}
