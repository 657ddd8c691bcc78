package gqlws

import (
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
	payload, err := json.Marshal(response)
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

// appendQuoted appends a text as JSON. Ids that clients count or make up as UUIDs need no escaping.
func appendQuoted(out []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_':
		default:
			quoted, _ := json.Marshal(text) // a string always marshals
			return append(out, quoted...)
		}
	}
	out = append(out, '"')
	out = append(out, text...)
	return append(out, '"')
}
