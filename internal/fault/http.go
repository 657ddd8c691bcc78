package fault

import (
	"encoding/json"
	"net/http"
)

// WriteHTTP answers a request that does not get as far as GraphQL with the given status and e in the shape of a GraphQL
// response, {"errors":[{"message":…,"extensions":{"code":…}}]}, so that a client needs one error path only.
// The cause is not written. Extensions beyond the code may be nil.
func WriteHTTP(w http.ResponseWriter, status int, e *Error, extensions map[string]string) {
	all := make(map[string]string, len(extensions)+1)
	for k, v := range extensions {
		all[k] = v
	}
	all["code"] = string(e.Code)
	type graphqlError struct {
		Message    string            `json:"message"`
		Extensions map[string]string `json:"extensions"`
	}
	body, err := json.Marshal(struct {
		Errors []graphqlError `json:"errors"`
	}{[]graphqlError{{e.Message, all}}})
	if err != nil { // strings always marshal
		body = []byte(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
