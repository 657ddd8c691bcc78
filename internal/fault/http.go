package fault

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// WriteHTTP answers a request that does not get as far as GraphQL with the given status and e in the shape of a GraphQL
// response, {"errors":[{"message":…,"extensions":{"code":…}}]}, so that a client needs one error path only.
// The cause is not written. e's extensions are, and further ones, which may be nil. An error of RetryLater gets its
// Retry-After header.
func WriteHTTP(w http.ResponseWriter, status int, e *Error, extensions map[string]string) {
	all := make(map[string]any, len(e.Extensions)+len(extensions)+1)
	maps.Copy(all, e.Extensions)
	for k, v := range extensions {
		all[k] = v
	}
	all["code"] = string(e.Code)
	type graphqlError struct {
		Message    string         `json:"message"`
		Extensions map[string]any `json:"extensions"`
	}
	body, err := json.Marshal(struct {
		Errors []graphqlError `json:"errors"`
	}{[]graphqlError{{e.Message, all}}})
	if err != nil { // extensions are plain JSON
		body = []byte(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if seconds, ok := RetryAfter(e); ok {
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
