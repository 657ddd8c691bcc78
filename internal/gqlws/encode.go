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
	out = appendHead(append(out, headerRoom[:]...), id, kind)
	// gqlgen has just written Data as JSON. json.Marshal would parse and compact it again, which would cost more than the
	// rest of this function.
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

// endMessage returns the message that completes an operation.
func endMessage(id, kind string) []byte {
	return append(appendHead(nil, id, kind), '}')
}

// appendHead appends the beginning of a message, an object that is left open. kind is a name of the dialects and needs no
// escaping.
func appendHead(out []byte, id, kind string) []byte {
	out = append(out, `{"id":`...)
	out = appendQuoted(out, id)
	out = append(out, `,"type":"`...)
	out = append(out, kind...)
	return append(out, '"')
}

// appendMessage appends a message of any kind, without an id when it is empty and without a payload when it is nil. A
// json.RawMessage is the client's own text and is sent back unchanged, so that an echo is never longer.
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

// marshal is json.Marshal without the escapes for HTML, which turn one byte into six.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// appendQuoted appends valid UTF-8 text as a JSON string. It writes only the escapes that RFC 8259 section 7 requires, in
// their shortest form, so the result is never longer than what the client sent.
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
