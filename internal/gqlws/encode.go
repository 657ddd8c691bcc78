package gqlws

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
)

// resultFrame is the message that carries one execution result.
func resultFrame(id, kind string, response *graphql.Response) ([]byte, error) {
	// gqlgen has just written Data as JSON: parsing it once more to compact it, as json.Marshal does with a
	// json.RawMessage, would cost more than all else here.
	if len(response.Errors) == 0 && len(response.Extensions) == 0 && response.HasNext == nil && len(response.Data) > 0 {
		out := make([]byte, 0, len(response.Data)+len(id)+len(kind)+48)
		out = appendHead(out, id, kind)
		out = append(out, `,"payload":{"data":`...)
		out = append(out, response.Data...)
		return append(out, `}}`...), nil
	}
	payload, err := json.Marshal(response)
	if err != nil {
		return nil, err
	}
	out := appendHead(make([]byte, 0, len(payload)+len(id)+len(kind)+40), id, kind)
	out = append(out, `,"payload":`...)
	out = append(out, payload...)
	return append(out, '}'), nil
}

// endFrame is the message that completes an operation.
func endFrame(id, kind string) []byte {
	return append(appendHead(nil, id, kind), '}')
}

// appendHead appends an object that is still open. kind is one of the dialects' names and needs no escaping.
func appendHead(out []byte, id, kind string) []byte {
	quoted, _ := json.Marshal(id) // a string always marshals
	out = append(out, `{"id":`...)
	out = append(out, quoted...)
	out = append(out, `,"type":"`...)
	out = append(out, kind...)
	return append(out, '"')
}
